"""What a store keeps: calls, labels of their answers, events of the deployment and, only where asked for, texts.

Times are in seconds since 1970. A number that is not finite, or not possible for its column, is stored as None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = ["Call", "Event", "Label", "Labelled", "Row", "Source", "Texts"]

Source: TypeAlias = Literal["shadow", "feedback", "judge", "user"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call, without its text.

    Attributes:
        time: When it came.
        run: Its id; labels and texts of the call name it.
        routed: The arm that the router chose.
        answered: The arm that answered; while a deployment only observes, its reference.
        reason: Why, as in `RoutingDecision`.
        conversation: A hash that the calls of one conversation share.
        query_hash: In [0, 2**64), see `query_hash`.
        score: Of the router, if it gave one.
        threshold: What the score was compared with.
        input_tokens: Of the prompt.
        output_tokens: Of the answer.
        cost: In dollars.
        latency: In seconds.
        error: The class of the error in which the call ended, never its message.
    """

    time: float
    run: str
    routed: str
    answered: str
    reason: str
    conversation: str | None = None
    query_hash: int | None = None
    score: float | None = None
    threshold: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    latency: float | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """What the answer of an arm to a call was worth.

    Attributes:
        time: When it was known.
        run: Of the call.
        arm: Whose answer it is.
        quality: The higher the better; None where it could not be told.
        source: Who says so.
        metric: The name of the measure.
        probability: With which the call was chosen for a label, in (0, 1]; None where nobody drew.
    """

    time: float
    run: str
    arm: str
    quality: float | None
    source: Source
    metric: str | None = None
    probability: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something that happened to the deployment.

    Attributes:
        time: When.
        kind: Such as certified, alarm, back_to_large, observing, dropped.
        detail: Whatever JSON can hold.
    """

    time: float
    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """What was said; nothing else in a store holds a text of a user.

    Attributes:
        time: When.
        run: Of the call.
        messages: The conversation that was sent, if it is to be kept.
        answers: By arm; what other rows of the run hold for other arms is kept.
    """

    time: float
    run: str
    messages: Sequence[Mapping[str, Any]] | None = None
    answers: Mapping[str, str] = field(default_factory=dict)


Row: TypeAlias = "Call | Label | Event | Texts"


@dataclass(frozen=True, kw_only=True, slots=True)
class Labelled:
    """A call with what is known of its answers, to train and to calibrate with.

    Attributes:
        call: The call.
        labels: In time order, at least one.
        messages: The conversation, where it was kept.
        answers: By arm, where they were kept.
    """

    call: Call
    labels: tuple[Label, ...]
    messages: Sequence[Mapping[str, Any]] | None = None
    answers: Mapping[str, str] = field(default_factory=dict)

    @property
    def qualities(self) -> dict[str, float]:
        """By arm; the latest label of an arm counts."""
        return {label.arm: label.quality for label in self.labels if label.quality is not None}

    @property
    def probability(self) -> float | None:
        """With which the call was chosen, after the latest label that says so."""
        return next((label.probability for label in self.labels[::-1] if label.probability is not None), None)
