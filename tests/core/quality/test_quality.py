"""Quality metrics: what they find equal, their ranges, and models against a plain computation."""

import gzip
import importlib.util
import json
import math
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_router_core import ConfigError, DataError
from hybrid_router_core.quality import (
    METRICS,
    BartScore,
    Choice,
    FunctionMetric,
    PairMetric,
    QualityMetric,
    RewardModel,
    make_metric,
    preference_qualities,
    qualities,
    score_in_batches,
)
from hybrid_router_core.quality._words import last_number, normalise


def has(*packages):
    return all(importlib.util.find_spec(package) for package in packages)


needs_rouge = pytest.mark.skipif(not has("rouge_score"), reason="rouge-score is not installed")
QUIZ = Path(__file__).parents[3] / "examples" / "data" / "quiz.jsonl.gz"
ANSWERS = ["exact_match", "answer_match", "contains", "numeric", "choice"]
TEXT = st.text(max_size=40)


def read_quiz():
    with gzip.open(QUIZ, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def plain_answer_match(response, accepted):
    """The rule by which the quiz was judged when it was recorded."""
    number = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")
    line = response.strip().split("\n", 1)[0].lower()
    for wanted in accepted:
        if number.fullmatch(wanted):
            found = number.findall(line)
            if found and float(found[-1].replace(",", "")) == float(wanted.replace(",", "")):
                return 1.0
        elif re.search(rf"(?<!\w){re.escape(wanted.lower())}(?!\w)", line):
            return 1.0
    return 0.0


def one(name, response, *accepted, **options):
    return float(qualities(make_metric(name, **options), ["q"], [response], [list(accepted)])[0])


# The protocol


@pytest.mark.parametrize("name", [name for name in METRICS if name not in ("judge", "reward_model")])
def test_every_metric_states_what_it_is(name):
    metric = make_metric(name)
    assert isinstance(metric, QualityMetric)
    assert metric.name == name
    assert metric.range[0] < metric.range[1]
    assert metric.direction in ("higher", "lower")
    assert metric.needs <= {"references", "model"}
    assert "arXiv" in metric.source or "aclanthology" in metric.source or "project" in metric.source
    assert name.split("_")[0] in repr(metric).lower()
    again = pickle.loads(pickle.dumps(metric))  # noqa: S301  our own bytes: joblib does the same
    assert again.name == name


def test_the_judges_and_the_reward_model_state_theirs():
    pytest.importorskip("tenacity", reason="tenacity is not installed")
    grade = make_metric("judge", model=lambda _: "")
    compare = make_metric("judge", model=lambda _: "", mode="compare")
    assert isinstance(grade, QualityMetric)
    assert isinstance(compare, PairMetric)
    assert not isinstance(compare, QualityMetric)
    assert grade.range == (1, 10)
    reward = make_metric("reward_model", model="some/checkpoint")
    assert isinstance(reward, QualityMetric)
    assert reward.needs == {"model"}


@pytest.mark.parametrize(
    ("metric", "options", "message"),
    [
        ("exact_mach", {}, "Did you mean 'exact_match'"),
        ("numeric", {"tolerence": 1}, "Did you mean 'tolerance'"),
        ("numeric", {"tolerance": -1}, "from 0 on"),
        ("contains", {"x": 1}, "allowed are none"),
        ("choice", {"letters": "AA"}, "different letters"),
        ("rouge_l", {"measure": "f"}, "fmeasure"),
        ("bart_score", {"variant": "x"}, "recall, precision, f, faithfulness"),
        ("bart_score", {"batch_size": 0}, "from 1 on"),
        ("reward_model", {}, "needs the option 'model'"),
        ("reward_model", {"model": "m", "form": "x"}, "auto, chat, pair"),
        ("embedding_similarity", {"embedder": "x"}, "embedder='x' is not known"),
        ("judge", {}, "judge needs the option 'model'"),
        ("judge", {"model": "m", "mode": "rank"}, "grade, compare"),
        ("judge", {"modle": "m"}, "Did you mean 'mod"),
        ("no_such_module_here:f", {}, "there is no module 'no_such_module_here'"),
        ("math:squrt", {}, "Did you mean 'sqrt'"),
        ("math:", {}, "MODULE:FUNCTION"),
        ("math:sqrt", {"hight": 1}, "has no option 'hight'"),
        ("math:pi", {}, "a metric is a function"),
    ],
)
def test_what_cannot_be_made_says_why(metric, options, message):
    with pytest.raises(ConfigError, match=message):
        make_metric(metric, **options)


def test_a_metric_without_references_refuses():
    with pytest.raises(DataError, match="none for number 1"):
        qualities(make_metric("contains"), ["a", "b"], ["x", "y"], [["x"], []])


# Comparing with accepted answers


@pytest.mark.parametrize("name", [*ANSWERS, "embedding_similarity"])
@given(response=TEXT, accepted=st.lists(TEXT, min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_scores_stay_in_range(name, response, accepted):
    metric = make_metric(name)
    low, high = metric.range
    assert low <= one(name, response, *accepted) <= high


@pytest.mark.parametrize("name", ["exact_match", "contains"])
@given(text=TEXT.filter(lambda text: text.strip()))
@settings(max_examples=100, deadline=None)
def test_the_accepted_answer_itself_scores_best(name, text):
    assert one(name, text, "something else", text) == 1.0


@given(text=st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_normalising_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


@given(number=st.floats(-1e9, 1e9, allow_nan=False))
@settings(max_examples=100, deadline=None)
def test_a_number_is_found_where_it_ends_the_text(number):
    assert last_number(f"First 12, then {number!r}.") == number


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The  Eiffel Tower!", "eiffel tower"),
        ("1,000,000", "1000000"),
        ("3.5", "3.5"),
        ("-2", "-2"),
        ("\u22122", "-2"),
        ("$5", "5"),
        ("U.S.A.", "usa"),
        ("well-known", "well known"),
        ("don't", "dont"),
        ("ＡＢＣ", "abc"),
        ("Straße", "strasse"),
        ("a", ""),
    ],
)
def test_normalise(text, plain):
    assert normalise(text) == plain


@pytest.mark.parametrize(
    ("name", "response", "accepted", "score"),
    [
        ("exact_match", "The Paris.", ["paris"], 1),
        ("exact_match", "Paris, France", ["paris"], 0),
        ("exact_match", "35", ["3.5"], 0),
        ("exact_match", "a", ["the"], 0),
        ("exact_match", "?", ["?"], 1),
        ("exact_match", "two", ["2", "two"], 1),
        ("contains", "I think it is Paris, in France.", ["Paris"], 1),
        ("contains", "Parisian", ["Paris"], 0),
        ("contains", "", ["Paris"], 0),
        ("numeric", "3 + 4 = 7.", ["7"], 1),
        ("numeric", "7 apples of 9", ["7"], 0),
        ("numeric", "It costs $1,234.50", ["1234.5"], 1),
        ("numeric", "16-3", ["3"], 1),
        ("numeric", "no number", ["3"], 0),
        ("numeric", "18", ["9 * 2 = 18\n#### 18"], 1),
        ("answer_match", "19 apples\n\nQ: 4 and 5?", ["19"], 1),
        ("answer_match", "The answer is paris.", ["Paris"], 1),
        ("answer_match", "x\nParis", ["Paris"], 0),
        ("answer_match", "119", ["19"], 0),
    ],
)
def test_answers(name, response, accepted, score):
    assert one(name, response, *accepted) == score


def test_numeric_tolerance():
    assert one("numeric", "3.14", "3.14159") == 0
    assert one("numeric", "3.14", "3.14159", tolerance=0.01) == 1
    assert one("numeric", "1010", "1000", tolerance=0.01) == 1


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        *(
            (text, "B")
            for text in ("B", "b", " (b) ", "**B**", "B.", "[[B]]", "B) Paris", "B. Paris", "B: Paris", "B - P")
        ),
        *((text, "D") for text in (r"\boxed{D}", r"$\boxed{\text{D}}$", r"So \(\boxed{(D)}\).", "It is **D**, surely")),
        *((text, "C") for text in ("The answer is C", "Answer: c", "**Answer:** C", "answer is (c).", "Answer\nC")),
        *((text, "C") for text in ("C is the correct answer", "I choose C.", "I'd go with C", "<answer>C</answer>")),
        ("The correct option is B because A is wrong.", "B"),
        ("Option C is correct because option A is wrong.", "C"),
        ("Option A is wrong. Option B is wrong. The answer is C.", "C"),
        ("The answer is A because it fits", "A"),
        ("A) x\nB) y\n\nAnswer: B", "B"),
        ("B\n\nBecause A) is wrong", "B"),
        ("It is clearly (B), as stated", "B"),
        ("So it must be A.", "A"),
        ("Answer: A.", "A"),
        ("The final answer is J", "J"),
        ("I think the answer is I", "I"),
        ("<think>Is it A?</think> The answer is B", "B"),
        *((text, None) for text in ("", "A dog is an animal", "I am not sure", "Vitamin C", "The answer is a dog")),
        *((text, None) for text in ("Answer: A dog", "A) x\nB) y\nC) z", "Between (A) and (B)", "The answer is K")),
    ],
)
def test_choice(text, letter):
    assert Choice().chosen(text) == letter
    for wanted in "ABCDEFGHIJ":
        assert one("choice", text, wanted) == (wanted == letter)


