"""A chat of several turns that stays with a model while the user goes on, and decides a new topic anew.

    python examples/llama_index/conversation.py

Each turn is printed with the model that answered and the reason: its own score, the answer that it goes on with
("sticky"), or that the user found fault with what the small model said ("dissatisfied"). Offline as it stands; for real
models set the environment variables that `offline.py` names.
"""

from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.memory import Memory
from offline import llms, trained_router

from llama_index_hybrid_router import HybridRouterLLM, capture_decisions

small, large = llms()
llm = HybridRouterLLM(small=small, large=large, router=trained_router(), sticky="follow_up")
chats = {user: SimpleChatEngine.from_defaults(llm=llm, memory=Memory.from_defaults()) for user in ("Ann", "Bob")}

turns = (
    ("Ann", "Compare the constitutions of Kenya and of its neighbours."),
    ("Bob", "What is the capital of Kenya?"),
    ("Ann", "Yes, go on."),
    ("Bob", "Thanks!"),
    ("Ann", "What is the capital of France?"),
    ("Ann", "That is wrong, try again."),
    ("Bob", "Explain why the economy of Japan slowed down."),
    ("Bob", "Mach weiter"),
)
for user, text in turns:
    with capture_decisions() as decisions:
        answer = chats[user].chat(text)
    decision = decisions[-1]
    score = "" if decision.score is None else f" of {decision.score:.2f}"
    print(f"{user}: {text}\n   {decision.model} ({decision.reason}{score}): {answer}")
