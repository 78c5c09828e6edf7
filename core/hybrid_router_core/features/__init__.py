"""Features of queries: `Featurizer` puts the embedding, surface features and a learned vocabulary together."""

from .featurizer import Features, Featurizer
from .lexical import LexicalTable
from .surface import surface_features

__all__ = ["Features", "Featurizer", "LexicalTable", "surface_features"]
