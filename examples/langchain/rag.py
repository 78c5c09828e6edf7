"""Retrieval: the decision is made on the question, not on a prompt full of documents.

    python examples/langchain/rag.py

Offline as it stands; for real models set the environment variables that `offline.py` names.
"""

from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough
from langchain_core.runnables.router import RouterRunnable
from langchain_core.vectorstores import InMemoryVectorStore
from offline import chat_models, trained_router

from langchain_hybrid_router import RunnableHybridRouter, routing_decision

small, large = chat_models()
model = RunnableHybridRouter(small=small, large=large, router=trained_router())

store = InMemoryVectorStore(DeterministicFakeEmbedding(size=64))  # any embeddings; these need no network
store.add_documents([Document("Paris is the capital of France."), Document("The economy of France slowed in 2023.")])


def context(values: dict[str, str]) -> str:
    """What the store knows of the question."""
    return "\n".join(document.page_content for document in store.similarity_search(values["question"], k=2))


with_context = RunnablePassthrough.assign(context=context)
question = {"question": "What is the capital of France?"}

# 1. The documents go into the system message, so the last human message is the question, which is what is scored.
prompt = ChatPromptTemplate.from_messages([("system", "Use this:\n{context}"), ("human", "{question}")])
answer = (with_context | prompt | model).invoke(question)
print("system message:", routing_decision(answer), answer.text)

# 2. A template of one human message: decide before it is rendered, and let each model have its own prompt.
brief = ChatPromptTemplate.from_template("{context}\n\nAnswer in one word: {question}")
thorough = ChatPromptTemplate.from_template("{context}\n\nThink step by step, then answer: {question}")
branches = RouterRunnable({"small": brief | small, "large": thorough | large})
print("as_selector:", (with_context | model.as_selector("question") | branches | StrOutputParser()).invoke(question))

# 3. The route as a value like any other.
print("assign_route:", (model.assign_route("question") | with_context).invoke(question)["route"])
