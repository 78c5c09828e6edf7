"""What the price of a switch saves: cost of 1,000 conversations at equal quality, at public list prices.

Three strategies: "pin" decides on the first turn and stays, "ignore" decides each turn by its score, "ours" is the real
PriceRule under a clock that jumps. Each call is billed by what the provider would have had in its cache: it counts
tokens its own way, keeps a prompt for five minutes after its last use, and shares system prompts among conversations.
A turn's quality is that of a recorded question, scored by a router that was trained on others (as the mean of the
questions of nearly the same score, so that the luck of single questions does not move the costs). Each strategy takes
the threshold at which its mean quality is that of the table; "ratio" is ours to the cheaper of the other two. All see
the same calls and questions. From 300 conversations on (ten minutes of processor time) ratios are steady to about 1 %.

Run: python benchmarks/bench_prices.py [conversations] [--data FILE ...] [--small NAME --large NAME] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from common import DATA, NINE_MODELS, PAIRS, FloatArray, Rows, machine, random_split

from hybrid_router_core import HybridRouter, RoutingDataset
from hybrid_router_core.live import Prefix, Price, PriceRule, Prices, prefix_of
from hybrid_router_core.routing import RoutingDecision, decide

LISTS = (
    ("openai", "gpt-4o-mini", "gpt-4o"),
    ("openai", "gpt-4.1-mini", "gpt-4.1"),
    ("openai", "gpt-5-mini", "gpt-5"),
    ("anthropic", "claude-haiku-4-5", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5", "claude-opus-4-5"),
    ("google", "gemini-2.5-flash", "gemini-2.5-pro"),
    ("x-ai", "grok-4-fast", "grok-4"),
    ("mistral", "mistral-small-latest", "mistral-large-latest"),
    ("deepseek", "deepseek-chat", "deepseek-reasoner"),
)
LIFETIME, LEAST, CHARACTERS = 300.0, 1024, 4.2  # of the providers: seconds, tokens, in a token
RECOVERED = (0.5, 0.8, 0.95)  # of the gap in quality between all-small and all-large
THRESHOLDS, BELOW = 13, 6  # among the scores, and between 0 and the least of them
DEARER = 1.01


@dataclass(frozen=True)
class World:
    """How conversations go; tokens are means.

    Attributes:
        turns: Fewest and most.
        calls: Likewise, of a turn.
        system: Tokens that all conversations share.
        document: Tokens that the first turn brings.
        user: Tokens of a question.
        result: Tokens of a tool's result.
        output: Tokens of an answer.
        pauses: Share of the turns before which the cache runs out.
        alike: Correlation of the questions' ranks by score within a conversation.
        weight: Times as many conversations, where few decisions settle the cost and luck would tell.
    """

    turns: tuple[int, int]
    calls: tuple[int, int] = (1, 1)
    system: int = 100
    document: int = 0
    user: int = 80
    result: int = 600
    output: int = 300
    pauses: float = 0.0
    alike: float = 0.0
    weight: int = 1


WORLDS = {
    "short chats": World((2, 8), output=200),
    "long chats": World((10, 40), system=2_000),
    "agent loops": World((2, 8), calls=(4, 12), system=3_000, output=120),
    "documents": World((3, 10), document=20_000, weight=5),
    "documents, 40 % pauses": World((6, 24), document=20_000, pauses=0.4, weight=2),
    "long chats, 25 % pauses": World((10, 40), system=2_000, pauses=0.25),
    "long chats, all pauses": World((10, 40), system=2_000, pauses=1.0),
    "documents, alike": World((3, 10), document=20_000, alike=0.5, weight=5),
}


@dataclass(frozen=True)
class Call:
    """One call of a model: when, whose, at which step, what is sent in true tokens and as the router sees it."""

    at: float
    conversation: int
    turn: int
    first: bool
    prompt: int
    output: int
    prefix: Prefix


def calls_of(world: World, conversations: int, rng: np.random.Generator) -> list[Call]:
    """All calls of many conversations at once, in the order of time."""

    def about(mean: float) -> int:
        return int(rng.gamma(4, mean / 4)) + 1

    def text(tokens: int) -> str:
        return f"{rng.integers(1 << 60):<20}".ljust(int(tokens * CHARACTERS), "x")

    calls, shared = [], text(world.system)
    for conversation in range(conversations):
        at, parts, prompt = 20.0 * conversation, [shared], world.system
        for turn in range(rng.integers(*world.turns, endpoint=True)):
            if turn:
                at += rng.uniform(400, 4_000) if rng.random() < world.pauses else rng.uniform(20, 90)
            for step in range(rng.integers(*world.calls, endpoint=True)):
                at += rng.uniform(2, 10)
                new = about(world.result if step else world.user) + (0 if turn or step else world.document)
                output, prompt = about(world.output), prompt + new
                parts.append(text(new))
                calls.append(Call(at, conversation, turn, not step, prompt, output, prefix_of(parts)))
                parts.append(text(output))
                prompt += output
    return sorted(calls, key=lambda call: call.at)


class Provider:
    """Bills calls by its cache: for each arm tokens fresh and too few to cache, fresh, warm, and answered."""

    def __init__(self, world: World) -> None:
        self.bill = [[0, 0, 0, 0], [0, 0, 0, 0]]
        self._system = world.system
        self._system_used = [-math.inf, -math.inf]
        self._read: tuple[dict[int, tuple[int, float]], ...] = ({}, {})

    def answer(self, arm: int, call: Call) -> None:
        """Put a call on the bill, and its prompt into the arm's cache."""
        tokens, used = self._read[arm].get(call.conversation, (0, -math.inf))
        warm = tokens if call.at - used <= LIFETIME else 0
        if call.at - self._system_used[arm] <= LIFETIME:
            warm = max(warm, self._system)
        if warm < LEAST:
            warm = 0
        row = self.bill[arm]
        row[1 if call.prompt >= LEAST else 0] += call.prompt - warm
        row[2] += warm
        row[3] += call.output
        self._read[arm][call.conversation] = call.prompt, call.at
        self._system_used[arm] = call.at


