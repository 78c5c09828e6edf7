"""The price of a switch: what a call costs on each arm, what is warm where, and when that overrules the score."""

import copy
import math
import pickle
import random
import sys
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_router_core import RoutingDecision
from hybrid_router_core.errors import ConfigError, MissingExtraError
from hybrid_router_core.live import Price, PriceRule, Prices, prefix_of, price_rule, prices, warmth
from hybrid_router_core.live.warmth import LEAST_CACHED, MOST_KEPT, Prefix, Warmth
from hybrid_router_core.routing import decide

SMALL, LARGE = Price(1, 5, 0.1, 1.25), Price(3, 15, 0.3, 3.75)  # Claude Haiku 4.5 and Sonnet 4.5
LONG = "word " * 2_000  # 10,000 characters, 2,858 tokens as they are estimated and 4 for the message
GOOD = decide(0.8, 0.5)


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self):
        return self.now


def rule(small=SMALL, large=LARGE, clock=None):
    return PriceRule(Prices(small, large), clock or Clock())


def of_tokens(*tokens):
    """A prompt whose parts have about so many tokens."""
    return Prefix(tuple(bytes([place]) for place in range(len(tokens))), tuple(tokens))


# What a token costs


def test_a_call_by_hand():
    found, prompt = rule(), of_tokens(2_000, 10_000)
    # all fresh, and written to the cache: 10,000 * 1.25 + 200 * 5 = 13,500 millionths of a dollar
    assert found.cost("small", prompt, 200) == pytest.approx(0.0135)
    assert found.cost("large", prompt, 200) == pytest.approx(0.0405)
    found.sent("large", of_tokens(2_000))
    # 8,000 fresh and 2,000 warm: 8,000 * 3.75 + 2,000 * 0.3 + 200 * 15 = 33,600
    assert found.cost("large", prompt, 200) == pytest.approx(0.0336)
    found.sent("large", prompt)
    assert found.cost("large", prompt, 200) == pytest.approx(0.006)  # 10,000 * 0.3 + 200 * 15
    assert found.cost("small", prompt, 200) == pytest.approx(0.0135)


def test_a_prompt_too_short_to_be_cached_pays_for_no_writing():
    short = of_tokens(1_000)
    found = rule()
    found.sent("small", short)
    assert found.cost("small", short, 0) == pytest.approx(0.001)
    assert found.cost("small", of_tokens(1_024), 0) == pytest.approx(0.00128)


def test_without_a_cached_price_warm_costs_as_much_as_fresh():
    found, prompt = rule(Price(1, 5)), of_tokens(10_000)
    cold = found.cost("small", prompt, 100)
    found.sent("small", prompt)
    assert found.cost("small", prompt, 100) == pytest.approx(cold) == pytest.approx(0.0105)


def test_prices_of_zero():
    found, prompt = rule(Price(0, 0), Price(0, 0)), of_tokens(10_000)
    assert found.cost("small", prompt, 5) == found.cost("large", prompt, 5) == 0
    assert found.ruled(GOOD, prompt) is GOOD
    assert rule(SMALL, Price(0, 0)).ruled(GOOD, prompt).reason == "price"
    assert rule(SMALL, LARGE).ruled(GOOD, prefix_of([])) is GOOD


@pytest.mark.parametrize("wrong", [-1, math.nan, math.inf, "1", True, None])
@pytest.mark.parametrize("field", ["input", "output", "cached_input", "cache_write"])
def test_a_price_is_a_number_from_zero(field, wrong):
    if wrong is None and field.startswith("cache"):
        return
    with pytest.raises(ConfigError, match=f"{field} is {wrong!r}; allowed: US dollars for a million"):
        replace(SMALL, **{field: wrong})


@pytest.mark.parametrize("wrong", [0, -5, math.nan, math.inf, "300", True, None])
def test_a_lifetime_is_seconds_above_zero(wrong):
    with pytest.raises(ConfigError, match=r"cache_lifetime is .*; allowed: seconds above 0"):
        Prices(SMALL, LARGE, wrong)


def test_what_is_no_price():
    with pytest.raises(ConfigError, match=r"the price of large is 3; allowed: a model's name such as 'gpt-4o-mini'"):
        Prices(SMALL, 3)


def test_list_prices_by_name():
    pytest.importorskip("genai_prices")
    mini = Price(0.15, 0.6, 0.075, 0.15)
    assert Price.of("gpt-4o-mini") == Price.of("openai:gpt-4o-mini") == mini
    assert Price.of("anthropic:claude-haiku-4-5") == SMALL
    found = Prices("gpt-4o-mini", "openai:gpt-4o", 60)
    assert (found.small, found.large.output, found.of("small")) == (mini, 10, mini)


