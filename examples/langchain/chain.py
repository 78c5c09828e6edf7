"""The router in the place of a chat model: in a chain, streamed, with overrides for one call.

    python examples/langchain/chain.py

Offline as it stands; for real models set the environment variables that `offline.py` names.
"""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from offline import chat_models, trained_router

from langchain_hybrid_router import RunnableHybridRouter, routing_decision

small, large = chat_models()
model = RunnableHybridRouter(small=small, large=large, router=trained_router())
prompt = ChatPromptTemplate.from_messages([("system", "Be brief."), ("human", "{question}")])

for question in ("What is the capital of France?", "Explain why the economy of France slowed down."):
    answer = (prompt | model).invoke({"question": question})
    print(f"{question} -> {routing_decision(answer)}\n   {answer.text}")

chain = prompt | model | StrOutputParser()
print("".join(chain.stream({"question": "What is the capital of Japan?"})))

# Per call: another threshold, or the model itself.
for override in ({"hybrid_router_threshold": 1.0}, {"hybrid_router_model": "large"}):
    answer = (prompt | model).invoke({"question": "What is the capital of Japan?"}, {"configurable": override})
    print(override, "->", answer.response_metadata["hybrid_router_model"])

# The answer flows on as text.
follow_up = ChatPromptTemplate.from_template("Explain why this is so: {answer}")
print((chain | follow_up | model | StrOutputParser()).invoke({"question": "What is the capital of Kenya?"}))
