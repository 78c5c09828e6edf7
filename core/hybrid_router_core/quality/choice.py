"""Letter answers of multiple-choice questions, in the many ways in which models write them."""

from __future__ import annotations

import re

from hybrid_router_core.errors import ConfigError

from .answers import AnswerMetric

__all__ = ["Choice"]

_VERBS = r"(?:choose|select|pick|chose|selected|picked|go\s+with|going\s+with)"
_FILLING = r"(?:\s+(?:is|are|was|be|would|should|must|the|most|likely|correct|right|best|letter|option|choice|answer))*"
_AFTER = r"(?:because|since|as|and|or|for|due|which|is|was|in|with|from|based|here)\b"


class Choice(AnswerMetric):
    """The response chooses an accepted letter.

    Looked for in this order: nothing but a letter; a boxed or doubly bracketed letter; "the answer is B", "B is
    correct"; "I choose B"; a first line with only a letter; the only letter that begins lines ("B) Paris"), that
    follows "option", that stands in brackets or bold; "so it is B" at the end. Of several statements of a kind the last
    counts. A response that chooses nothing, or several letters at once, is wrong; nothing is guessed.

    Args:
        letters: The letters there are.

    Raises:
        ConfigError: The letters are not two or more different ones from A to Z.
    """

    name = "choice"
    source = "Hendrycks et al. 2021, MMLU, arXiv:2009.03300; extraction rules of this project"

    def __init__(self, letters: str = "ABCDEFGHIJ") -> None:
        if not isinstance(letters, str) or not re.fullmatch("[A-Za-z]{2,26}", letters) or _repeats(letters):
            raise ConfigError(f"letters={letters!r}: two or more different letters are needed, such as 'ABCD'")
        self.letters = letters.upper()

    def _accepts(self, response: str, wanted: str) -> bool:
        letter = self.chosen(wanted)
        return letter is not None and self.chosen(response) == letter

    def chosen(self, text: str) -> str | None:
        """The letter that a text chooses, if it does.

        >>> Choice().chosen("Paris is in France, so the answer is **(B)**.")
        'B'
        """
        upper, either = f"[{self.letters}]", f"[{self.letters}{self.letters.lower()}]"
        if match := re.fullmatch(rf"[\W_]*({either})[\W_]*", text):
            return match[1].upper()
        plain = re.sub(r"\\text(?:bf|rm)?\{([^{}]*)\}", r"\1", text).replace("*", "").replace("`", "").replace("$", "")
        # A bare A or I in a sentence may be an article or a pronoun.
        letter = rf"(?:\(\s*({either})\s*\)|({upper})(?![\w'’])(?<![AI](?=\s(?!\s*{_AFTER})\s*[a-z])))"
        said = (
            rf"\\boxed\s*\{{\W*({either})\W*\}}|\[\[\s*({either})\s*\]\]",
            (
                rf"(?i:\b(?:answer|(?:correct|right|best)\s+(?:option|choice|letter))\b{_FILLING})[\s:=>\-–]*"
                rf"(?i:{_FILLING})\s*{letter}"
                rf"|(?i:\banswer\b{_FILLING})\s*[:=]?\s*({either})\s*[.)]?\s*$"
                rf"|(?<![\w'’])\(?({upper})\)?\s+(?i:is\s+(?:the\s+)?(?:correct|right|true|best)\b)"
            ),
            rf"(?i:\b{_VERBS}{_FILLING})[\s:]*{letter}",
        )
        for pattern in said:
            if found := _letters(pattern, plain):
                return found[-1]
        lines = [line.strip() for line in plain.strip().splitlines() if line.strip()]
        if lines and (match := re.fullmatch(rf"\W*({upper})\W*", lines[0])):
            return match[1]
        alone = (
            rf"^\s*(?:\(({either})\)|\[({either})\]|({upper})\s*[.):\]](?!\w)|({upper})\s+[-–—]\s)",
            rf"(?i:\b(?:option|choice)\b)[\s:]*{letter}",
            rf"\(({upper})\)|\[({upper})\]",
        )
        for pattern in alone:
            if different := set(_letters(pattern, plain)):
                return different.pop() if len(different) == 1 else None
        if bold := {match.upper() for match in re.findall(rf"\*\*\s*({upper})\s*[.):]?\s*\*\*", text)}:
            return bold.pop() if len(bold) == 1 else None
        last = _letters(rf"(?i:\b(?:is|be|so|thus|hence|therefore|it['’]s))\s*[,:]?\s+({upper})\W*\Z", plain)
        return last[-1] if last else None


def _repeats(letters: str) -> bool:
    return len(set(letters.upper())) < len(letters)


def _letters(pattern: str, text: str) -> list[str]:
    """The letters of all matches, in order."""
    return [next(filter(None, match.groups())).upper() for match in re.finditer(pattern, text, re.MULTILINE)]
