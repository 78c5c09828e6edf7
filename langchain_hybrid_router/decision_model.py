"""HybridDecisionModel: the router as a decision model, which LangChain's own ModelRouterMiddleware asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import langchain_core
from langchain_core.messages import BaseMessage
from langchain_core.runnables.config import ensure_config
from pydantic import ConfigDict, Field, PrivateAttr
from typing_extensions import Self

from hybrid_router_core import ConfigError, RoutingDecision
from hybrid_router_core.live import Decider, Limits, OnRouterError, RouterLike, place

from ._demand import demand_of
from ._messages import messages_of, reading_of
from ._question import MODEL_KEY, THRESHOLD_KEY, Question

try:
    from langchain_core import decisions
except ImportError as error:
    raise ImportError(
        f"langchain-core {langchain_core.__version__} has no decision models; HybridDecisionModel needs 1.8 or later. "
        "Install it with: pip install -U 'langchain-core>=1.8,<2' 'langchain>=1.5,<2'",
        name="langchain_core.decisions",
    ) from error

__all__ = ["HybridDecisionModel", "RoutedResponse"]


class RoutedResponse(decisions.ClassifierResponse):
    """The answers, and the decision that all of them follow from: score, threshold and reason."""

    decision: RoutingDecision


class HybridDecisionModel(decisions.BaseDecisionModel):
    """Answers which of two models is to take a conversation, as a learned router predicts (beta, as its base is).

    ```python
    classifier = HybridDecisionModel(router="router/", small="fast", large="smart")
    choices = {"fast": ModelChoice(small_model, "easy"), "smart": ModelChoice(large_model, "hard")}
    ModelRouterMiddleware(choices=choices, instructions="Which model?", classifier=classifier)
    ```
    The probability of small's label is the score, that of large's the rest; the choice follows the threshold, so it may
    be the less likely one. Confidence is the choice's probability, or 0 if nothing was scored: no text, more than text
    (an image, say), a router that failed, an override; the response's ``decision`` tells. Instructions and criteria are
    not read. ``hybrid_router_model`` and ``hybrid_router_threshold`` in ``config["configurable"]`` override.

    Args:
        router: A trained router, its folder, or a callable from the query to a score in [0, 1], high meaning small.
        small: The label that stands for the small model in the questions.
        large: Likewise.
        threshold: Small iff score >= threshold, in [0, 1]; None takes the router's own (0.5 for a callable).
        on_router_error: ``"large"``: if the router fails, the answer is large. ``"raise"``: the error reaches you.
        model: The name in traces; and ``name``, as of any runnable.

    Raises:
        ConfigError: If a value is not allowed, or, when asked, a question is no choice between the two labels.
        ArtifactError: If a folder holds no sound router.
        NotFittedError: If the router has not been trained.
    """

    router: Any = Field(exclude=True, repr=False)
    small: str = "small"
    large: str = "large"
    threshold: float | None = None
    on_router_error: OnRouterError = "large"

    model_config = ConfigDict(frozen=True)
    _decider: Decider = PrivateAttr()

    def __init__(
        self,
        *,
        router: RouterLike,
        small: str = "small",
        large: str = "large",
        threshold: float | None = None,
        on_router_error: OnRouterError = "large",
        model: str = "hybrid-router",
        name: str | None = None,
    ) -> None:
        if small == large or not all(isinstance(label, str) and label for label in (small, large)):
            raise ConfigError(f"small is {small!r} and large is {large!r}; allowed: two labels that differ")
        decider = Decider(router, threshold=threshold, on_router_error=on_router_error)
        fields: dict[str, Any] = {"router": decider.router, "small": small, "large": large, "threshold": threshold}
        super().__init__(**fields, on_router_error=on_router_error, model=model, name=name)  # type: ignore[call-arg]
        self._decider = decider

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As of any model; what is updated is checked, and takes effect."""
        copy = super().model_copy(deep=deep)
        return type(self)(**{**copy.__dict__, **update}) if update else copy

    @property
    def _provider(self) -> str:
        return "hybrid_router"

    def _classify(self, state: decisions.State, questions: dict[str, decisions.Question]) -> RoutedResponse:
        asked = self._asked(state, questions)
        if isinstance(asked, Question):
            asked = self._decider.decide(asked.query, threshold=asked.threshold)
        return self._response(asked, questions)

    async def _aclassify(self, state: decisions.State, questions: dict[str, decisions.Question]) -> RoutedResponse:
        asked = self._asked(state, questions)
        if isinstance(asked, Question):
            asked = await self._decider.adecide(asked.query, threshold=asked.threshold)
        return self._response(asked, questions)

    def _asked(self, state: Any, questions: Mapping[str, Any]) -> RoutingDecision | Question:
        for name, question in questions.items():
            _check(name, question, self.small, self.large)
        messages = _messages(state)
        overrides = ensure_config().get("configurable") or {}
        if overrides.get(MODEL_KEY) is not None:
            return self._decider.decide(None, model=overrides[MODEL_KEY])
        # There are labels here and no models, so what small takes beyond text is not known
        placed = place(demand_of(messages, {}, None, count=False), Limits(), Limits())
        return placed or Question(reading_of(messages), overrides.get(THRESHOLD_KEY))

    def _response(self, decision: RoutingDecision, questions: Mapping[str, Any]) -> RoutedResponse:
        score = float(decision.model == "small") if decision.score is None else decision.score
        shares, choice = {self.small: score, self.large: 1 - score}, getattr(self, decision.model)
        sure = 0.0 if decision.score is None else shares[choice]
        # LangChain's own type, and no subclass: agents keep it in their checkpoints
        answer = decisions.ChoiceAnswer(type="choice", choice=choice, probabilities=shares, confidence=sure)
        return RoutedResponse(model=self.model, answers=dict.fromkeys(questions, answer), decision=decision)


def _check(name: str, question: Any, small: str, large: str) -> None:
    choices = list(question.criteria) if isinstance(question, decisions.Choice) else []
    if set(choices) != {small, large}:
        found = f"has the choices {choices}" if choices else f"is a {type(question).__name__}"
        raise ConfigError(
            f"the question {name!r} {found}; allowed: a Choice between {small!r} and {large!r}, the labels of the two "
            "models. To use those of the question, pass them to HybridDecisionModel as small= and large="
        )


def _messages(state: Any) -> list[BaseMessage]:
    if isinstance(state, Mapping):
        if "messages" not in state:
            raise ConfigError(f"the state has the keys {sorted(map(str, state))}; allowed: one of them is 'messages'")
        state = state["messages"]
    return [state] if isinstance(state, BaseMessage) else messages_of(state)