@pytest.mark.parametrize("name", ["my-own-model", "openai:my-own-model", "ollama:gpt-4o", "", ":", "nobody:"])
def test_a_model_that_no_list_has(name):
    pytest.importorskip("genai_prices")
    with pytest.raises(ConfigError, match=r"knows no price of '.*give the numbers: Price\(input="):
        Prices(name, LARGE)


def test_without_genai_prices_names_say_what_to_install_and_numbers_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hybrid-llm-router\[collect\]'"):
        Prices("gpt-4o-mini", LARGE)
    assert Prices(SMALL, LARGE).of("large") == LARGE


# What is warm where


def test_only_a_true_beginning_is_warm():
    found = Warmth(300, Clock())
    found.sent("small", prefix_of([LONG, "a", "b", "c"]))
    assert found.tokens("small", prefix_of([LONG, "a", "b", "c", "d", "e"])) == prefix_of([LONG, "a", "b", "c"]).whole
    assert found.tokens("small", prefix_of([LONG, "other"])) == prefix_of([LONG]).whole == 2_862
    assert found.tokens("small", prefix_of([LONG + "a", "b", "c"])) == 0
    assert found.tokens("small", prefix_of(["a", LONG])) == 0
    assert found.tokens("large", prefix_of([LONG, "a", "b", "c"])) == 0


def test_parts_that_read_alike_when_joined_are_different_prompts():
    found = Warmth(300, Clock())
    found.sent("small", prefix_of([LONG + "ab", "c"]))
    assert found.tokens("small", prefix_of([LONG + "a", "bc"])) == 0


def test_digests_are_the_same_in_every_process():
    assert prefix_of(["hello", "\udc80"]) == prefix_of(iter(["hello", "\udc80"]))
    assert [digest.hex() for digest in prefix_of(["hello"]).digests] == ["46fb7408d4f285228f4af516ea25851b"]
    assert prefix_of([]) == Prefix()
    assert prefix_of([]).whole == 0


TEXTS = st.lists(st.sampled_from([LONG, "a", "b", ""]), max_size=6)


@given(sent=st.lists(TEXTS, max_size=4), asked=TEXTS)
def test_warm_is_a_beginning_that_was_sent(sent, asked):
    found, prompt = Warmth(300, Clock()), prefix_of(asked)
    for parts in sent:
        found.sent("large", prefix_of(parts))
    shared = [0]
    for parts in sent:
        same = next((i for i, (a, b) in enumerate(zip(parts, asked)) if a != b), min(len(parts), len(asked)))
        shared.append(prefix_of(asked[:same]).whole)
    warm = found.tokens("large", prompt)
    assert warm <= max(shared)  # never what was not sent
    assert warm == 0 or warm >= LEAST_CACHED
    whole = [prefix_of(parts).whole for parts in sent if parts == asked[: len(parts)]]
    assert warm >= max((tokens for tokens in whole if tokens >= LEAST_CACHED), default=0)


def test_a_prompt_is_warm_for_its_lifetime_and_each_use_renews_it():
    clock = Clock()
    found, prompt = Warmth(300, clock), prefix_of([LONG])
    found.sent("small", prompt)
    for _ in range(3):
        clock.now += 299
        assert found.tokens("small", prompt) == prompt.whole
        found.sent("small", prompt)
    clock.now += 300
    assert found.tokens("small", prompt) == 0


def test_a_younger_shorter_beginning_outlives_an_older_longer_one():
    clock = Clock()
    found, longer, shorter = Warmth(300, clock), prefix_of([LONG, "a", "b"]), prefix_of([LONG])
    found.sent("small", longer)
    clock.now += 200
    found.sent("small", shorter)
    clock.now += 200
    assert found.tokens("small", longer) == shorter.whole


def test_what_is_remembered_is_bounded_and_goes_when_it_is_cold():
    clock = Clock()
    found = Warmth(300, clock)
    for i in range(MOST_KEPT + 500):
        found.sent("small", Prefix((i.to_bytes(4, "big"),), (2_000,)))
    assert len(found._kept["small"]) == MOST_KEPT
    assert found.tokens("small", Prefix((bytes(4),), (2_000,))) == 0  # the oldest
    clock.now += 301
    found.sent("small", prefix_of([LONG]))
    assert len(found._kept["small"]) == 1