@dataclass(frozen=True)
class Questions:
    """The question of each turn: its score, and each arm's quality."""

    scores: FloatArray  # (conversations, turns)
    quality: FloatArray  # (arms, conversations, turns)


Strategy = Callable[[float], tuple[FloatArray, float]]


def baseline(world: World, calls: list[Call], asked: Questions, *, pinned: bool) -> Strategy:
    """By the score of the conversation's first turn, or of each."""

    def run(threshold: float) -> tuple[FloatArray, float]:
        provider, quality = Provider(world), []
        large = asked.scores < threshold
        for call in calls:
            arm = int(large[call.conversation, 0 if pinned else call.turn])
            if call.first:
                quality.append(asked.quality[arm, call.conversation, call.turn])
            provider.answer(arm, call)
        return np.array(provider.bill), float(np.mean(quality))

    return run


def ours(world: World, calls: list[Call], asked: Questions, prices: Prices) -> Strategy:
    """By the rule, which sees estimated tokens, and is told of each answer."""

    def run(threshold: float) -> tuple[FloatArray, float]:
        provider, quality = Provider(world), []
        now = 0.0
        rule = PriceRule(prices, lambda: now)
        kept: dict[int, RoutingDecision] = {}
        for call in calls:
            now = call.at
            if call.first:
                decision = decide(float(asked.scores[call.conversation, call.turn]), threshold)
                kept[call.conversation] = rule.ruled(decision, call.prefix)
            model = kept[call.conversation].model
            arm = int(model == "large")
            if call.first:
                quality.append(asked.quality[arm, call.conversation, call.turn])
            provider.answer(arm, call)
            rule.sent(model, call.prefix, call.output, further=not call.first)
        return np.array(provider.bill), float(np.mean(quality))

    return run


def tariff(prices: Prices) -> FloatArray:
    """US dollars of a token of each kind that is billed."""
    rows = [(p.input, p.cache_write, p.cached_input, p.output) for p in (prices.of("small"), prices.of("large"))]
    return np.array(rows, dtype=float) / 1e6


