"""From what the user names or hands over to an embedder."""

from __future__ import annotations

from hybrid_router_core.errors import ConfigError

from .base import Embedder
from .custom import CustomEmbedder, embedding_function
from .multilingual import MultilingualEmbedder
from .sentence_transformers import SentenceTransformerEmbedder
from .static import StaticEmbedder

__all__ = ["resolve_embedder"]


def resolve_embedder(spec: object) -> Embedder:
    """Return the embedder for a specification.

    Args:
        spec: `"static"`, `"multilingual"`, `"sentence-transformers:<name or folder>"`, an `Embedder`, an object with
            `embed_documents` (LangChain), `get_text_embedding_batch` (LlamaIndex) or `encode`, or a function from a
            list of texts to an array with one row a text.

    Raises:
        ConfigError: For anything else.
    """
    if isinstance(spec, str):
        kind, _, model = spec.partition(":")
        if spec == StaticEmbedder.name:
            return StaticEmbedder()
        if spec == MultilingualEmbedder.name:
            return MultilingualEmbedder()
        if kind == "sentence-transformers" and model:
            return SentenceTransformerEmbedder(model)
    elif not isinstance(spec, type):  # a class is callable, but makes objects and no vectors
        if isinstance(spec, Embedder):
            return spec
        function = embedding_function(spec)
        if function is not None:
            return CustomEmbedder(function)
    raise ConfigError(
        f"embedder={spec!r} is not known. Use 'static', 'multilingual', 'sentence-transformers:<name or folder>', an "
        "object with encode, embed_documents or get_text_embedding_batch, or a function from a list of texts to an "
        "array."
    )