def test_a_conversation_that_goes_on_is_told_from_one_that_shares_its_system_prompt():
    found = Warmth(300, Clock())
    found.sent("small", prefix_of([LONG, "hello"]))
    longer, other = prefix_of([LONG, "hello", "answer", "and"]), prefix_of([LONG, "other"])
    assert found.longest("small", longer) == (prefix_of([LONG, "hello"]).whole, True)
    assert found.longest("small", other) == (2_862, False)
    found.sent("small", longer)
    assert found.longest("small", prefix_of([LONG, "hello", "no"])) == (prefix_of([LONG, "hello"]).whole, True)


@pytest.mark.parametrize("lifetime", [1e-300, 1e300])
def test_lifetimes_beyond_all_measure(lifetime):
    found = Warmth(lifetime, Clock())
    found.sent("small", prefix_of([LONG]))
    assert found.tokens("small", prefix_of([LONG])) in (0, 2_862)


# The rule


def test_a_switch_that_costs_more_than_it_saves_is_not_made():
    found, prompt = rule(), prefix_of([LONG, "question", "answer", "another"])
    assert found.ruled(GOOD, prompt) is GOOD  # both cold
    found.sent("large", prompt, 100)
    ruled = found.ruled(GOOD, prompt)
    # 2,880 tokens: small cold 3,600 + 500, large warm 864 + 1,500 millionths of a dollar
    detail = "small would cost about $0.0041, large $0.00236"
    assert ruled == RoutingDecision("large", 0.8, 0.5, "price", detail)
    found.sent("small", prompt, 100)
    assert found.ruled(GOOD, prompt) is GOOD  # both warm


def test_equal_costs_stay_small():
    found, prompt = rule(LARGE, LARGE), prefix_of([LONG])
    assert found.ruled(GOOD, prompt) is GOOD
    found.sent("small", prompt, 7)
    found.sent("large", prompt, 7)
    assert found.ruled(GOOD, prompt) is GOOD


@pytest.mark.parametrize(
    "settled",
    [
        decide(0.2, 0.5),
        RoutingDecision("small", reason="override"),
        RoutingDecision("small", reason="sticky"),
        RoutingDecision("small", reason="context_window"),
        RoutingDecision("large", reason="router_error"),
    ],
)
def test_what_the_score_has_not_given_to_small_stays(settled):
    assert rule(LARGE, Price(0, 0)).ruled(settled, prefix_of([LONG])) is settled


SHARES = st.floats(0, 1)


@given(
    steps=st.lists(st.tuples(st.sampled_from(["small", "large"]), st.integers(1, 5), SHARES, SHARES), max_size=8),
    numbers=st.lists(st.floats(0, 100), min_size=8, max_size=8),
    tokens=st.lists(st.integers(0, 50_000), min_size=5, max_size=5),
)
def test_small_only_if_it_is_good_enough_and_not_dearer_for_this_call(steps, numbers, tokens):
    whole = of_tokens(*(sum(tokens[: end + 1]) for end in range(5)))
    found = rule(Price(*numbers[:4]), Price(*numbers[4:]))
    for arm, parts, score, threshold in steps:
        prompt = Prefix(whole.digests[:parts], whole.tokens[:parts])
        given, ruled = decide(score, threshold), found.ruled(decide(score, threshold), prompt)
        if ruled.model == "small":
            assert given.model == "small"
            assert found.cost("small", prompt) <= found.cost("large", prompt)
        assert (ruled == given) or (given.model, ruled.reason) == ("small", "price")
        assert (ruled.score, ruled.threshold) == (score, threshold)
        found.sent(arm, prompt, 100)


@given(st.lists(st.tuples(SHARES, st.sampled_from([0.0, 0.3, 0.7, 1.0])), max_size=8))
def test_where_all_calls_save_the_same_the_threshold_alone_decides(asked):
    found, short = rule(), of_tokens(500)
    for score, threshold in asked:
        given = decide(score, threshold)
        assert found.ruled(given, short) is given
        found.sent(given.model, short, 300)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), SHARES), max_size=8))
def test_at_threshold_0_small_answers_unless_it_is_dearer(steps):
    found, whole = rule(), of_tokens(2_000, 2_100, 9_000, 9_100, 20_000)
    for small, large, score in steps:
        ruled = found.ruled(decide(score, 0), whole)
        assert (ruled.model == "small") == (found.cost("small", whole) <= found.cost("large", whole))
        for arm, parts in (("small", small), ("large", large)):
            found.sent(arm, Prefix(whole.digests[:parts], whole.tokens[:parts]))


