"""How unlike the training queries a query is, as one number: higher is stranger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid_router_core._types import AnyArray, Float32Array, FloatArray
from hybrid_router_core.embedders import StaticEmbedder, TokenIds

from .characters import CharacterModel, Characters, read_characters
from .space import FeatureSpace
from .tails import Adjustments, Side, Tails
from .tokens import TokenModel

__all__ = ["Likeness"]

_FOLDS = 5
_MOST_TEXTS = 10_000  # more teach hardly anything new
_EDGE = 0.9
_CHUNK = 512  # texts at a time: bounds the memory of their characters
# The least scales, in the measures' own units: training queries that are all alike, as templates are, must not make a
# stranger of what differs by a character.
_SIDES = (
    *(Side(0, 1, 0.1), Side(0, -1, 0.1)),  # log of the length
    *(Side(1, 1, 0.1), Side(1, -1, 0.1)),  # log of the longest word
    *(Side(2, 1, 0.2), Side(3, 1, 0.2)),  # surprise at characters and tokens, in standard deviations
    *(Side(4, 1, 6), Side(5, 1, 6)),  # distances outside and inside the subspace, in steps of 1/64
)
_MEANS = slice(2, 4)  # the measures that are means over characters and tokens


@dataclass(frozen=True)
class _Models:
    characters: CharacterModel
    tokens: TokenModel
    space: FeatureSpace


@dataclass(frozen=True)
class Likeness:
    """Measures a query in six ways and adds up how far each is beyond what is usual among the training queries.

    The measures: the length of the text and of its longest word (strange when long or short), how unexpected its
    characters and its tokens are, and its distance from the training queries in the space of the features, outside
    their subspace and in it (strange when large). No made-up strangers are learned from.

    Attributes:
        edge: About a tenth of queries like the training queries are stranger than this.
    """

    models: _Models
    adjustments: Adjustments
    tails: Tails
    edge: float

    @classmethod
    def fit(cls, texts: Sequence[str], tokens: TokenIds, features: Float32Array, *, seed: int = 0) -> Likeness:
        """Learn from the training queries; the same arguments give the same bits.

        What is usual is measured on fifths of the queries, by models of the other four: a model finds nothing strange
        in the queries that it learned.

        Args:
            texts: The queries, at least one; a repeated one counts once.
            tokens: Their ids by the bundled tokenizer.
            features: Their rows by a fitted `Featurizer`.
            seed: Of the sample of many queries, their fifths and the prototypes.
        """
        rng = np.random.default_rng(seed)
        rows = np.array(list({text: row for row, text in enumerate(texts)}.values()))
        rows = np.sort(rng.permutation(rows)[:_MOST_TEXTS])
        characters = read_characters([texts[row] for row in rows.tolist()])
        tokens, features = _rows_of(tokens, rows), features[rows]
        fold = rng.permutation(len(rows)) % _FOLDS
        counts, measured = _counts(characters, tokens), np.empty((6, len(rows)))
        for k in range(min(_FOLDS, len(rows))):
            held = fold == k
            learned = ~held if len(rows) > 1 else held  # a single query teaches itself
            models = _learn(characters, tokens, features, learned, seed)
            measured[:, held] = _measure(models, characters, tokens, features)[:, held]
        adjustments = Adjustments.fit(measured[_MEANS], counts)
        measured[_MEANS] = adjustments.apply(measured[_MEANS], counts)
        tails = Tails.fit(measured, _SIDES)
        edge = float(np.quantile(tails.total(measured), _EDGE))
        return cls(_learn(characters, tokens, features, np.ones(len(rows), dtype=bool), seed), adjustments, tails, edge)

    def strangeness(self, texts: Sequence[str], tokens: TokenIds, features: Float32Array) -> FloatArray:
        """How unlike the training queries each is, at least 0, shape (n,); the same alone and in any batch.

        Args:
            texts: Any strings; of the length all is counted, of the rest what `bound_text` keeps.
            tokens: Their ids by the bundled tokenizer.
            features: Their rows by the `Featurizer` whose rows were learned from.
        """
        if len(texts) > _CHUNK:
            parts = [np.arange(start, min(start + _CHUNK, len(texts))) for start in range(0, len(texts), _CHUNK)]
            chunks = [([texts[row] for row in part.tolist()], _rows_of(tokens, part), features[part]) for part in parts]
            return np.concatenate([self.strangeness(*chunk) for chunk in chunks])
        characters = read_characters(texts)
        measured = _measure(self.models, characters, tokens, features)
        measured[_MEANS] = self.adjustments.apply(measured[_MEANS], _counts(characters, tokens))
        return self.tails.total(measured)

    def state(self) -> dict[str, AnyArray]:
        """Arrays that `from_state` reads."""
        space = {f"space.{name}": array for name, array in self.models.space.state().items()}
        return {
            "characters": self.models.characters.surprise,
            "tokens": self.models.tokens.surprise,
            **space,
            "adjustments": self.adjustments.numbers[:, :, 0],
            "tails": np.concatenate([self.tails.slopes, self.tails.offsets], axis=1),
            "edge": np.array([self.edge]),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, AnyArray]) -> Likeness:
        """The likeness whose `state` this is.

        Raises:
            KeyError, ValueError: An array is missing or of another shape.
        """
        space = FeatureSpace.from_state(state["space.mean"], state["space.axes"], state["space.prototypes"])
        tokens = TokenModel.from_state(state["tokens"], StaticEmbedder().vocabulary_size())
        characters = CharacterModel.from_state(state["characters"])
        adjustments, tails = state["adjustments"].astype(np.float64), state["tails"].astype(np.float64)
        if adjustments.shape != (4, 2) or tails.shape != (len(_SIDES), 2):
            raise ValueError(f"adjustments {adjustments.shape} and tails {tails.shape} are not (4, 2) and (8, 2)")
        if state["edge"].shape != (1,):
            raise ValueError(f"an edge of shape {state['edge'].shape} is not one number")
        measures = np.array([side.measure for side in _SIDES])
        edge = float(state["edge"][0])
        models = _Models(characters, tokens, space)
        return cls(models, Adjustments(adjustments[:, :, None]), Tails(measures, tails[:, :1], tails[:, 1:]), edge)


def _learn(characters: Characters, tokens: TokenIds, features: Float32Array, rows: AnyArray, seed: int) -> _Models:
    """The models of some of the rows."""
    lengths = np.diff(characters.starts, append=len(characters.triples))  # with the void ones, which weigh little
    flat = tokens.flat[np.repeat(rows, np.diff(tokens.offsets))]
    return _Models(
        CharacterModel.fit(characters.triples[np.repeat(rows, lengths)]),
        TokenModel.fit(flat, StaticEmbedder().vocabulary_size()),
        FeatureSpace.fit(features[rows], seed),
    )


def _measure(models: _Models, characters: Characters, tokens: TokenIds, features: Float32Array) -> FloatArray:
    """The six measures, those of `_MEANS` as sums; shape (6, n)."""
    measured = np.empty((6, len(characters.counts)))
    measured[0:2] = characters.sizes
    measured[2] = models.characters.sums(characters)
    measured[3] = models.tokens.sums(tokens)
    measured[4:6] = models.space.distances(features)
    return measured


def _counts(characters: Characters, tokens: TokenIds) -> FloatArray:
    """Of what the means are taken, shape (2, n)."""
    return np.array([characters.counts, tokens.offsets[1:] - tokens.offsets[:-1]], dtype=np.float64)


def _rows_of(tokens: TokenIds, rows: AnyArray) -> TokenIds:
    starts, ends = tokens.offsets[rows], tokens.offsets[rows + 1]
    parts = [tokens.flat[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    offsets = np.concatenate([[0], np.cumsum(ends - starts)])
    return TokenIds(np.concatenate([tokens.flat[:0], *parts]), offsets)
