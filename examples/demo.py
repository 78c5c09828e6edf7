"""The main job on real answers, offline: learn, certify, count the money, and send questions through a chain.

    python examples/demo.py [folder for the router and the report]

The two models really gave the recorded answers, on a CPU: Qwen2.5-Coder Instruct with 0.5 and with 1.5 billion
parameters. They are free, so the money is counted as if the recorded tokens were paid at the list prices of another
pair, GPT-4.1 nano and GPT-4.1. See examples/data/README.md.
"""

from __future__ import annotations

import sys
import time
import warnings
from itertools import zip_longest
from pathlib import Path

import numpy as np
from langchain_core.prompts import ChatPromptTemplate
from recorded import read_answers, right, to_dataset
from recorded_chat import RecordedChatModel
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from hybrid_router_core import CalibrationError, HybridRouter, Report, RoutingDataset
from hybrid_router_core.collect import Price
from hybrid_router_core.data import ResponseRow
from langchain_hybrid_router import RunnableHybridRouter, routing_decision

# US dollars for a million tokens: OpenAI's list prices as the package genai-prices 0.2.3 of November 2026 has them.
SMALL_PRICE, LARGE_PRICE = Price(input=0.10, output=0.40), Price(input=2.00, output=8.00)
PRICED_AS = "GPT-4.1 nano and GPT-4.1 (OpenAI's list as in genai-prices 0.2.3, November 2026)"
LIMITS, CHOSEN, CONFIDENCE = (0.02, 0.05, 0.10), 0.05, 0.95  # of the answers; 5 % was set before a run
SHOWN, SURE_OF_SMALL = 5, 3  # questions
VERDICTS = {  # (goes to, small is right, large is right)
    ("small", True, True): "well decided: small knew",
    ("small", True, False): "well decided: only small knew",
    ("small", False, True): "badly decided: only large knew",
    ("small", False, False): "no loss: neither knew",
    ("large", False, True): "well decided: only large knew",
    ("large", True, True): "no need: small knew too",
    ("large", True, False): "badly decided: only small knew",
    ("large", False, False): "no gain: neither knew",
}

console = Console(width=80, highlight=False)


def certify(router: HybridRouter, calibration: RoutingDataset, test: RoutingDataset) -> Report:
    """Print what each limit on the loss allows, then leave the router at the chosen one; returns its report."""
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="underline")
    for column in ("certified loss", "threshold", "to small", "lost", "saved", "$ a million"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_row("large alone", "", "0.0%", "0.0%", "0.0%", f"{1e6 * test.large_cost.mean():.2f}")
    refused = []
    for most in LIMITS:
        try:
            router.calibrate(calibration, max_quality_drop=most, confidence=CONFIDENCE)
        except CalibrationError as error:
            refused.append(f"Nothing certified for {most:.0%}: {error}")
            continue
        report = router.evaluate(test, resamples=1)  # the table has no intervals
        spent = np.where(report.to_small, test.small_cost, test.large_cost).mean()
        table.add_row(
            f"at most {most:.0%}",
            f"{router.threshold:.3f}",
            f"{report.interval('cost_advantage').value:.1%}",
            f"{report.quality_drop():.1%}",
            f"{report.interval('saved_cost').value:.1%}",
            f"{1e6 * spent:.2f}",
            style="bold" if most == CHOSEN else "",
        )
    console.print(
        f"[bold]Certified:[/] what may be lost against large alone, each line with {CONFIDENCE:.0%} confidence, by "
        f"{len(calibration)} questions not trained on. [bold]Measured:[/] the rest of the line, on {len(test)} others. "
        f"Money: as if the recorded tokens were paid at the prices of {PRICED_AS}."
    )
    console.print(Padding(table, (0, 0, 0, 2)))
    console.print(*refused, sep="\n", end="\n" if refused else "")
    try:
        router.calibrate(calibration, max_quality_drop=CHOSEN, confidence=CONFIDENCE)
    except CalibrationError:
        router.threshold = 1.0  # all to large, since nothing is certified
    return router.evaluate(test)


def show_quality(report: Report, test: RoutingDataset) -> None:
    """How many answers are right with the router, beside either model alone and beside chance."""
    small, large = test.mean_small.mean(), test.mean_large.mean()
    share, lost = report.interval("cost_advantage").value, report.quality_drop()
    console.print(
        f"At {CHOSEN:.0%}: {large - lost:.1%} of the answers are right, with large alone {large:.1%}, with small alone "
        f"{small:.1%}. As many questions sent to small by chance would lose {share * (large - small):.1%}.\n"
    )


def show_kinds(report: Report) -> None:
    """Which kinds of question go to small, beside how often either model is right."""
    rows = sorted(report.group_rows(), key=lambda row: (-row.cost_advantage, row.large - row.small, row.group))
    cells = [(row.group, f"[bold]{row.cost_advantage:.0%}[/]", f"{row.small:.0%}", f"{row.large:.0%}") for row in rows]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="underline")
    for _ in range(2):
        for column in ("kind", "to small", "small", "large"):
            table.add_column(column, justify="left" if column == "kind" else "right", no_wrap=True)
    half = (len(cells) + 1) // 2
    for left, second in zip_longest(cells[:half], cells[half:], fillvalue=("",) * 4):
        table.add_row(*left, *second)
    console.print(f"[bold]By kind:[/] what goes to small at {CHOSEN:.0%}, and how often either model is right.")
    console.print(Padding(table, (0, 0, 1, 2)))


