"""Embedders: texts to vectors. The bundled static table, sentence-transformers, or an object of the user's own."""

from .base import Embedder
from .batches import embed_in_batches, tokens_in_batches
from .custom import CustomEmbedder
from .multilingual import MultilingualEmbedder
from .probe import fingerprints_match
from .resolve import resolve_embedder
from .sentence_transformers import SentenceTransformerEmbedder
from .static import StaticEmbedder, TokenIds
from .text import TEXT_LIMIT, bound_text

__all__ = [
    "TEXT_LIMIT",
    "CustomEmbedder",
    "Embedder",
    "MultilingualEmbedder",
    "SentenceTransformerEmbedder",
    "StaticEmbedder",
    "TokenIds",
    "bound_text",
    "embed_in_batches",
    "fingerprints_match",
    "resolve_embedder",
    "tokens_in_batches",
]
