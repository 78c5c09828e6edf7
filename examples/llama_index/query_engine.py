"""The router in the place of an LLM in a query engine: each query goes where its question belongs, not its documents.

    python examples/llama_index/query_engine.py

Offline as it stands; for real models set the environment variables that `offline.py` names.
"""

from llama_index_instrumentation.dispatcher import instrument_tags
from offline import atlas, llms, trained_router

from llama_index_hybrid_router import HybridRouterLLM, capture_decisions

small, large = llms()
llm = HybridRouterLLM(small=small, large=large, router=trained_router(), fallback=True)
engine = atlas().as_query_engine(llm=llm)

for question in ("What is the capital of France?", "Explain why the economy of France slowed down."):
    with capture_decisions() as decisions:
        answer = engine.query(question)
    print(f"{question} -> {decisions[0]}\n   {answer}")

streaming = atlas().as_query_engine(llm=llm, streaming=True, response_mode="refine")
with capture_decisions() as decisions:
    print("".join(streaming.query("What is the capital of Japan?").response_gen))
print("refined on:", [decision.model for decision in decisions])

# For one block: the model, or another threshold ({"threshold": 0.9}).
with instrument_tags({"hybrid_router": {"model": "large"}}), capture_decisions() as decisions:
    engine.query("What is the capital of Japan?")
print("with the tag:", decisions[0])
