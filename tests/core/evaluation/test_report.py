"""The page and the pictures of a report, through what a user calls."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from hybrid_router_core.evaluation import Outcomes, evaluate_scores

matplotlib = pytest.importorskip("matplotlib")

MARGIN_CURVE = np.array([[0.0, 0.1, 0.2, 0.3], [0.2, 0.45, 0.45, 0.1]])
ABOUT = {
    "mode": "transformed",
    "hparam": {"hidden_layer_sizes": (128, 64)},
    "margin": None,
    "calibration": {
        "target": "max_quality_drop",
        "target_value": 0.02,
        "confidence": 0.95,
        "quality_drop_bound": 0.0187,
    },
}
VOID = {"meta", "br", "link", "img", "input"}


class Page(HTMLParser):
    """Tags, text and table cells of a page; fails on tags that are not closed in order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.rows, self.text, self._open = [], [], "", []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" in self._open:
            return
        self.text += data
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data

    def row(self, first):
        return next(row for row in self.rows if row[0].startswith(first))


def make(n=400, seed=0, **settings):
    rng = np.random.default_rng(seed)
    scores = rng.random(n)
    small = np.clip(0.3 + 0.5 * scores + rng.normal(0, 0.2, n), 0, 1)
    large = np.clip(0.85 + rng.normal(0, 0.1, n), 0, 1)
    data = Outcomes(scores, small, large, (small >= large - 0.1).astype(float), np.ones(n), np.full(n, 10.0))
    groups = settings.pop("groups", None)
    return evaluate_scores(replace(data, groups=groups), **{"threshold": 0.6, "resamples": 20, **settings})


def page_of(report, folder):
    html = report.to_html(folder / "report.html").read_text("utf-8")
    return html, Page(html)


@pytest.fixture(scope="module")
def full():
    return make(groups=[f"topic {i % 3}" for i in range(400)], about=ABOUT, margin_curve=MARGIN_CURVE)


def number(text):
    return float(text.replace("\u2212", "-").replace("\u202f%", "").replace(",", ""))


def test_the_page_needs_nothing_from_outside(full, tmp_path):
    html, page = page_of(full, tmp_path)
    assert not re.search(r"(?i)https?:|//[a-z]|@import|url\((?!#)", html)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]


def test_every_reference_finds_its_one_target(full, tmp_path):
    html, page = page_of(full, tmp_path)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', html)) != set()
    assert {a or b for a, b in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', html)} <= set(ids)


def test_every_picture_says_what_it_shows(full, tmp_path):
    _, page = page_of(full, tmp_path)
    pictures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(pictures) == 4
    assert all(attrs["role"] == "img" and len(attrs["aria-label"]) > 40 for attrs in pictures)
    assert sum(tag == "figcaption" for tag, _ in page.tags) == 4
    for unit in ("share to small (%)", "mean quality per query", "score (high means small)", "units of quality"):
        assert unit in page.text


def test_all_colours_follow_the_scheme_of_the_reader(full, tmp_path):
    html, _ = page_of(full, tmp_path)
    assert "prefers-color-scheme: dark" in html
    for svg in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL):
        assert re.findall(r"(?<!url\()#[0-9a-fA-F]{6}\b", svg) == []


def test_measures_on_the_page_are_those_of_the_report(full, tmp_path):
    _, page = page_of(full, tmp_path)
    percent = {"cost_advantage": "Cost advantage", "cpt_50": "CPT(50", "cpt_80": "CPT(80", "saved_cost": "Cost saved"}
    plain = {"quality_drop": "Quality drop", "pgr": "PGR", "apgr": "APGR", "auroc": "AUROC", "ece": "Calibration error"}
    for factor, names in ((100, percent), (1, plain)):
        for name, title in names.items():
            _, value, span = next(row for row in page.rows if row[0].startswith(title) and len(row) == 3)
            wanted, tolerance = full.interval(name), 0.0501 if factor == 100 else 0.000501
            assert number(value) == pytest.approx(factor * wanted.value, abs=tolerance), name
            low, high = map(number, span.split(" to "))
            assert (low, high) == pytest.approx((factor * wanted.low, factor * wanted.high), abs=tolerance), name
    assert (
        f"{100 * full.interval('cost_advantage').value:.1f}\u202f%" in page.text.split("Share to small")[0]
    )  # verdict


