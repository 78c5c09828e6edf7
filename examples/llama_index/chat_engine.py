"""A chat engine over documents: the condense step and the answer of a turn go to the model of the user's question.

    python examples/llama_index/chat_engine.py

Offline as it stands; for real models set the environment variables that `offline.py` names.
"""

from llama_index.core.chat_engine import CondensePlusContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from offline import atlas, llms, trained_router

from llama_index_hybrid_router import HybridRouterLLM, capture_decisions

small, large = llms()
llm = HybridRouterLLM(small=small, large=large, router=trained_router())
memory = ChatMemoryBuffer.from_defaults(token_limit=3000)
engine = CondensePlusContextChatEngine.from_defaults(atlas().as_retriever(), llm=llm, memory=memory)

questions = (
    "Explain why the economy of France slowed down.",
    "What is the capital of Kenya?",
    "Compare the constitutions of Kenya and of its neighbours.",
)
for question in questions:
    with capture_decisions() as decisions:
        answer = "".join(engine.stream_chat(question).response_gen)
    print(f"{question}\n   {answer} (asked: {', '.join(decision.model for decision in decisions)})")
