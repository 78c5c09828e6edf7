"""A LangGraph graph with the router as its model: streamed tokens name the model that wrote them.

    python examples/langchain/graph.py

Offline as it stands; for real models set the environment variables that `offline.py` names. Needs `langgraph`.
"""

from langchain_core.callbacks import get_usage_metadata_callback
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from offline import chat_models, trained_router

from langchain_hybrid_router import RunnableHybridRouter

small, large = chat_models()
model = RunnableHybridRouter(small=small, large=large, router=trained_router(), fallback=True)


def answer(state: MessagesState) -> dict[str, list[object]]:
    """The only node."""
    return {"messages": [model.invoke(state["messages"])]}


graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
app = graph.compile(checkpointer=InMemorySaver())

with get_usage_metadata_callback() as usage:
    for i, question in enumerate(("What is the capital of Peru?", "Explain why the economy of Peru slowed down.")):
        config = {"configurable": {"thread_id": str(i)}}
        for chunk, metadata in app.stream({"messages": [("human", question)]}, config, stream_mode="messages"):
            print(f"[{metadata['hybrid_router_model']}] {chunk.text}")
print("tokens:", {name: used["total_tokens"] for name, used in usage.usage_metadata.items()})
