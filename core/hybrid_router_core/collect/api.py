"""`collect` and `acollect`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from hybrid_router_core.errors import ConfigError, DataError, HybridRouterError

from .errors import CollectError
from .export import export, failed_path
from .hooks import Hooks, Start
from .jobs import plan
from .model import Model, Options
from .prices import Price, parse_prices, price_of, read_prices
from .queries import Source, source_of
from .resolve import resolve
from .runner import Run, Side
from .settings import Collected, Settings
from .store import Store
from .writer import Writer

__all__ = ["acollect", "collect", "store_path"]

P = ParamSpec("P")
T = TypeVar("T")


def store_path(out: Path) -> Path:
    """Where answers are kept: responses.jsonl.sqlite for responses.jsonl."""
    return out.with_name(f"{out.name}.sqlite")


async def acollect(
    queries: str | os.PathLike[str] | Iterable[Any],
    *,
    small: Any,
    large: Any,
    out: str | os.PathLike[str],
    settings: Settings | None = None,
    prices: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    column: str = "query",
    names: tuple[str | None, str | None] = (None, None),
    key_envs: tuple[str | None, str | None] = (None, None),
    hooks: Hooks | None = None,
) -> Collected:
    """Ask both models for several answers to each query, and write them to a file.

    Each answer is on the disk, in a store beside `out`, before the next request takes its place. Called again with the
    same `out` it goes on where it was, however it ended.

    Args:
        queries: A path (.txt, .jsonl, .csv, .parquet, ...), or texts or mappings.
        small: ``openai:gpt-4o-mini`` or another name for LangChain's init_chat_model, ``http://host/v1#model``, a chat
            model of LangChain or LlamaIndex, or a callable, async or not, from text to text.
        large: The same.
        out: .jsonl or .jsonl.gz; see `hybrid_router_core.data.responses`.
        settings: How.
        prices: A table by model name, or its YAML or JSON file; genai-prices knows the rest, if it is installed.
        column: Where the text of a query stands.
        names: Names of the models in place of their own; a part of their identity in the store.
        key_envs: Environment variables with the keys of small and large, for addresses.
        hooks: What to call on the way.

    Raises:
        ConfigError: A setting is not allowed, a key is missing, or the store holds answers of other models.
        DataError: The queries cannot be used, or the output cannot be written.
        CollectError: A model cannot be asked at all, or the store failed; what was answered is kept.
    """
    settings, hooks = settings or Settings(), hooks or Hooks()
    if not isinstance(out, (str, os.PathLike)):
        raise ConfigError(f"out: found {type(out).__name__}; the path of a .jsonl file is needed")
    out = Path(out)
    _check_out(out)
    source = source_of(queries, column)
    table = (
        parse_prices(prices) if isinstance(prices, Mapping) else None if prices is None else read_prices(Path(prices))
    )
    models: list[Model] = []
    try:
        for side, spec, name, key_env in zip(("small", "large"), (small, large), names, key_envs, strict=True):
            given = Options(settings.temperature, settings.max_tokens, settings.timeout, settings.concurrency, key_env)
            models.append(resolve(spec, given, side=side, name=name))
        return await _with_store(models, settings, hooks, out, source, table)
    finally:
        for model in models:
            if model.close is not None:
                await model.close()


def _check_out(out: Path) -> None:
    if not out.name.lower().endswith((".jsonl", ".jsonl.gz")):
        raise DataError(f"{out}: unknown suffix {out.suffix!r}; allowed are .jsonl, .jsonl.gz")
    if out.is_dir():
        raise DataError(f"{out}: is a folder; name a file")
    if not out.parent.is_dir():
        raise DataError(f"{out}: there is no folder {out.parent}; make it with: mkdir -p {out.parent}")
    for path in (out, failed_path(out)):
        if path.exists() and not store_path(out).exists():
            raise DataError(f"{path}: exists already, and not from collect; name another file, or move this one")


async def _with_store(
    models: list[Model], settings: Settings, hooks: Hooks, out: Path, source: Source, table: Mapping[str, Price] | None
) -> Collected:
    prices = (price_of(models[0], table), price_of(models[1], table))
    for side, model, price in zip(("small", "large"), models, prices, strict=True):
        if price is None and settings.max_cost is not None:
            raise ConfigError(
                f"{side}: the price of {model.name} is not known, so --max-cost cannot be kept; add --prices FILE.yaml "
                f"with '{model.name}': {{input: 0.15, output: 0.60}} (for a million tokens; 0 for a model of your own)"
            )
    if models[0].name == models[1].name:
        raise ConfigError(f"small and large are both {models[0].name}; name two different models")
    thread = ThreadPoolExecutor(1, thread_name_prefix="collect-store")
    writer: Writer | None = None
    try:
        loop = asyncio.get_running_loop()
        fresh = not store_path(out).exists()
        writer = Writer(await loop.run_in_executor(thread, Store, store_path(out)), thread)
        try:
            start = await writer.call(partial(_start, writer.store, models, settings, source, prices))
        except DataError:
            if fresh:  # a mistake leaves nothing behind
                await writer.call(writer.store.close)
                store_path(out).unlink(missing_ok=True)
            raise
        numbers, known, spent = start
        if hooks.start is not None:
            hooks.start(known)
        sides = [
            Side(name, model, number, price, goal)
            for name, model, number, price, goal in zip(
                ("small", "large"), models, numbers, prices, known.plans, strict=True
            )
        ]
        run = Run(sides, settings, source, writer, spent, hooks)
        context = nullcontext() if hooks.stopping is None else hooks.stopping(partial(run.stop, "interrupted"))
        failure: CollectError | None = None
        with context:
            try:
                await run.run()
            except CollectError as error:
                failure = error
        names = _shown(models)
        write = partial(export, out, source, writer.store, numbers, names, settings.samples)
        try:
            written = await writer.call(partial(write, allow_incomplete=settings.allow_incomplete))
        except HybridRouterError:
            if failure is None:
                raise
            raise failure from None  # a full disk is told by the first who meets it
        if failure is not None:
            rows = f" ({written.rows:,} complete rows are in {out})" if written.rows else ""
            raise CollectError(f"{failure}{rows}") from None
    finally:
        if writer is not None:
            await writer.call(writer.store.close)
        thread.shutdown()
    return Collected(
        out,
        written.rows,
        written.incomplete,
        written.failed,
        written.failures,
        failed_path(out) if written.failed else None,
        sum(side.answered for side in sides),
        run.spent if all(known.priced) else None,
        written.empty,
        written.cut_off,
        tuple(f"{side.name}: {note}" for side in sides for note in side.model.notes),
        run.stopped,
    )


def _shown(models: list[Model]) -> tuple[str, str]:
    """Names for the output: without the addresses, unless these are all that tells the two apart."""
    small, large = (model.model if "://" in model.name else model.name for model in models)
    return (models[0].name, models[1].name) if small == large else (small, large)


def _start(
    store: Store, models: list[Model], settings: Settings, source: Source, prices: tuple[Price | None, Price | None]
) -> tuple[tuple[int, int], Start, float]:
    numbers = []
    for side, model in zip(("small", "large"), models, strict=True):
        identity = {"model": model.name, "temperature": settings.temperature, "max_tokens": settings.max_tokens}
        numbers.append(store.use(side, identity, change=settings.change_settings))
    both = (numbers[0], numbers[1])
    rows, repeated, plans = plan(source, store, both, prices, settings.samples, settings.max_tokens)
    priced = (prices[0] is not None, prices[1] is not None)
    spent = store.spent()
    names = (models[0].name, models[1].name)
    return both, Start(rows, repeated, names, plans, spent if all(priced) else None, priced), spent


def _waited_for(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    @wraps(work)
    def collect(*arguments: P.args, **settings: P.kwargs) -> T:
        return asyncio.run(work(*arguments, **settings))

    return collect


collect = _waited_for(acollect)
"""`acollect` for where no event loop runs."""
