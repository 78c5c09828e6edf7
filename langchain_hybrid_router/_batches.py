# ruff: noqa: A002 - "input" is LangChain's name for it
"""Batches: one scoring for all inputs, and then each on the model that is chosen for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, get_config_list

from hybrid_router_core import HybridRouter, RoutingDecision

from ._attempt import attempt, attempt_async
from ._call import Call
from ._delegate import Config, Delegating, Kwargs
from ._question import Question

__all__ = ["Batching", "aoutcomes", "outcomes", "settled"]

Outcome = tuple[Any, RoutingDecision | BaseException]


class Batching(Delegating):
    """Mixin, to stand before the Runnable among the bases."""

    def batch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[Any]:
        """Decide for all inputs with one scoring; the chosen models answer in parallel."""
        if not self._scores_together(inputs):
            return super().batch(inputs, config, **kwargs)  # type: ignore[misc, no-any-return]
        configs = get_config_list(config, len(inputs))
        return _Decided(self).batch(outcomes(self, inputs, configs, kwargs), configs, **kwargs)

    async def abatch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[Any]:
        """As `batch`."""
        if not self._scores_together(inputs):
            return await super().abatch(inputs, config, **kwargs)  # type: ignore[misc, no-any-return]
        configs = get_config_list(config, len(inputs))
        return await _Decided(self).abatch(await aoutcomes(self, inputs, configs, kwargs), configs, **kwargs)

    def batch_as_completed(self, inputs: Sequence[Any], config: Any = None, **kwargs: Any) -> Iterator[Any]:
        """As `batch`, in the order of completion."""
        if not self._scores_together(inputs):
            return super().batch_as_completed(inputs, config, **kwargs)  # type: ignore[misc, no-any-return]
        configs = get_config_list(config, len(inputs))
        return _Decided(self).batch_as_completed(outcomes(self, inputs, configs, kwargs), configs, **kwargs)

    async def abatch_as_completed(self, inputs: Sequence[Any], config: Any = None, **kwargs: Any) -> AsyncIterator[Any]:
        """As `abatch`, in the order of completion."""
        if self._scores_together(inputs):
            configs = get_config_list(config, len(inputs))
            decided = await aoutcomes(self, inputs, configs, kwargs)
            completed = _Decided(self).abatch_as_completed(decided, configs, **kwargs)
        else:
            completed = super().abatch_as_completed(inputs, config, **kwargs)  # type: ignore[misc]
        async for pair in completed:
            yield pair

    def _scores_together(self, inputs: Sequence[Any]) -> bool:
        # A callable scores one query after another, so its batches are decided call by call, in parallel.
        return len(inputs) > 1 and isinstance(self._ruling.decider.router, HybridRouter)


def outcomes(
    model: Delegating, inputs: Sequence[Any], configs: Sequence[RunnableConfig], kwargs: Kwargs
) -> list[Outcome]:
    """Each input with its decision, or with the error that is its own."""
    asked = _asked(model, inputs, configs, kwargs)
    questions = [each for each in asked if isinstance(each, Question)]
    scored = model._ruling.decider.outcomes([each.query for each in questions], [each.threshold for each in questions])
    return _joined(model, inputs, asked, scored, kwargs)


async def aoutcomes(
    model: Delegating, inputs: Sequence[Any], configs: Sequence[RunnableConfig], kwargs: Kwargs
) -> list[Outcome]:
    """As `outcomes`, with the scoring off the event loop."""
    asked = _asked(model, inputs, configs, kwargs)
    questions = [each for each in asked if isinstance(each, Question)]
    decider = model._ruling.decider
    scored = await decider.aoutcomes([each.query for each in questions], [each.threshold for each in questions])
    return _joined(model, inputs, asked, scored, kwargs)


def _asked(
    model: Delegating, inputs: Sequence[Any], configs: Sequence[RunnableConfig], kwargs: Kwargs
) -> list[RoutingDecision | Question | Exception]:
    kwargs = {key: value for key, value in kwargs.items() if key != "return_exceptions"}
    asked: list[RoutingDecision | Question | Exception] = []
    for model_input, config in zip(inputs, configs, strict=True):
        try:
            asked.append(model._ask(model_input, config, kwargs))
        except Exception as error:  # noqa: PERF203
            asked.append(error)
    return asked


def _joined(
    model: Delegating, inputs: Sequence[Any], asked: Sequence[Any], scored: Sequence[Any], kwargs: Kwargs
) -> list[Outcome]:
    answers = iter(scored)
    joined: list[Outcome] = []
    for value, each in zip(inputs, asked, strict=True):
        outcome = next(answers) if isinstance(each, Question) else each
        if isinstance(outcome, RoutingDecision):
            outcome = model._ruling.priced(model._routes, outcome, value, kwargs)
        joined.append((value, outcome))
    return joined


def settled(
    model: Delegating, outcome: RoutingDecision | BaseException, value: Any, config: RunnableConfig, kwargs: Kwargs
) -> Call:
    """The call of an input, or the error that is its own."""
    if isinstance(outcome, BaseException):
        raise outcome
    return model._call(outcome, value, config, kwargs)


class _Decided(Runnable[Outcome, Any]):
    """Calls the model for an input whose decision is made; the base class knows how to run many."""

    def __init__(self, owner: Delegating) -> None:
        self.owner = owner

    def invoke(self, input: Outcome, config: Config = None, **kwargs: Any) -> Any:
        value, outcome = input
        call = settled(self.owner, outcome, value, ensure_config(config), kwargs)
        return attempt(call, value, lambda call: call.route.invoke(value, call.config, **kwargs))

    async def ainvoke(self, input: Outcome, config: Config = None, **kwargs: Any) -> Any:
        value, outcome = input
        call = settled(self.owner, outcome, value, ensure_config(config), kwargs)
        return await attempt_async(call, value, lambda call: call.route.ainvoke(value, call.config, **kwargs))
