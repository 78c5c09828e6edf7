"""An agent with a tool: one decision for each turn of the user, the same model through the whole tool loop.

    python examples/langchain/agent.py

Offline as it stands; for real models set the environment variables that `offline.py` names. Needs `langchain`.
"""

from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from offline import chat_models, trained_router

from langchain_hybrid_router import HybridRouterMiddleware, routing_decision


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


small, large = chat_models()
middleware = HybridRouterMiddleware(small=small, large=large, router=trained_router(), sticky="up")
agent = create_agent(large, [multiply], middleware=[middleware], checkpointer=InMemorySaver())
thread = {"configurable": {"thread_id": "1"}}


def ask(text: str, **call: object) -> None:
    """One turn of the conversation."""
    state = agent.invoke({"messages": [("human", text)]}, thread, **call)
    answer = state["messages"][-1]
    print(f"{text}\n   {answer.text} ({routing_decision(answer).model}; of the turn: {state['hybrid_router']})")


ask("What is the capital of Kenya?")
ask("What is 6 times 7?", context={"hybrid_router_model": "small"})
ask("Compare the constitutions of Kenya and of its neighbours.")
ask("What is the capital of Japan?")  # sticky="up": large has answered in this thread, so large stays
