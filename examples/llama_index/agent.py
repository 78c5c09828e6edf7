"""A workflow of an agent with a tool: the whole tool loop stays on the model of the user's question.

    python examples/llama_index/agent.py

Offline as it stands; for real models set the environment variables that `offline.py` names.
"""

import asyncio

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent, ToolCallResult
from offline import llms, trained_router

from llama_index_hybrid_router import HybridRouterLLM, capture_decisions


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


async def main() -> None:
    """Ask the agent twice."""
    small, large = llms()
    llm = HybridRouterLLM(small=small, large=large, router=trained_router())
    workflow = AgentWorkflow(agents=[FunctionAgent(name="assistant", tools=[multiply], llm=llm)])
    for question in ("What is 6 times 7?", "Compare the constitutions of Kenya and of its neighbours."):
        with capture_decisions() as decisions:
            handler = workflow.run(user_msg=question)
            async for event in handler.stream_events():
                if isinstance(event, ToolCallResult):
                    print(f"   {event.tool_name}{event.tool_kwargs} = {event.tool_output}")
            answer = await handler
        print(f"{question}\n   {answer} (asked: {', '.join(decision.model for decision in decisions)})")


asyncio.run(main())
