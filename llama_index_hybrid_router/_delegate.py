"""Public methods that hand the whole call to the same-named method of the chosen model.

Each row of the table in `HybridRouterLLM` becomes one of four shells: sync or async, one answer or a stream. All take
the decision, the fallback and the tag from one plan, so sync and async cannot drift apart. The choice is made when the
method is called, and not when a stream is first read, so that the router's span encloses the model's.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any, TypeVar, cast

from llama_index_instrumentation import get_dispatcher

from ._plan import Plan, Plans
from ._request import Request, Signature

dispatcher = get_dispatcher(__name__)
M = TypeVar("M", bound=Callable[..., Any])
END: Any = object()


def delegating(method: M) -> M:
    """The method of the base class, handed to the model that the router chooses."""
    signature = Signature(method)
    is_async, streams = signature.name.startswith("a"), "stream" in signature.name
    shell = {(0, 0): _answer, (0, 1): _stream, (1, 0): _aanswer, (1, 1): _astream}[is_async, streams](signature)
    # updated=() since the base method's marks (abstract, "already a span") are not this one's
    wrapped = functools.wraps(method, updated=())(shell)
    # the base class makes spans of all but these
    return cast("M", dispatcher.span(wrapped) if signature.name.endswith("_with_tools") else wrapped)


def _answer(signature: Signature) -> Callable[..., Any]:
    def call(self: Plans, /, *args: Any, **kwargs: Any) -> Any:
        plan = self._plan(Request(signature, args, kwargs))
        try:
            return plan.take(plan.start())
        except Exception as error:
            plan = plan.after(error)
            return plan.take(plan.start())

    return call


def _aanswer(signature: Signature) -> Callable[..., Any]:
    async def call(self: Plans, /, *args: Any, **kwargs: Any) -> Any:
        plan = await self._aplan(Request(signature, args, kwargs))
        try:
            return plan.take(await plan.start())
        except Exception as error:
            plan = plan.after(error)
            return plan.take(await plan.start())

    return call


def _stream(signature: Signature) -> Callable[..., Any]:
    def call(self: Plans, /, *args: Any, **kwargs: Any) -> Any:
        plan = self._plan(Request(signature, args, kwargs))
        try:
            parts = iter(plan.start())
        except Exception as error:
            plan = plan.after(error)
            parts = iter(plan.start())
        return _relay(plan, parts)

    return call


def _astream(signature: Signature) -> Callable[..., Any]:
    async def call(self: Plans, /, *args: Any, **kwargs: Any) -> Any:
        plan = await self._aplan(Request(signature, args, kwargs))
        try:
            parts = aiter(await plan.start())
        except Exception as error:
            plan = plan.after(error)
            parts = aiter(await plan.start())
        return _arelay(plan, parts)

    return call


def _relay(plan: Plan, parts: Iterator[Any]) -> Generator[Any, None, None]:
    try:
        begun: list[Any] = []  # held back until it is too late to begin anew
        try:
            for part in parts:
                begun.append(part)
                if plan.is_begun_by(part):
                    break
        except Exception as error:
            plan = plan.after(error)
            parts = iter(plan.start())
            begun = [part for part in (next(parts, END),) if part is not END]
        plan.answered()
        for part in begun:
            yield plan.tag(part)
        for part in parts:
            yield plan.tag(part)
    finally:
        if isinstance(parts, Generator):
            parts.close()


async def _arelay(plan: Plan, parts: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    try:
        begun: list[Any] = []  # as above
        try:
            async for part in parts:
                begun.append(part)
                if plan.is_begun_by(part):
                    break
        except Exception as error:
            plan = plan.after(error)
            parts = aiter(await plan.start())
            begun = [part for part in (await anext(parts, END),) if part is not END]
        plan.answered()
        for part in begun:
            yield plan.tag(part)
        async for part in parts:
            yield plan.tag(part)
    finally:
        if isinstance(parts, AsyncGenerator):
            await parts.aclose()