@given(
    letter=st.sampled_from("ABCDEFGHIJ"), form=st.sampled_from(["{}", "({})", "**{}**", "Answer: {}", "{}. Because"])
)
@settings(deadline=None)
def test_every_letter_is_read(letter, form):
    assert Choice().chosen(form.format(letter)) == letter


def test_answer_match_is_the_rule_of_the_recorded_quiz():
    rows = read_quiz()
    figures = {}
    for side in ("small", "large"):
        texts = [r["text"] for row in rows for r in row[side]["responses"]]
        accepted = [row["answers"] for row in rows for _ in row[side]["responses"]]
        found = qualities(make_metric("answer_match"), texts, texts, accepted)
        assert found.tolist() == [plain_answer_match(text, wanted) for text, wanted in zip(texts, accepted)]
        figures[side] = round(float(found.mean()), 4)
    assert figures == {"small": 0.1085, "large": 0.4235}


@needs_rouge
@given(response=TEXT, accepted=st.lists(TEXT, min_size=1, max_size=2))
@settings(max_examples=40, deadline=None)
def test_rouge_l_stays_in_range(response, accepted):
    assert 0 <= one("rouge_l", response, *accepted) <= 1


@needs_rouge
def test_rouge_l():
    assert one("rouge_l", "the cat sat", "the cat sat") == 1
    assert one("rouge_l", "the cat", "a dog", "the cat sat") == pytest.approx(0.8)
    assert one("rouge_l", "the cat", "the cat sat", measure="recall") == pytest.approx(2 / 3)
    assert one("rouge_l", "собака спит", "собака") == pytest.approx(2 / 3)  # the package's own words are a to z only


