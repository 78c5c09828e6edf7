"""The parameters of requests in the words of one server, learned once from what it refuses.

Providers rename parameters (max_tokens, max_completion_tokens), take no temperature, or know fewer forms of answers.
The first refusal teaches it; the request is sent again at once, and all later ones are right the first time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["Dialect"]

_LENGTH = ("max_tokens", "max_completion_tokens")
_NAMED = {
    "response_format": re.compile(r"response.?format|json.?schema|json.?object|json.mode|structured.?output"),
    "temperature": re.compile(r"temperature"),
    **{name: re.compile(rf"\b{name}\b") for name in _LENGTH},
}
_REFUSED = re.compile(
    r"support|unrecogni[sz]ed|unknown|unexpected|not (?:permitted|allowed|available|accepted|recogni[sz]ed)"
    r"|forbidden|deprecated|unavailable|instead|invalid (?:param|argument|field|temperature|max_)"
    r"|only \S+ is|must be 1\b"
)
_TOO_MUCH = re.compile(r"context.(?:length|window)|too (?:large|long|high|many|big)|exceed|at most|reduce")
_OTHER_REASONS = (401, 402, 403, 408, 429)


class Dialect:
    """What is sent with each request besides the model and the messages.

    Attributes:
        parameters: For the next request; never changed, only replaced.
        notes: What the user asked for and the server does not take, in words.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self.parameters = parameters
        self.notes: list[str] = []
        self._refused: set[str] = set()

    def learn(self, sent: Mapping[str, Any], status: int, said: str) -> bool:
        """Whether the request shall be sent again, in other words.

        Args:
            sent: The `parameters` that were refused.
            status: Of HTTP.
            said: The server's answer.
        """
        said = said.lower()
        if status in _OTHER_REASONS:
            return False
        places = {name: found.start() for name in sent if name in _NAMED and (found := _NAMED[name].search(said))}
        for name in sorted(places, key=places.__getitem__):
            if name != "response_format" and (not _REFUSED.search(said) or _TOO_MUCH.search(said)):
                continue
            # Another request in flight may have taught it already.
            if self.parameters.get(name) != sent[name] or self._change(name):
                return True
        return False

    def _change(self, name: str) -> bool:
        rest = {key: value for key, value in self.parameters.items() if key != name}
        value = self.parameters[name]
        if name in _LENGTH:
            self._refused.add(name)
            other = next((other for other in _LENGTH if other not in self._refused), None)
            if other is None:
                return False  # without a limit it might cost more than was meant
            rest[other] = value
        elif name == "response_format" and value.get("type") == "json_schema":
            rest[name] = {"type": "json_object"}
        elif name == "temperature":
            self.notes.append(f"temperature {value:g} is not taken by the server; the model's own was used")
        self.parameters = rest
        return True