def at_quality(curve: list[tuple[float, float]], quality: float) -> float:
    """The cost of a quality, between the two thresholds around it."""
    known = np.array(sorted(curve))
    return float(np.interp(quality, known[:, 0], known[:, 1]))


def smoothed(scores: FloatArray, quality: FloatArray, parts: int = 60) -> FloatArray:
    """The mean quality of the questions of nearly the same score."""
    result = np.empty_like(quality)
    for rows in np.array_split(np.argsort(scores, kind="stable"), parts):
        result[rows] = quality[rows].mean()
    return result


def recorded(data: RoutingDataset) -> tuple[FloatArray, FloatArray]:
    """Scores of questions that the router has not seen, and the quality of both arms."""
    train, test = random_split(data, min(2_000, len(data) // 2), 0)
    held = data.take(test)
    scores = HybridRouter(mode="deterministic").fit(data.take(train)).score(list(held.queries))
    return scores, np.stack([smoothed(scores, np.asarray(q)) for q in (held.mean_small, held.mean_large)])


def drawn(world: World, scores: FloatArray, conversations: int, rng: np.random.Generator) -> Rows:
    """The row of each turn's question."""
    if not world.alike:
        return rng.integers(len(scores), size=(conversations, world.turns[1]))
    own = rng.normal(size=(conversations, world.turns[1]))
    rank = math.sqrt(world.alike) * rng.normal(size=(conversations, 1)) + math.sqrt(1 - world.alike) * own
    uniform = np.argsort(np.argsort(rank, axis=None)).reshape(rank.shape) / rank.size
    return np.argsort(scores, kind="stable")[(uniform * len(scores)).astype(np.int64)]


def bundled() -> RoutingDataset:
    """The answers that the demo reads."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))
    from recorded import read_answers, right  # type: ignore[import-not-found]

    return RoutingDataset.from_records(
        {"query": row.query, "small_quality": right(row, row.small), "large_quality": right(row, row.large)}
        for row in read_answers()
    )


@dataclass(frozen=True)
class Figures:
    """Of one world: costs at equal quality, and what ours does at the thresholds of "ignore"."""

    costs: dict[tuple[float, str], dict[str, float]]  # of a share recovered and a pair, each strategy's
    most: float
    least: float


def compare(
    kind: str, recordings: tuple[FloatArray, FloatArray], pairs: dict[str, Prices], conversations: int
) -> Figures:
    """All strategies in one world."""
    world, (scores, quality) = WORLDS[kind], recordings
    rng = np.random.default_rng([7, list(WORLDS).index(kind)])
    count = conversations * world.weight
    calls = calls_of(world, count, rng)
    chosen = drawn(world, scores, count, rng)
    asked = Questions(scores[chosen], quality[:, chosen])
    turns = [(call.conversation, call.turn) for call in calls if call.first]
    seen = np.array([asked.scores[turn] for turn in turns])
    low, high = (float(np.mean([asked.quality[arm][turn] for turn in turns])) for arm in (0, 1))
    below = seen.min() * np.geomspace(0.02, 1, BELOW)[:-1]
    thresholds = [0.0, *below, *np.quantile(seen, np.linspace(0, 1, THRESHOLDS)), np.nextafter(seen.max(), 2)]
    plain = {
        strategy: [baseline(world, calls, asked, pinned=strategy == "pin")(t) for t in thresholds]
        for strategy in ("pin", "ignore")
    }
    costs, most, least = {}, 0.0, 1.0
    for pair, prices in pairs.items():
        runs = {**plain, "ours": [ours(world, calls, asked, prices)(t) for t in thresholds]}
        scale = tariff(prices) * 1_000 / count
        curves = {key: [(q, float((bill * scale).sum())) for bill, q in run] for key, run in runs.items()}
        for ignored, own in zip(curves["ignore"], curves["ours"], strict=True):
            most, least = max(most, own[1] / ignored[1]), min(least, own[0] - ignored[0])
        for share in RECOVERED:
            costs[share, pair] = {key: at_quality(curve, low + share * (high - low)) for key, curve in curves.items()}
    return Figures(costs, most, least)


def table(name: str, data: RoutingDataset, pairs: dict[str, Prices], conversations: int) -> dict[str, dict[str, float]]:
    """Print cost by list and world; returns the ratios."""
    scores, quality = recordings = recorded(data)
    print(f"\n{name}: {len(scores):,} questions, small {quality[0].mean():.3f}, large {quality[1].mean():.3f}")
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        each = [pool.submit(compare, kind, recordings, pairs, conversations) for kind in WORLDS]
    worlds = dict(zip(WORLDS, [one.result() for one in each], strict=True))
    figures: dict[str, dict[str, float]] = {}
    for share in RECOVERED:
        ratios = figures[f"{share:g}"] = {}
        print(f"\n  US dollars for 1,000 conversations, {share:.0%} of the gap in quality recovered")
        print(f"  {'world':<25}{'small/large':<43}{'pin':>10}{'ignore':>10}{'ours':>10}{'ratio':>8}")
        for kind, found in worlds.items():
            for pair in pairs:
                costs = found.costs[share, pair]
                ratio = costs["ours"] / min(costs["pin"], costs["ignore"])
                ratios[f"{kind} | {pair}"] = round(ratio, 4)
                line = "".join(f"{cost:>10.2f}" for cost in costs.values())
                print(f"  {kind:<25}{pair:<43}{line}{ratio:>8.3f}{' <' if ratio > DEARER else ''}")
    print(f"\n  {'ratio, least to most':<25}{'':>14}" + "".join(f"{share:>18.0%}" for share in RECOVERED))
    for kind in (*WORLDS, ""):
        line = ""
        for share in RECOVERED:
            own = [ratio for key, ratio in figures[f"{share:g}"].items() if key.startswith(kind and f"{kind} | ")]
            line += f"{min(own):>12.3f}{max(own):>6.3f}"
        print(f"  {kind or 'all':<39}{line}")
    every = [ratio for share in RECOVERED for ratio in figures[f"{share:g}"].values()]
    dearer = sum(ratio > DEARER for ratio in every)
    print(f"  mean {np.mean(every):.3f}; {dearer} of {len(every)} are dearer by more than {DEARER - 1:.0%}")
    most, least = max(one.most for one in worlds.values()), min(one.least for one in worlds.values())
    print(f"\n  At one threshold, ours against ignore: cost at most × {most:.3f}, quality at least {least:+.4f}")
    figures["one threshold"] = {"most cost": round(most, 4), "least quality": round(least, 5)}
    return figures


def main() -> None:
    """Print a table for each data set; with --json its figures last, in one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("conversations", nargs="?", type=int, default=100)
    parser.add_argument("--data", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--small")
    parser.add_argument("--large")
    parser.add_argument("--json", action="store_true", help="one JSON line of figures last")
    given = parser.parse_args()
    print(machine())
    print(f"prices of genai-prices {version('genai-prices')}; {given.conversations} conversations in each world")
    pairs = {
        f"{small}/{large.removeprefix('claude-')}": Prices(f"{provider}:{small}", f"{provider}:{large}", LIFETIME)
        for provider, small, large in LISTS
    }
    for pair, prices in pairs.items():
        print(f"  {pair:<43}" + "   ".join(_line(prices.of(arm)) for arm in ("small", "large")))
    if given.data:
        sets = {path.name: RoutingDataset.read(path, small=given.small, large=given.large) for path in given.data}
    elif (DATA / NINE_MODELS).is_file():
        small, large = PAIRS[1]
        sets = {f"{small} and {large}": RoutingDataset.read(DATA / NINE_MODELS, small=small, large=large)}
    else:
        sets = {"bundled answers": bundled()}
    figures = {name: table(name, data, pairs, given.conversations) for name, data in sets.items()}
    if given.json:
        print(json.dumps(figures))


def _line(price: Price) -> str:
    return f"{price.input:g} in, {price.cached_input:g} cached, {price.cache_write:g} written, {price.output:g} out"


if __name__ == "__main__":
    main()
