"""A chat that stays with a model while the user goes on, and knows what a switch costs: which model answered, and why.

    python examples/langchain/conversation.py

Offline as it stands; for real models set the environment variables that `offline.py` names. Needs `langchain`.
"""

from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from offline import chat_models, trained_router

from hybrid_router_core.live import Price, Prices
from langchain_hybrid_router import HybridRouterMiddleware, routing_decision


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


HANDBOOK = "You answer for a travel agency. " + "Its handbook has a chapter on every country of the world. " * 500

small, large = chat_models()
middleware = HybridRouterMiddleware(
    small=small,
    large=large,
    router=trained_router(),
    sticky="follow_up",
    # US dollars for a million tokens. A name such as "gpt-4o-mini" is looked up, if genai-prices is installed
    prices=Prices(small=Price(0.60, 2.40, cached_input=0.15), large=Price(2.00, 2.80, cached_input=0.20)),
)


def chat(title: str, system_prompt: str, *turns: str) -> None:
    """A conversation in a thread of its own."""
    agent = create_agent(
        large, [multiply], middleware=[middleware], system_prompt=system_prompt, checkpointer=InMemorySaver()
    )
    print(title)
    for text in turns:
        state = agent.invoke({"messages": [("human", text)]}, {"configurable": {"thread_id": title}})
        answer = state["messages"][-1]
        decision = routing_decision(answer)
        why = f"{decision.reason}: {decision.detail}" if decision.detail else decision.reason
        print(f"   {text}\n      {answer.text} [{decision.model}, {why}]")


QUESTIONS = (
    "Compare the constitutions of Kenya and of its neighbours.",
    "yes, go on",  # says nothing by itself, so the model that answered last answers again
    "What is the capital of Japan?",  # another topic, decided anew
    "What is 6 times 7?",  # one decision for the whole loop of tools
    "That is wrong, try again.",  # small has had its chance
    "thanks!",
)
chat("A short prompt", "Be brief.", *QUESTIONS)
# Here large has the handbook in its cache and small would have to read it first
chat("A long prompt", HANDBOOK, *QUESTIONS[:3])
