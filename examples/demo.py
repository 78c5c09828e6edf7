"""The main job on real answers, offline: train, calibrate, measure, save, and route questions through a chain.

    python examples/demo.py [folder for the router and the report]

Two real models, Gemma 3 270M (small) and Qwen2.5-Coder 0.5B Instruct (large), answered 804 questions four times each;
see examples/data/README.md. The pair has a large gap: small is right in 11 % of its answers, large in 42 %.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from recorded import is_right, quiz_dataset, read_quiz
from recorded_chat import RecordedChatModel
from rich.console import Console
from rich.table import Table

from hybrid_router_core import CalibrationError, HybridRouter, RoutingDataset
from hybrid_router_core.evaluation import Report
from langchain_hybrid_router import RunnableHybridRouter, routing_decision

MODES = ("deterministic", "probabilistic", "transformed")
SHARE_TO_SMALL = 0.4
SHOWN = 12

console = Console(width=110)


def compare_modes(
    train: RoutingDataset, calibration: RoutingDataset, test: RoutingDataset
) -> dict[str, tuple[HybridRouter, Report]]:
    """Train one router per label mode and print what each makes of the pair."""
    table = Table(title=f"Three modes, each calibrated to {SHARE_TO_SMALL:.0%} to small; {len(test)} test questions")
    for column in ("mode", "t*", "mean label", "fit", "APGR [95 %]", "to small", "quality drop [95 %]"):
        table.add_column(column, justify="left" if column == "mode" else "right")
    results = {}
    for mode in MODES:
        started = time.perf_counter()
        router = HybridRouter(mode=mode).fit(train)
        seconds = time.perf_counter() - started
        report = router.calibrate(calibration, cost_advantage=SHARE_TO_SMALL).evaluate(test)
        apgr, drop = report.interval("apgr"), report.interval("quality_drop")
        table.add_row(
            mode,
            "-" if router.margin is None else f"{router.margin:.2f}",
            f"{router.labels(train).mean():.2f}",
            f"{seconds:.1f} s",
            f"{apgr.value:.3f} [{apgr.low:.3f}, {apgr.high:.3f}]",
            f"{report.interval('cost_advantage').value:.0%}",
            f"{drop.value:.3f} [{drop.low:.3f}, {drop.high:.3f}]",
        )
        results[mode] = (router, report)
    console.print(table)
    blind = SHARE_TO_SMALL * float((test.mean_large - test.mean_small).mean())
    console.print(f"A router that guesses has an APGR of 0.500 and loses {blind:.3f} at {SHARE_TO_SMALL:.0%}.")
    if results["transformed"][0].margin == 0:
        console.print("t* is 0: answers that are right or wrong leave no margin, so transformed equals probabilistic.")
    console.print()
    return results


def show_guarantee(router: HybridRouter, calibration: RoutingDataset, test: RoutingDataset) -> None:
    """Ask for a bound on the quality drop that holds with 95 % confidence, and look at the test questions."""
    for most in (0.02, 0.05, 0.1):
        try:
            router.calibrate(calibration, max_quality_drop=most, confidence=0.95)
        except CalibrationError as error:
            console.print(f"max_quality_drop={most}: {error}")
            continue
        report = router.evaluate(test)
        console.print(
            f"max_quality_drop={most}: {report.interval('cost_advantage').value:.0%} to small, "
            f"drop on the test questions {report.quality_drop():.3f}"
        )


def answer_questions(model: RunnableHybridRouter, rows: list[dict], questions: list[str]) -> None:
    """Send unseen questions through `prompt | router | parser`; the models say what they really said."""
    chain = ChatPromptTemplate.from_messages([("human", "{question}")]) | model
    accepted = {row["query"]: row["answers"] for row in rows}
    table = Table(title="New questions through prompt | router")
    for column, width in (("question", 50), ("score", 5), ("goes to", 7), ("answer", 26), ("right", 5)):
        table.add_column(column, width=width, justify="right" if column == "score" else "left", no_wrap=True)
    parser = StrOutputParser()
    for question, message in zip(questions, chain.batch([{"question": q} for q in questions]), strict=True):
        decision = routing_decision(message)
        text = parser.invoke(message)
        table.add_row(
            question,
            f"{decision.score:.2f}",
            f"[{'cyan' if decision.model == 'small' else 'yellow'}]{decision.model}[/]",
            text.strip().split("\n")[0],
            "yes" if is_right(text, accepted[question]) else "no",
        )
    console.print(table)


def main(folder: Path) -> None:
    """Run the whole demo; everything it writes goes to ``folder``."""
    rows = read_quiz()
    train, calibration, test = quiz_dataset(rows).split((0.6, 0.2, 0.2), seed=0)
    console.print(
        f"{len(rows)} questions with 4 answers of each model: {len(train)} to train, {len(calibration)} to calibrate, "
        f"{len(test)} to test.\nMean quality on the test questions: small {test.mean_small.mean():.3f}, "
        f"large {test.mean_large.mean():.3f}.\n"
    )
    results = compare_modes(train, calibration, test)
    router, report = results["transformed"]
    saved = router.save(folder / "router")
    page = report.to_html(folder / "report.html")
    report.plot().savefig(folder / "report.png", dpi=110)
    show_guarantee(HybridRouter.load(saved), calibration, test)

    model = RunnableHybridRouter(
        small=RecordedChatModel.of("Gemma 3 270M", "small", rows),
        large=RecordedChatModel.of("Qwen2.5-Coder 0.5B Instruct", "large", rows),
        router=saved,
    )
    console.print()
    answer_questions(model, rows, test.queries[:SHOWN])
    console.print(f"\nrouter: {saved}\nreport: {page}  (open it in a browser)")


if __name__ == "__main__":
    started = time.perf_counter()
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out"))
    console.print(f"demo took {time.perf_counter() - started:.1f} s")
