"""The demo runs offline, from the repository alone, and every figure on its screen can be found again."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from examples.recorded import ANSWERS, read_answers, right, to_dataset
from hybrid_router_core import CalibrationError, DataError, HybridRouter
from hybrid_router_core.collect import Price

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
OFFLINE = """
import runpy, socket, sys
def refuse(*_):
    raise AssertionError("the demo went to the network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
sys.path.insert(0, sys.argv.pop(1))
runpy.run_path(sys.path[0] + "/demo.py", run_name="__main__")
"""
SMALL, LARGE = {"input": 0.10, "output": 0.40}, {"input": 2.00, "output": 8.00}  # OpenAI, GPT-4.1 nano and GPT-4.1
KIND = re.compile(r"([a-z_]+) +(\d+)% +(\d+)% +(\d+)%")
LINE = re.compile(r"at most (\d+)% +(\d\.\d{3}) +(-?[\d.]+%) +(-?[\d.]+%) +(-?[\d.]+%) +([\d.]+)")
ASKED = re.compile(r"-> (small|large) \((\d\.\d\d)\) ")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    pytest.importorskip("langchain_core", reason="the demo needs the extra langchain")
    pytest.importorskip("matplotlib", reason="the demo needs the extra report")
    folder = tmp_path_factory.mktemp("demo")
    before = os.times()
    run = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(EXAMPLES), "out"],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"},
        check=False,
        cwd=folder,
    )
    after = os.times()
    assert run.returncode == 0, run.stderr
    data = to_dataset(read_answers(), Price(**SMALL), Price(**LARGE))
    train, calibration, test = data.split((0.5, 0.25, 0.25), seed=0)
    router = HybridRouter.load(folder / "out" / "router")
    return SimpleNamespace(
        folder=folder / "out",
        lines={int(limit): tuple(figures) for limit, *figures in LINE.findall(run.stdout)},
        screen=run.stdout,
        words=" ".join(run.stdout.split()),
        seconds=after.children_user + after.children_system - before.children_user - before.children_system,
        page=(folder / "out" / "report.html").read_text(encoding="utf-8"),
        train=train,
        calibration=calibration,
        test=test,
        router=router,
        report=router.evaluate(test),
    )


def test_it_is_quick_and_fits_a_terminal(demo):
    assert demo.seconds < 20
    assert max(map(len, demo.screen.splitlines())) <= 80
    assert len(demo.screen.splitlines()) < 60


def test_its_parts_share_no_question(demo):
    parts = [set(part.query_hashes.tolist()) for part in (demo.train, demo.calibration, demo.test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(read_answers())
    assert f"{len(demo.train)} to learn from, {len(demo.calibration)} to calibrate" in demo.words
    with pytest.raises(DataError, match=f"{len(demo.train)} of the {len(demo.train)} calibration queries"):
        demo.router.calibrate(demo.train, max_quality_drop=0.05)
    with pytest.warns(UserWarning, match="trained on"):
        demo.router.evaluate(demo.train, resamples=1)
    assert demo.report.seen_in_training == 0


def test_the_threshold_in_force_is_the_certified_one(demo):
    record = demo.router.calibration
    assert (record.target, record.target_value, record.confidence) == ("max_quality_drop", 0.05, 0.95)
    assert (record.n, record.threshold) == (len(demo.calibration), demo.router.threshold)
    assert f"by {record.n} questions not trained on" in demo.words
    assert demo.lines[5][0] == f"{demo.router.threshold:.3f}"


@pytest.mark.parametrize("limit", [2, 5, 10])
def test_each_certified_line_can_be_found_again(demo, limit):
    router = HybridRouter.load(demo.folder / "router")
    try:
        router.calibrate(demo.calibration, max_quality_drop=limit / 100, confidence=0.95)
    except CalibrationError as error:
        assert limit not in demo.lines
        assert f"Nothing certified for {limit}%: {error}" in demo.words
        return
    rows = {row.query: row for row in read_answers()}
    decisions = router.route_batch(demo.test.queries)
    spent = {"large": 0.0, "routed": 0.0}
    lost = 0.0
    for query, decision in zip(demo.test.queries, decisions, strict=True):
        row = rows[query]
        dear, cheap = dollars(row.large, LARGE), dollars(row.small, SMALL)
        spent["large"] += dear
        spent["routed"] += cheap if decision.model == "small" else dear
        lost += right(row, row.large)[0] - right(row, getattr(row, decision.model))[0]
    n, saved = len(decisions), 1 - spent["routed"] / spent["large"]
    assert saved > 0
    to_small = sum(decision.model == "small" for decision in decisions) / n
    # the prices are for a million tokens, so their mean over questions is the price of a million questions
    routed = f"{spent['routed'] / n:.2f}"
    assert demo.lines[limit] == (
        f"{router.threshold:.3f}",
        f"{to_small:.1%}",
        f"{lost / n:.1%}",
        f"{saved:.1%}",
        routed,
    )
    assert f"large alone 0.0% 0.0% 0.0% {spent['large'] / n:.2f}" in demo.words


def dollars(side, price):
    (answer,) = side.responses
    return price["input"] * answer.prompt_tokens + price["output"] * answer.completion_tokens


def test_the_screen_says_what_the_report_says(demo):
    share, saved = demo.report.interval("cost_advantage").value, demo.report.interval("saved_cost").value
    lost, large = demo.report.quality_drop(), demo.test.mean_large.mean()
    assert demo.lines[5][1:4] == (f"{share:.1%}", f"{lost:.1%}", f"{saved:.1%}")
    assert f"At 5%: {large - lost:.1%} of the answers are right, with large alone {large:.1%}" in demo.words
    tiles = dict(re.findall(r'<div class="tile"><span>([^<]+)</span><b>([^<]+)</b>', demo.page))
    assert number(tiles["Share to small"]) == pytest.approx(100 * share, abs=0.06)
    assert number(tiles["Cost saved"]) == pytest.approx(100 * saved, abs=0.06)
    assert number(tiles["Quality drop"]) == pytest.approx(lost, abs=1e-4)
    assert f"threshold {demo.router.threshold:.3f}" in demo.page
    kinds = {kind: tuple(map(int, figures)) for kind, *figures in KIND.findall(demo.screen)}
    assert kinds == {
        row.group: tuple(int(f"{100 * value:.0f}") for value in (row.cost_advantage, row.small, row.large))
        for row in demo.report.group_rows()
    }
    assert all(f">{kind}<" in demo.page for kind in kinds)


def number(text):
    return float(re.sub(r"[^\d.\-]", "", text.replace("\N{MINUS SIGN}", "-")))


def test_the_shown_questions_are_those_of_the_surest_scores_whatever_came_of_them(demo):
    rows = {row.query: row for row in read_answers()}
    shown = [query for query in demo.test.queries if query in demo.words.split("Asked:")[1]]
    assert len(shown) == len(ASKED.findall(demo.screen)) == 5
    kinds = [rows[query].group for query in shown]
    assert len(set(kinds)) == 5
    assert shown_kinds_by_hand(demo) == set(kinds)
    for query in shown:
        decision, row = demo.router.route(query), rows[query]
        said = demo.words.split(" ".join(query.split()))[1].split("->")[1]
        assert said.startswith(f" {decision.model} ({decision.score:.2f})")
        for side in ("small", "large"):
            assert f"{side}: {' '.join(getattr(row, side).texts[0][:24].split())}" in said
        knew = {"small": right(row, row.small) == [1.0], "large": right(row, row.large) == [1.0]}
        other = "large" if decision.model == "small" else "small"
        if knew[other] and not knew[decision.model]:
            assert "badly decided" in said
        elif knew[decision.model] and (decision.model == "small" or not knew["small"]):
            assert "well decided" in said
        else:
            assert "well decided" not in said


def shown_kinds_by_hand(demo):
    """Up to three kinds by the best score that goes to small, then by the worst of those that go to large."""
    decided = list(zip(demo.test.groups, demo.router.route_batch(demo.test.queries), strict=True))
    best, worst = {}, {}
    for kind, decision in decided:
        if decision.model == "small":
            best[kind] = max(best.get(kind, 0), decision.score)
        elif decision.reason != "unknown":
            worst[kind] = min(worst.get(kind, 1), decision.score)
    small = sorted(best, key=best.get)[::-1][:3]
    return {*small, *[kind for kind in sorted(worst, key=worst.get) if kind not in small][: 5 - len(small)]}


def test_an_answer_is_judged_by_what_it_names_and_not_by_what_it_compares_with():
    def judged(text):
        row = next(row for row in read_answers() if row.group == "comparison")
        larger, smaller = row.answers[0], next(n for n in re.findall(r"[\d.]*\d", row.query) if n != row.answers[0])
        side = SimpleNamespace(texts=[text.format(larger=larger, smaller=smaller)])
        return right(row, side) == [1.0]

    assert judged("{larger}")
    assert judged("{larger} is larger than {smaller}.")
    assert not judged("{smaller} is larger than {larger}.")
    assert not judged("{smaller}")


def test_the_recorded_answers_are_of_the_named_models_and_within_their_length(demo):
    rows = read_answers()
    assert len({row.query for row in rows}) == len({row.id for row in rows}) == len(rows)
    for side, name in (("small", "qwen2.5-coder-0.5b-instruct"), ("large", "qwen2.5-coder-1.5b-instruct")):
        assert {getattr(row, side).model for row in rows} == {name}
        assert f"{side} is {name}" in demo.words
    assert all(answer.finish_reason for row in rows for answer in (*row.small.responses, *row.large.responses))
    assert ANSWERS.stat().st_size < 200_000