def surest(report: Report, test: RoutingDataset) -> list[int]:
    """The test questions of which the router is surest, of either side, no kind twice. No answer is looked at."""
    scores = report.outcomes.scores
    by_score = [i for i in scores.argsort(kind="stable") if scores[i] > 0]  # the guard's strangers count as 0
    to_small = [i for i in by_score[::-1] if report.to_small[i]]
    to_large = [i for i in by_score if not report.to_small[i]]
    found: dict[str | None, int] = {}  # by kind
    for order, enough in ((to_small, SURE_OF_SMALL), (to_large, SHOWN)):
        for i in order:
            if len(found) < enough:
                found.setdefault(test.groups[i], int(i))
    return list(found.values())


def ask(model: RunnableHybridRouter, rows: list[ResponseRow]) -> None:
    """Send questions through `prompt | router`; below each stand the decision and what either model says."""
    chain = ChatPromptTemplate.from_messages([("human", "{question}")]) | model
    console.print("[bold]Asked:[/] the test questions of which the router is surest, no kind twice.")
    for row, message in zip(rows, chain.batch([{"question": row.query} for row in rows]), strict=True):
        decision = routing_decision(message)
        small_knew, large_knew = right(row, row.small) == [1.0], right(row, row.large) == [1.0]
        small, large = (shorten(side.texts[0].split("\n")[0]) for side in (row.small, row.large))
        console.print(Padding(escape(row.query), (0, 0, 0, 2)))
        console.print(
            Padding(
                f"-> [bold]{decision.model}[/] ({decision.score:.2f})  {escape(f'small: {small}  large: {large}')}\n"
                f"   {VERDICTS[decision.model, small_knew, large_knew]}",
                (0, 0, 0, 4),
            )
        )
    console.print()


def shorten(answer: str, most: int = 24) -> str:
    """The answer, or its beginning."""
    return answer if len(answer) <= most else f"{answer[:most]}..."


def note(message: Warning | str, *_: object) -> None:
    """A warning as a line of this report, without the place in the code that it comes from."""
    console.print(f"[bold]Note:[/] {escape(str(message))}\n")


def main(folder: Path) -> None:
    """Run the whole demo; everything it writes goes to ``folder``."""
    rows = {row.query: row for row in read_answers()}
    small = RecordedChatModel.of({query: row.small for query, row in rows.items()})
    large = RecordedChatModel.of({query: row.large for query, row in rows.items()})
    data = to_dataset(list(rows.values()), SMALL_PRICE, LARGE_PRICE)
    train, calibration, test = data.split((0.5, 0.25, 0.25), seed=0)
    console.print(
        f"[bold]small[/] is {small.model_name}, [bold]large[/] is {large.model_name}.\n"
        f"{len(data)} recorded questions: {len(train)} to learn from, {len(calibration)} to calibrate, {len(test)} to "
        "test.\n"
    )
    router = HybridRouter().fit(train)
    report = certify(router, calibration, test)
    show_quality(report, test)
    show_kinds(report)
    saved = router.save(folder / "router")
    model = RunnableHybridRouter(small=small, large=large, router=saved)
    ask(model, [rows[test.queries[i]] for i in surest(report, test)])
    console.print(f"router: {saved}\nreport: {report.to_html(folder / 'report.html')}  (open it in a browser)")


if __name__ == "__main__":
    warnings.showwarning = note
    started = time.perf_counter()
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out"))
    console.print(f"demo took {time.perf_counter() - started:.1f} s")
