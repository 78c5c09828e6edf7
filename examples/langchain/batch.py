"""A thousand questions at once: scored in one call, answered concurrently, each with its own record.

    python examples/langchain/batch.py

Offline as it stands; for real models set the environment variables that `offline.py` names.
"""

import asyncio
import time
from collections import Counter

from offline import COUNTRIES, EASY, HARD, chat_models, trained_router

from langchain_hybrid_router import RunnableHybridRouter, routing_decision


async def main() -> None:
    """Ask them all."""
    small, large = chat_models()
    model = RunnableHybridRouter(small=small, large=large, router=trained_router())
    forms = (*EASY, *HARD)
    questions = [forms[i % len(forms)].format(COUNTRIES[i % len(COUNTRIES)]) for i in range(1000)]
    start = time.perf_counter()
    answers = await model.abatch(questions, {"max_concurrency": 64}, return_exceptions=True)
    seconds = time.perf_counter() - start
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    chosen = Counter(routing_decision(answer).model for answer in answers if not isinstance(answer, Exception))
    print(f"{len(answers)} answers in {seconds:.1f} s, {len(failed)} failed; {dict(chosen)}")


asyncio.run(main())