def test_embedding_similarity():
    same = one("embedding_similarity", "Plants make sugar from light.", "Plants make sugar from light.")
    near = one("embedding_similarity", "Plants turn light into sugar.", "Plants make sugar from light.")
    far = one("embedding_similarity", "The bank raised its interest rate.", "Plants make sugar from light.")
    assert same == pytest.approx(1)
    assert far < near < same
    assert one("embedding_similarity", "", "light") == 0
    assert one("embedding_similarity", "x", "y", embedder=lambda texts: np.ones((len(texts), 2))) == pytest.approx(1)
    assert make_metric("embedding_similarity").score([], [], []).shape == (0,)


# The user's own


def test_a_function_in_a_module(tmp_path, monkeypatch):
    (tmp_path / "my_own_metrics.py").write_text(
        "def length(query, response, references):\n    return len(response)\n"
        "def lengths(queries, responses, references):\n    return [len(r) for r in responses]\n"
        "class Share:\n    def __init__(self, of='x'):\n        self.of = of\n"
        "    def __call__(self, query, response, references):\n        return response.count(self.of)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert one("my_own_metrics:length", "abc") == 3
    assert make_metric("my_own_metrics:length").name == "my_own_metrics:length"
    assert one("my_own_metrics:lengths", "abc", batch=True) == 3
    assert one("my_own_metrics:length", "abc", direction="lower") == -3
    sys.modules.pop("my_own_metrics")


def test_a_function_that_returns_something_else():
    assert math.isnan(float(qualities(FunctionMetric(lambda *_: None), ["q"], ["r"], [[]])[0]))
    for result, message in (("good", "a number for each"), (2.0, "from 0 to 1"), (math.inf, "from 0 to 1")):
        metric = FunctionMetric(lambda *_, result=result: result, low=0, high=1)
        with pytest.raises(ConfigError, match=message):
            qualities(metric, ["q"], ["r"], [[]])
    with pytest.raises(ConfigError, match="shape"):
        qualities(FunctionMetric(lambda *_: [1.0, 2.0], batch=True), ["q"], ["r"], [[]])
    with pytest.raises(ConfigError, match="with batch it returns a list"):
        qualities(FunctionMetric(lambda *_: 1.0, batch=True), ["q"], ["r"], [[]])


def test_batches_give_what_one_call_gives():
    rows = read_quiz()[:60]
    texts, accepted = [row["large"]["responses"][0]["text"] for row in rows], [row["answers"] for row in rows]
    metric = make_metric("answer_match")
    whole = qualities(metric, texts, texts, accepted)
    assert score_in_batches(metric, texts, texts, accepted, batch_size=7).tolist() == whole.tolist()


@given(wins=st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1))
def test_preferences_become_qualities(wins):
    small, large = preference_qualities(wins)
    assert (small + large == 1).all()
    mirrored, _ = preference_qualities(1 - np.array(wins))
    assert (mirrored == large).all()
    assert np.isnan(preference_qualities([np.nan])[1]).all()
    with pytest.raises(DataError):
        preference_qualities([2.0])