def test_a_call_on_which_small_saves_little_asks_for_a_higher_score():
    found, prompt = rule(), of_tokens(100, 10_000)
    assert found.ruled(GOOD, prompt) is GOOD  # both cold: small saves 10,000 * 2.5 + 300 * 10 = 28,000 millionths
    found.sent("small", prompt)
    found.sent("large", prompt)
    # Both warm: 10,000 * 0.2 + 300 * 10 = 5,000, and 16,500 on average; of that the odds that it fails, 0.2 / 0.8
    assert found.ruled(GOOD, prompt) is GOOD
    # The mean is 12,667, of that 0.3 / 0.7
    detail = "small would save about $0.005, too little for its score"
    assert found.ruled(decide(0.7, 0.5), prompt) == RoutingDecision("large", 0.7, 0.5, "price", detail)
    assert found.ruled(decide(0.95, 0.5), prompt).model == "small"


@pytest.mark.parametrize("turns", [1, 20])
def test_what_the_other_arm_has_not_read_counts_as_far_as_it_will_be_of_use(turns):
    clock = Clock()
    found = rule(clock=clock)
    for turn in range(60):
        parts = [LONG * 5, *(str(i) for i in range(turn - turn % turns, turn + 1))]
        found.ruled(decide(0.3, 0.5), prefix_of(parts))
        found.sent("small", prefix_of(parts))
        found.sent("large", prefix_of(parts))
        clock.now += 30 if (turn + 1) % turns else 3_000
    cold, _ = found._quote("large", prefix_of([LONG * 5]))
    owed = found._owed(cold, 1)
    # Hard questions bring large something a turn, if a turn follows that finds its prompt warm
    assert (0 < owed < cold.behind) if turns > 1 else owed == 0


def test_the_length_of_answers_is_learnt():
    found = rule()
    assert found.expected_output("small") == found.expected_output("large") == price_rule.OUTPUT_TOKENS
    for counted in (None, math.nan, math.inf, -1):
        found.sent("small", prefix_of(["a"]), counted)
    assert found.expected_output("small") == price_rule.OUTPUT_TOKENS
    found.sent("small", prefix_of(["a"]), 100)
    found.sent("small", prefix_of(["a"]), 200)
    assert found.expected_output("small") == found.expected_output("large") == 150
    found.sent("large", prefix_of(["a"]), 1_000)
    assert (found.expected_output("small"), found.expected_output("large")) == (150, 1_000)


def test_a_decision_that_is_kept_is_priced_with_the_calls_that_follow_it():
    found, prompt = rule(), prefix_of([LONG * 10])
    found.sent("large", prompt, 100)
    assert found.ruled(GOOD, prompt).reason == "price"
    for _ in range(2 * 9):  # this decision and the next: nine further calls each
        found.sent("large", prompt, 100, further=True)
    # One cold call at small and nine warm ones are cheaper than ten warm ones at large
    assert found.ruled(GOOD, prompt) is GOOD


def test_a_copy_starts_anew_with_the_same_prices():
    found, prompt = rule(), prefix_of([LONG])
    found.sent("large", prompt)
    for other in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):  # noqa: S301
        assert other.prices == found.prices
        assert other.ruled(GOOD, prompt) is GOOD


def test_threads_share_a_rule():
    found, errors = PriceRule(Prices(SMALL, LARGE, 0.02)), []

    def work(seed):
        rng = random.Random(seed)
        try:
            for _ in range(2_000):
                prompt = prefix_of([LONG, str(rng.randrange(50)), str(rng.randrange(50))])
                found.ruled(GOOD, prompt)
                found.sent(rng.choice(("small", "large")), prompt, 100)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert found.expected_output("small") == pytest.approx(100)


def test_huge_prompts_take_time_in_proportion():
    found = rule()
    start = time.perf_counter()
    many, big = prefix_of(["word " * 20] * 10_000), prefix_of(["word " * 200_000] * 5)
    for prompt in (many, big):
        found.sent("large", of_tokens(2_000))
        found.ruled(GOOD, prompt)
        found.sent("small", prompt)
    assert time.perf_counter() - start < 2  # about 0.06 s on one idle core
    assert (len(many.digests), many.whole > 250_000, big.whole > 1_000_000) == (10_000, True, True)


def test_no_text_is_kept():
    found = rule()
    found.sent("small", prefix_of(["a secret " * 2_000]))
    assert all(len(key) == warmth.DIGEST_BYTES for key in found._warmth._kept["small"])


def test_genai_prices_is_imported_for_a_name_alone(monkeypatch):
    monkeypatch.setattr(prices.importlib, "import_module", lambda name: pytest.fail(f"imports {name}"))
    Prices(SMALL, LARGE)