def test_baselines_groups_and_settings_on_the_page(full, tmp_path):
    _, page = page_of(full, tmp_path)
    for name, row in full.baselines().items():
        share, quality, drop, *areas = page.row(name)[1:]
        assert number(share) == pytest.approx(100 * row["cost_advantage"], abs=0.05)
        assert number(quality) == pytest.approx(row["quality"], abs=0.0001)
        assert number(drop) == pytest.approx(full.outcomes.large.mean() - row["quality"], abs=0.0001)
        assert areas == ["–"] * 3 or number(areas[0]) == pytest.approx(row["apgr"], abs=0.001)
    for group in full.group_rows():
        n, share, drop, routed, small, large = map(number, page.row(group.group)[1:])
        assert n == group.n
        assert (small, large, routed) == pytest.approx((group.small, group.large, group.routed), abs=0.0001)
        assert drop == pytest.approx(group.large - group.routed, abs=0.0001)
        assert share == pytest.approx(100 * group.cost_advantage, abs=0.05)
    assert page.row("hparam: hidden layer sizes")[1] == "128, 64"
    assert page.row("margin")[1] == "–"
    assert page.row("quality drop bound")[1] == "0.0187"
    assert page.row("target")[1] == "max_quality_drop"


def test_the_margin_that_ties_go_to_is_marked(full, tmp_path):
    _, page = page_of(full, tmp_path)
    assert "t* = 0.1" in page.text


def test_what_a_user_wrote_is_escaped(tmp_path):
    bad = '<script>alert("1")</script>&amp;$title'
    about = {bad: bad, "mode": bad, "calibration": {bad: [bad]}}
    html, page = page_of(make(groups=[bad] * 400, about=about), tmp_path)
    assert "<script" not in html
    assert page.text.count(bad) == 7  # a group, the mode twice, a setting and a calibration record, name and value


def test_training_queries_give_a_box(full, tmp_path):
    with pytest.warns(UserWarning, match="trained on"):
        flattered = make(seen_in_training=12)
    assert "12 of the 400 queries were trained on" in page_of(flattered, tmp_path)[1].text
    assert "trained on" not in page_of(full, tmp_path)[1].text


@pytest.mark.parametrize("groups", [None, ["g"], ["long name " * 60], ["\ud800 half a character \0"]])
def test_one_query(tmp_path, groups):
    one = np.array([1.0])
    report = evaluate_scores(Outcomes(one, one, one, one, groups=groups), threshold=1.0, resamples=3)
    _, page = page_of(report, tmp_path)
    assert page.row("PGR")[1:] == ["–", "–"]
    assert "Large is not better than small" in page.text
    assert report.plot().axes


@pytest.mark.parametrize(
    "change",
    [
        {"scores": np.full(50, 0.5)},
        {"scores": np.zeros(50)},
        {"scores": np.ones(50)},
        {"small": np.full(50, 0.7), "large": np.full(50, 0.7)},
        {"small": np.zeros(50), "large": np.zeros(50)},
        {"small": np.full(50, 1e6), "large": np.full(50, -1e6)},
        {"small": np.full(50, 1e-9), "large": np.full(50, 2e-9)},
        {"labels": np.ones(50)},
        {"small_cost": np.zeros(50), "large_cost": np.zeros(50)},
        {"small_cost": np.full(50, np.nan), "large_cost": np.full(50, np.nan)},
        {"groups": []},
    ],
)
def test_degenerate_data_draw_and_print(tmp_path, change):
    rng = np.random.default_rng(0)
    data = Outcomes(rng.random(50), rng.random(50), 0.5 + rng.random(50), rng.integers(0, 2, 50).astype(float))
    if change == {"groups": []}:
        change = {"groups": ["only"] * 50}
    report = evaluate_scores(replace(data, **change), threshold=0.5, resamples=5)
    html, _ = page_of(report, tmp_path)
    assert not re.search(r">\s*(nan|inf|None|-0\.0+)\b", html)
    report.plot().savefig(tmp_path / "report.png")


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_one_model_gets_everything(tmp_path, threshold):
    _, page = page_of(make(threshold=threshold), tmp_path)
    assert page.row("router")[1] == ("0.0" if threshold else "100.0") + "\u202f%"
    assert ("no loss in mean quality" in page.text) == bool(threshold)


