"""The learned score selects between two query engines, without a call of an LLM.

    python examples/llama_index/selector.py

Offline as it stands; for real models set the environment variables that `offline.py` names.
"""

from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.tools import QueryEngineTool
from offline import atlas, llms, trained_router

from llama_index_hybrid_router import HybridSelector

small, large = llms()
quick = atlas().as_query_engine(llm=small, response_mode="compact")
thorough = atlas().as_query_engine(llm=large, response_mode="tree_summarize")
tools = [
    QueryEngineTool.from_defaults(quick, name="quick", description="one call of the small model"),
    QueryEngineTool.from_defaults(thorough, name="thorough", description="a summary by the large model"),
]
selector = HybridSelector(trained_router(), small="quick", large="thorough")
engine = RouterQueryEngine(selector, tools, llm=large)

for question in ("What is the capital of France?", "Explain why the economy of France slowed down."):
    answer = engine.query(question)
    selected = answer.metadata["selector_result"]
    print(f"{question}\n   {answer} ({tools[selected.ind].metadata.name}; {selected.reason})")
