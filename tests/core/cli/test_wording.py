"""What the library says of its parameters, as the command's options."""

import pytest

from hybrid_router_core.cli.wording import SETTINGS, as_options, sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("across='groups': 3 of the 40 queries have no group", "--across groups: 3 of the 40 queries have no group"),
        ("leave out across= for a limit", "leave out --across for a limit"),
        ("lose at most max_quality_drop=0.02 (confidence 0.9", "lose at most --max-quality-drop 0.02 (confidence 0.9"),
        ("max_quality_drop=2% limits nothing", "--max-quality-drop 2% limits nothing"),
        ("is about max_quality_drop=0.044. Allow", "is about --max-quality-drop 0.044. Allow"),
        ("max_quality_drop=1e-06 is small", "--max-quality-drop 1e-06 is small"),
        ("outside quality_range=(0, 1); give", "outside --quality-range 0,1; give"),
        ("the default quality_range of (0, 1); give", "the default --quality-range 0,1; give"),
        ("give quality_range=(lowest, highest) that", "give --quality-range LOWEST,HIGHEST that"),
        ("guard=0.02 needs 49, use guard=0.1, or", "--guard 0.02 needs 49, use --guard 0.1, or"),
        ("or with guard=None; train it again", "or with --guard none; train it again"),
        ("or turn the guard off.", "or turn the guard off with --guard none."),
        ("needs small= and large= with a model's name", "needs --small and --large with a model's name"),
        ("to small (cost_advantage=1), or use a max_quality_drop target.",
         "to small (--cost-advantage 1), or use a --max-quality-drop target."),
        ("no threshold reaches pgr=0.9 on", "no threshold reaches --pgr 0.9 on"),
        ("exactly one of cost_advantage=, pgr= and max_quality_drop=",
         "exactly one of --cost-advantage, --pgr and --max-quality-drop"),
        ("confidence is 2; allowed: a number", "--confidence is 2; allowed: a number"),
        ('split(by="group"): there are no groups; use by="query"', "--by group: there are no groups; use --by query"),
        ("apart with data.split(..., by='group').", "apart with --by group."),
        ("as data.split((0.6, 0.2, 0.2)) gives it", "as --split 0.6,0.2,0.2 gives it"),
        ("as data.split((0.6, 0.2, 0.2), by='group') gives it", "as --split 0.6,0.2,0.2 --by group gives it"),
        ("a part that fit has not seen, as data.split gives it.",
         "a part that train has not seen, as --split of train gives it."),
    ],
)  # fmt: skip
def test_parameters_become_options(text, words):
    assert as_options(text) == words


@pytest.mark.parametrize(
    "text",
    [
        "unknown column 'across='groups''; allowed are query",
        "line 3: found 'use max_quality_drop=0.02 now', a text",
        'the query "what is pgr=0.5 ?" is odd',
        "data/small=3/part.jsonl: no such file",
        "guard=0.02.jsonl: no such file",
        "--option mode='x'; allowed are grade, compare",
        "embedder='statik' is not known",  # it may be a metric's
        "scorer='a=b' is not known",
        "config.yaml: calibration: found cost_advantage and pgr; give exactly one of cost_advantage, pgr",
        "config.yaml: guard is '2%' (str); allowed: auto, none; small is 3 (int); allowed: text",
        "config.yaml: calibration.confidence is 2 (int); allowed: a number between 0 and 1",
        "my_guard=0.02 and guard=high stay, the large model's confidence is low",
        "the number of large= x",
        "give KEY=VALUE, such as max_iter=300",
        "http://localhost/?small=1&large=2 does not answer",
        "the threshold is high, and the guard is there; allowed is all",
    ],
)
def test_nothing_else_is_touched(text):
    kept = text.replace("large= x", "--large x")  # a name alone is said as one
    assert as_options(text) == kept


def test_settings_of_a_router_are_options_of_train_alone():
    assert as_options("embedder='statik' is not known. Use 'static'", SETTINGS) == (
        "--embedder statik is not known. Use 'static'"
    )
    assert as_options("tau is -1.0; allowed: a number > 0", SETTINGS) == "--tau is -1.0; allowed: a number > 0"
    assert as_options("scorer='a=b' is none", SETTINGS) == "--scorer a=b is none"
    assert as_options("tau is -1.0; allowed: a number > 0") == "tau is -1.0; allowed: a number > 0"


def test_two_warnings_about_other_rows_say_the_same():
    assert sentence("these 1,194 in 20 groups lose alike. The guarantee ...") == sentence(
        "these 195 in 9 groups lose alike. Each interval ..."
    )
    assert sentence("a.jsonl: 3 rows left out") != sentence("b.jsonl: 3 rows left out")
