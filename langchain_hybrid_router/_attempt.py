"""One call with the chosen model, or with the large one after the small one has failed.

Where that may be, both stand below a run of their own, as with LangChain's ``with_fallbacks``: who listens to the call
as a whole must see it end well when large has answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.runnables import RunnableConfig, RunnableLambda

from ._call import Call

__all__ = ["RUN_NAME", "aanswer", "aeither", "answer", "attempt", "attempt_async", "either"]

RUN_NAME = "RunnableHybridRouter"


def answer(call: Call, do: Callable[[Call], Any]) -> Any:
    """What the chosen model gives, with the record."""
    try:
        output = do(call)
    except Exception:
        call.failed()
        raise
    call.answered()
    return call.stamping.stamp(output)


async def aanswer(call: Call, do: Callable[[Call], Awaitable[Any]]) -> Any:
    """As `answer`."""
    try:
        output = await do(call)
    except Exception:
        call.failed()
        raise
    call.answered()
    return call.stamping.stamp(output)


def either(call: Call, do: Callable[[Call], Any]) -> Any:
    """The chosen model's answer, or large's if it raises and large may answer for it."""
    try:
        return answer(call, do)
    except Exception as error:
        if not call.may_fall_back:
            raise
        call = call.fallback(error)
    return answer(call, do)


async def aeither(call: Call, do: Callable[[Call], Awaitable[Any]]) -> Any:
    """As `either`."""
    try:
        return await aanswer(call, do)
    except Exception as error:
        if not call.may_fall_back:
            raise
        call = call.fallback(error)
    return await aanswer(call, do)


def attempt(call: Call, value: Any, do: Callable[[Call], Any]) -> Any:
    """As `either`, below a run for both if there may be two; the value is that run's input."""
    if not call.may_fall_back:
        return answer(call, do)

    def both(_: Any, config: RunnableConfig) -> Any:
        return either(call.under(config), do)

    return RunnableLambda(both, name=RUN_NAME).invoke(value, call.base)


async def attempt_async(call: Call, value: Any, do: Callable[[Call], Awaitable[Any]]) -> Any:
    """As `attempt`."""
    if not call.may_fall_back:
        return await aanswer(call, do)

    async def both(_: Any, config: RunnableConfig) -> Any:
        return await aeither(call.under(config), do)

    return await RunnableLambda(both, name=RUN_NAME).ainvoke(value, call.base)