# Models: tiny ones, made here


def words_tokenizer(folder, template=None):
    """A fast tokenizer of whole words, with the special tokens of BART."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = [
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        *[
            "paris",
            "is",
            "the",
            "capital",
            "of",
            "france",
            "a",
            "city",
            "rome",
            "and",
            "dog",
            "cat",
            "sat",
            "on",
            "mat",
        ],
    ]
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=special["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    fast.chat_template = template
    fast.save_pretrained(folder)
    return fast


def tiny_bart_config():
    from transformers import BartConfig

    sizes = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16}
    return BartConfig(
        vocab_size=20, d_model=16, encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=32,
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2, **sizes,
    )  # fmt: skip


@pytest.fixture(scope="module")
def bart(tmp_path_factory):
    import torch
    from transformers import BartForConditionalGeneration

    folder = tmp_path_factory.mktemp("bart")
    torch.manual_seed(0)
    network = BartForConditionalGeneration(tiny_bart_config()).eval()
    for weights in network.parameters():
        weights.data.mul_(8)  # far from uniform, so that a wrong shift would show
    network.save_pretrained(folder)
    return folder, network, words_tokenizer(folder)


def plain_likelihood(network, tokenizer, source, target):
    """1/m Σ log p(y_t | y_<t, x), token by token."""
    import torch

    x, y = (tokenizer(text, return_tensors="pt").input_ids for text in (source, target))
    total = 0.0
    before = [network.config.decoder_start_token_id]
    with torch.inference_mode():
        for token in y[0].tolist():
            logits = network(input_ids=x, decoder_input_ids=torch.tensor([before])).logits[0, -1]
            total += float(logits.double().log_softmax(0)[token])
            before.append(token)
    return total / y.shape[1]


@pytest.mark.models
def test_bart_score_is_the_mean_log_likelihood(bart):
    folder, network, tokenizer = bart
    responses = ["paris", "rome is a city", "the capital of france is paris and the cat sat on the mat"]
    wanted = ["paris is the capital of france", "rome", "paris"]
    for variant, pairs in {
        "recall": zip(responses, wanted),
        "precision": zip(wanted, responses),
        "faithfulness": zip(["the capital of france"] * 3, responses),
    }.items():
        metric = BartScore(str(folder), variant=variant, batch_size=2, device="cpu")
        found = qualities(metric, ["the capital of france"] * 3, responses, [[text] for text in wanted])
        expected = [plain_likelihood(network, tokenizer, source, target) for source, target in pairs]
        assert found == pytest.approx(expected, abs=1e-4)
        assert (found < 0).all()


@pytest.mark.models
def test_bart_score_takes_the_mean_of_both_ways_and_the_best_reference(bart):
    folder, network, tokenizer = bart
    both = [
        (plain_likelihood(network, tokenizer, "rome", text) + plain_likelihood(network, tokenizer, text, "rome")) / 2
        for text in ("paris", "a city")
    ]
    found = one("bart_score", "rome", "paris", "a city", model=str(folder), variant="f", device="cpu")
    assert found == pytest.approx(max(both), abs=1e-4)
    assert one("bart_score", "", "paris", model=str(folder), device="cpu") < 0  # an empty answer is a bad one
    long = "paris " * 100
    assert one("bart_score", long, long, model=str(folder), device="cpu") < 0  # more than the model has positions


@pytest.mark.models
def test_a_checkpoint_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="transformers cannot load"):
        one("bart_score", "a", "b", model=str(tmp_path / "nothing"), device="cpu")


@pytest.fixture(scope="module")
def reward(tmp_path_factory):
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    made = {}
    for labels in (1, 3):
        folder = tmp_path_factory.mktemp(f"reward{labels}")
        torch.manual_seed(labels)
        config = BertConfig(
            vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=32, pad_token_id=1, num_labels=labels,
        )  # fmt: skip
        network = BertForSequenceClassification(config).eval()
        network.save_pretrained(folder)
        made[labels] = (folder, network, words_tokenizer(folder))
    return made


@pytest.mark.models
def test_reward_model_is_the_logit_of_the_pair(reward):
    import torch

    folder, network, tokenizer = reward[1]
    queries, responses = ["the capital of france", "a dog", "rome"], ["paris", "the cat sat on the mat", ""]
    found = qualities(RewardModel(str(folder), batch_size=2, device="cpu"), queries, responses, [[]] * 3)
    with torch.inference_mode():
        expected = [float(network(**tokenizer(q, r, return_tensors="pt")).logits) for q, r in zip(queries, responses)]
    assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.models
def test_reward_model_with_several_outputs(reward):
    import torch

    folder, network, tokenizer = reward[3]
    with torch.inference_mode():
        expected = network(**tokenizer("a dog", "the cat", return_tensors="pt")).logits[0].softmax(0)
    for label in ("LABEL_2", 2):
        found = make_metric("reward_model", model=str(folder), label=label, device="cpu")
        assert found.range == (0, 1)
        assert qualities(found, ["a dog"], ["the cat"], [[]])[0] == pytest.approx(float(expected[2]), abs=1e-6)
    with pytest.raises(ConfigError, match=r"has 3 outputs.*LABEL_0"):
        one("reward_model", "x", model=str(folder), device="cpu")
    with pytest.raises(ConfigError, match="single output"):
        one("reward_model", "x", model=str(reward[1][0]), label=0, device="cpu")


@pytest.mark.models
def test_reward_model_reads_a_chat(reward, tmp_path):
    import torch

    _, network, _ = reward[1]
    network.save_pretrained(tmp_path)
    tokenizer = words_tokenizer(
        tmp_path, template="{% for m in messages %}<s> {{ m['role'] }} {{ m['content'] }} </s>{% endfor %}"
    )
    found = one("reward_model", "paris", model=str(tmp_path), device="cpu")
    text = "<s> user q </s><s> assistant paris </s>"
    with torch.inference_mode():
        tokens = tokenizer(text, add_special_tokens=False, return_tensors="pt")
        expected = float(network(**tokens).logits)
    assert found == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ConfigError, match="no chat template"):
        one("reward_model", "x", model=str(reward[1][0]), form="chat", device="cpu")


def test_metrics_import_nothing_heavy():
    import subprocess

    code = (
        "import sys, hybrid_router_core.quality as q; q.make_metric('bart_score'); q.make_metric('rouge_l');"
        "print([m for m in ('torch', 'transformers', 'rouge_score', 'sklearn', 'httpx') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
