"""A sub-question engine: a hard question is split by the large model, its easy parts are answered by the small one.

    python examples/llama_index/sub_questions.py

Offline as it stands; for real models set the environment variables that `offline.py` names.
"""

from llama_index.core.query_engine import SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.tools import QueryEngineTool
from llama_index_instrumentation import root_dispatcher
from llama_index_instrumentation.base import BaseEvent
from llama_index_instrumentation.event_handlers import BaseEventHandler
from offline import atlas, llms, trained_router

from llama_index_hybrid_router import HybridRouterLLM, HybridRoutingEvent


class Routes(BaseEventHandler):
    """Prints each decision as it is made."""

    def handle(self, event: BaseEvent, **kwargs: object) -> None:
        """Print the event if it is a decision."""
        if isinstance(event, HybridRoutingEvent):
            print(f"{event.route:5} ({event.model_name}, score {event.score:.2f}): {event.query}")


root_dispatcher.add_event_handler(Routes())
small, large = llms()
llm = HybridRouterLLM(small=small, large=large, router=trained_router())
engine = SubQuestionQueryEngine.from_defaults(
    [QueryEngineTool.from_defaults(atlas().as_query_engine(llm=llm), name="atlas", description="facts on countries")],
    question_gen=LLMQuestionGenerator.from_defaults(llm=llm),
    llm=llm,
    use_async=False,
    verbose=False,
)
print(engine.query("Compare the constitutions of France and of Kenya and of their neighbours."))