@pytest.mark.parametrize("curve", [np.array([[0.0], [0.0]]), np.array([[0.3], [0.5]]), np.empty((2, 0))])
def test_margin_curves_of_no_length(tmp_path, curve):
    report = make(n=20, margin_curve=curve)
    assert page_of(report, tmp_path)[0].count("<svg") == (4 if curve.size else 3)
    assert len(report.plot().axes) == 4


def test_where_small_is_better_the_page_does_not_praise_the_router(tmp_path):
    data = make().outcomes
    report = evaluate_scores(replace(data, small=data.large, large=data.small), threshold=0.6, resamples=20)
    text = page_of(report, tmp_path)[1].text
    assert "small alone is better than large" in text
    assert "Large is not better than small" in text
    assert "better than random" not in text


def test_what_the_guard_sends_to_large_is_said(tmp_path):
    plain = make()
    assert "guard" not in page_of(plain, tmp_path)[1].text
    strangers = np.arange(400) < 60
    report = evaluate_scores(replace(plain.outcomes, strangers=strangers), threshold=0.6, resamples=20)
    text = page_of(report, tmp_path)[1].text
    assert "Its guard sends 15.0\u202f% to large whatever the score" in text
    assert "go to small, but for the guard’s." in text


def test_random_scores_are_not_said_to_be_better_than_random(full, tmp_path):
    rng = np.random.default_rng(1)
    report = evaluate_scores(replace(full.outcomes, scores=rng.random(400)), threshold=0.5, resamples=50)
    assert "not distinguishable from random" in page_of(report, tmp_path)[1].text
    assert "better than random" in page_of(full, tmp_path)[1].text


def test_two_hundred_groups_are_all_there(tmp_path):
    _, page = page_of(make(groups=[f"group {i % 200:03}" for i in range(400)]), tmp_path)
    assert "Groups (200)" in page.text
    assert sum(row[0].startswith("group ") for row in page.rows) == 200


def test_many_queries_make_a_small_page_with_the_same_bytes_each_time(tmp_path):
    report = make(n=14_000, resamples=3, margin_curve=np.stack([np.linspace(0, 1, 20_000), np.linspace(1, 0, 20_000)]))
    first = report.to_html(tmp_path / "a" / "report.html")  # the folder is made
    second = report.to_html(str(tmp_path / "b.html"))
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size < 250_000


def test_the_user_s_style_changes_nothing_and_is_left_alone(full, tmp_path):
    plain = full.to_html(tmp_path / "plain.html").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        assert full.to_html(tmp_path / "styled.html").read_bytes() == plain
        full.plot()
        assert dict(matplotlib.rcParams) == before


def test_plot_is_one_figure_with_four_pictures_that_notebooks_can_show(full):
    figure = full.plot()
    assert len(figure.axes) == 4
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in figure.axes)
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_pyplot_and_its_backends_are_not_loaded():
    code = (
        "import sys, numpy as np; from hybrid_router_core.evaluation import Outcomes, evaluate_scores; a = np.ones(3); "
        "r = evaluate_scores(Outcomes(a, a, a, a), threshold=0.5, resamples=2); "
        "assert 'matplotlib' not in sys.modules; r.plot(); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_the_error_names_the_command(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None; import numpy as np; "
        "from hybrid_router_core import MissingExtraError; "
        "from hybrid_router_core.evaluation import Outcomes, evaluate_scores; a = np.ones(3); "
        "r = evaluate_scores(Outcomes(a, a, a, a), threshold=0.5, resamples=2)\n"
        "for ask in (r.plot, lambda: r.to_html('report.html')):\n"
        "    try: ask()\n"
        "    except MissingExtraError as error: print(error)\n"
        "print(r.to_dict()['n'])"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path)
    *errors, n = run.stdout.splitlines()
    assert len(errors) == 2
    assert all("pip install 'hybrid-llm-router[report]'" in error for error in errors)
    assert n == "3"
    assert not list(tmp_path.iterdir())
