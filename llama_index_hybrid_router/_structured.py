"""The router with a fixed output class."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeVar, cast

from llama_index.core.llms.structured_llm import StructuredLLM
from typing_extensions import Self

from ._base import RoutingLLM
from ._question import question_among
from ._request import Request, Signature
from ._tagging import KEY, tagged

M = TypeVar("M", bound=Callable[..., Any])
Records = list[dict[str, Any]]


def recorded(method: M) -> M:
    """The method of the base class, with the caller's override, the prompt's question, and the record on the answer."""
    signature = Signature(method)

    def call(self: HybridStructuredLLM, /, *args: Any, **kwargs: Any) -> Any:
        request = Request(signature, args, kwargs)
        records: Records = []
        asking = self._asking(request, records)
        args_, kwargs = request.arguments()
        answer = method(asking, *args_, **kwargs)
        return _tagged_parts(answer, records) if isinstance(answer, Generator) else _tag(answer, records)

    async def acall(self: HybridStructuredLLM, /, *args: Any, **kwargs: Any) -> Any:
        request = Request(signature, args, kwargs)
        records: Records = []
        asking = self._asking(request, records)
        args_, kwargs = request.arguments()
        answer = await method(asking, *args_, **kwargs)
        return _atagged_parts(answer, records) if isinstance(answer, AsyncGenerator) else _tag(answer, records)

    shell = acall if signature.name.startswith("a") else call
    shell.__name__, shell.__doc__ = signature.name, f"See `LLM.{signature.name}`."
    return cast("M", shell)


class HybridStructuredLLM(StructuredLLM):
    """Renders a prompt itself, as its base class does, but tells the router the question that the prompt was about."""

    chat = recorded(StructuredLLM.chat)
    achat = recorded(StructuredLLM.achat)
    stream_chat = recorded(StructuredLLM.stream_chat)
    astream_chat = recorded(StructuredLLM.astream_chat)
    complete = recorded(StructuredLLM.complete)
    acomplete = recorded(StructuredLLM.acomplete)
    predict = recorded(StructuredLLM.predict)
    apredict = recorded(StructuredLLM.apredict)
    stream = recorded(StructuredLLM.stream)
    astream = recorded(StructuredLLM.astream)

    def _asking(self, request: Request, records: Records) -> Self:
        """A copy for one call."""
        router = cast("RoutingLLM", self.llm)
        part = router._part  # of the call that this one is a part of
        pinned, question, outer = part.pinned, part.question, part.witness
        if request.override is not None:
            pinned = request.override
        if question is None:
            question = question_among(request.variables, router.query_from)

        def witness(record: dict[str, Any]) -> None:
            records.append(record)
            if outer is not None:
                outer(record)

        return self.model_copy(update={"llm": router._asking(pinned, question, witness)})


def _tag(answer: Any, records: Records) -> Any:
    marked = KEY in getattr(answer, "additional_kwargs", ())  # by `chat`, which the others call
    return tagged(answer, records[-1]) if records and not marked else answer


def _tagged_parts(parts: Generator[Any, None, None], records: Records) -> Generator[Any, None, None]:
    try:
        for part in parts:
            yield _tag(part, records)
    finally:
        parts.close()


async def _atagged_parts(parts: AsyncGenerator[Any, None], records: Records) -> AsyncGenerator[Any, None]:
    try:
        async for part in parts:
            yield _tag(part, records)
    finally:
        await parts.aclose()
