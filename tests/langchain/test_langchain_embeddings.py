"""LangChain's Embeddings objects as embedders of the core."""

from __future__ import annotations

import math

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings

from hybrid_router_core import ArtifactError, HybridRouter, RoutingDataset
from langchain_hybrid_router import RunnableHybridRouter, routing_decision
from tests.langchain.fakes import FakeChat


class Letters(Embeddings):
    """The share of each letter: enough to tell the two kinds of questions apart."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        rows = [[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts]
        return [[each / (math.hypot(*row) or 1) for each in row] for row in rows]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@pytest.fixture(scope="module")
def data() -> RoutingDataset:
    rows = [
        {"query": f"{word} " * 4 + str(i), "small_quality": quality, "large_quality": 1.0}
        for i in range(30)
        for word, quality in (("zoo", 1.0), ("theme", 0.0))
    ]
    return RoutingDataset.from_records(rows)


def test_a_router_is_trained_saved_loaded_and_used_in_a_chain_with_langchain_embeddings(data, tmp_path):
    folder = HybridRouter(mode="deterministic", embedder=Letters(), scorer="linear").fit(data).save(tmp_path / "router")
    router = HybridRouter.load(folder, embedder=Letters())
    model = RunnableHybridRouter(small=FakeChat(model="s"), large=FakeChat(model="l"), router=router)
    found = [routing_decision(message).model for message in model.batch(["zoo zoo zoo", "theme theme theme"])]
    assert found == ["small", "large"]


def test_other_embeddings_than_in_training_are_refused_when_the_router_is_loaded(data, tmp_path):
    folder = HybridRouter(mode="deterministic", embedder=Letters(), scorer="linear").fit(data).save(tmp_path / "router")
    with pytest.raises(ArtifactError, match="another embedder"):
        HybridRouter.load(folder, embedder=DeterministicFakeEmbedding(size=26))
