"""With a router that the core has trained, and embeddings of LlamaIndex inside it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core import SummaryIndex
from llama_index.core.base.embeddings.base import BaseEmbedding

from hybrid_router_core import HybridRouter, RoutingDataset
from llama_index_hybrid_router import HybridRouterLLM, HybridSelector, capture_decisions
from tests.llama_index.fakes import EASY, HARD, TRIGGER, FakeLLM, user


class WordEmbedding(BaseEmbedding):
    """Counts letters, and sees the trigger word."""

    def _get_text_embedding(self, text: str) -> list[float]:
        letters = [float(text.lower().count(letter)) for letter in "abcdefghij"]
        return [*letters, 5.0 * (TRIGGER in text)]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


@pytest.fixture
def rows() -> RoutingDataset:
    records = [
        {
            "query": f"Prove the {TRIGGER} number {i}." if i % 2 else f"What colour is thing {i}?",
            "small_quality": 0.2 if i % 2 else 0.9,
            "large_quality": 0.9,
        }
        for i in range(40)
    ]
    return RoutingDataset.from_records(records)


@pytest.mark.parametrize("form", ["object", "folder", "text"])
async def test_every_form_of_a_trained_router_decides(
    form: str, trained: HybridRouter, trained_folder: Path, make: Any, index: SummaryIndex
) -> None:
    llm = make(router={"object": trained, "folder": trained_folder, "text": str(trained_folder)}[form])
    engine = index.as_query_engine(llm=llm)
    assert (str(engine.query(EASY)), str(await engine.aquery(HARD))) == ("small answers", "large answers")
    with capture_decisions() as decisions:
        await llm.achat([user(HARD)])
    assert decisions == [trained.route(HARD)]


def test_calibrating_a_router_in_use_counts_at_once(rows: RoutingDataset, make: Any) -> None:
    router = HybridRouter(mode="deterministic", scorer="linear").fit(rows)
    llm = make(router=router)
    assert str(llm.complete(EASY)) == "small answers"
    router.threshold = 1.0
    assert str(llm.complete(EASY)) == "large answers"


async def test_an_embedding_of_llama_index_is_an_embedder_of_the_core(
    rows: RoutingDataset, make: Any, tmp_path: Path
) -> None:
    embedding = WordEmbedding(model_name="words", embed_batch_size=7)
    router = HybridRouter(mode="deterministic", scorer="linear", embedder=embedding).fit(rows)
    vectors = np.asarray(router.embedder.encode([EASY, HARD]))
    assert np.allclose(vectors, embedding.get_text_embedding_batch([EASY, HARD]))
    loaded = HybridRouter.load(router.save(tmp_path / "router"), embedder=embedding)
    assert np.array_equal(loaded.score([EASY, HARD]), router.score([EASY, HARD]))
    llm = make(router=loaded)
    assert (str(llm.complete(EASY)), str(await llm.acomplete(HARD))) == ("small answers", "large answers")
    assert HybridSelector(loaded).select(["a", "b"], HARD).ind == 1


async def test_a_hundred_concurrent_queries_keep_their_routes_and_do_not_block_the_loop(
    trained: HybridRouter, index: SummaryIndex
) -> None:
    small, large = FakeLLM(name="small", delay=0.02), FakeLLM(name="large", delay=0.02)
    llm = HybridRouterLLM(small=small, large=large, router=trained)

    async def one(engine: Any, i: int) -> None:
        question = f"Prove the {TRIGGER} number {i}." if i % 3 else f"What colour is the sky at {i}?"
        with capture_decisions() as decisions:
            answer = str(await engine.aquery(question))
        if engine is routed:
            assert [decision.model for decision in decisions] == [trained.route(question).model]
            assert answer == f"{'large' if i % 3 else 'small'} answers"

    async def longest_pause(engine: Any) -> float:
        pauses: list[float] = []
        loop = asyncio.get_running_loop()

        async def heart() -> None:
            while True:
                started = loop.time()
                await asyncio.sleep(0.001)
                pauses.append(loop.time() - started)

        beating = asyncio.create_task(heart())
        await asyncio.sleep(0.01)
        await asyncio.gather(*(one(engine, i) for i in range(100)))
        await asyncio.sleep(0.01)
        beating.cancel()
        return max(pauses)

    routed, direct = index.as_query_engine(llm=llm), index.as_query_engine(llm=small)
    # LlamaIndex itself holds the loop while it prepares the prompts; the router must not add to that by scoring there
    alone, with_router = await longest_pause(direct), await longest_pause(routed)
    assert with_router < 2 * alone + 0.2
