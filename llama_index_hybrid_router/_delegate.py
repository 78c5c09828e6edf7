"""Public methods that hand the whole call to the same-named method of the chosen model.

Each row of the table in `HybridRouterLLM` becomes one of four shells: sync or async, one answer or a stream. All take
the decision from one plan, so sync and async cannot drift apart. The choice is made when the method is called, and not
when a stream is first read, so that the router's span encloses the model's.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from llama_index_instrumentation import get_dispatcher

from ._request import Request, Signature

if TYPE_CHECKING:
    from ._base import RoutingLLM
    from ._plan import Plan

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
    return cast(M, dispatcher.span(wrapped) if signature.name.endswith("_with_tools") else wrapped)


def _answer(signature: Signature) -> Callable[..., Any]:
    def call(self: RoutingLLM, *args: Any, **kwargs: Any) -> Any:
        plan = self._plan(Request(signature, args, kwargs))
        try:
            return plan.tag(plan.start())
        except Exception as error:
            if not plan.has_fallback:
                raise
            plan = plan.fallback(error)
            return plan.tag(plan.start())

    return call


def _aanswer(signature: Signature) -> Callable[..., Any]:
    async def call(self: RoutingLLM, *args: Any, **kwargs: Any) -> Any:
        plan = await self._aplan(Request(signature, args, kwargs))
        try:
            return plan.tag(await plan.start())
        except Exception as error:
            if not plan.has_fallback:
                raise
            plan = plan.fallback(error)
            return plan.tag(await plan.start())

    return call


def _stream(signature: Signature) -> Callable[..., Any]:
    def call(self: RoutingLLM, *args: Any, **kwargs: Any) -> Any:
        plan = self._plan(Request(signature, args, kwargs))
        try:
            parts = plan.start()
        except Exception as error:
            if not plan.has_fallback:
                raise
            plan = plan.fallback(error)
            parts = plan.start()
        return _relay(plan, parts)

    return call


def _astream(signature: Signature) -> Callable[..., Any]:
    async def call(self: RoutingLLM, *args: Any, **kwargs: Any) -> Any:
        plan = await self._aplan(Request(signature, args, kwargs))
        try:
            parts = await plan.start()
        except Exception as error:
            if not plan.has_fallback:
                raise
            plan = plan.fallback(error)
            parts = await plan.start()
        return _arelay(plan, parts)

    return call


def _relay(plan: Plan, parts: Iterator[Any]) -> Generator[Any, None, None]:
    try:
        try:
            part = next(parts, END)
        except Exception as error:  # after the first part it would be too late to begin anew
            if not plan.has_fallback:
                raise
            plan = plan.fallback(error)
            parts = plan.start()
            part = next(parts, END)
        while part is not END:
            yield plan.tag(part)
            part = next(parts, END)
    finally:
        if isinstance(parts, Generator):
            parts.close()


async def _arelay(plan: Plan, parts: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    try:
        try:
            part = await anext(parts, END)
        except Exception as error:  # as above
            if not plan.has_fallback:
                raise
            plan = plan.fallback(error)
            parts = await plan.start()
            part = await anext(parts, END)
        while part is not END:
            yield plan.tag(part)
            part = await anext(parts, END)
    finally:
        if isinstance(parts, AsyncGenerator):
            await parts.aclose()
