"""What of a reply is an answer: text in all its forms, and a reason where there is none."""

import json
from types import SimpleNamespace

import pytest
from odd_replies import GOOD, VALUES, added, changed, places

from hybrid_router_core.collect import AskError, Model, Options, resolve
from hybrid_router_core.collect.replies import answer, checked, cut_off, figure, reply_of
from hybrid_router_core.collect.server_words import decoded, error_of, refusal_of, unreadable
from hybrid_router_core.data import Response


def read(message=None, finish="stop", **choice):
    message = {} if message is None else {"message": message}
    return answer(reply_of({"choices": [{**message, "finish_reason": finish, **choice}]}), 0.1)


PART = {"type": "text", "text": "Paris is "}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Paris", "Paris"),
        ([PART, {"type": "text", "text": "the capital"}], "Paris is the capital"),
        ([{"type": "thinking", "thinking": [PART]}, {"type": "text", "text": "Paris"}], "Paris"),
        ([{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "Paris"}], "Paris"),
        (["Par", "is"], "Paris"),
        ({"type": "text", "text": "Paris"}, "Paris"),
        ({"text": {"value": "Paris"}}, "Paris"),
        ([{"type": "refusal", "refusal": "I cannot"}], "I cannot"),
        ("<think>hm</think>Paris", "<think>hm</think>Paris"),
    ],
)
def test_text_in_all_its_forms(content, text):
    assert read({"content": content}).text == text


def test_text_in_other_places():
    assert read(text="legacy").text == "legacy"
    assert read({"content": None, "refusal": "I cannot help"}).text == "I cannot help"
    assert read({"content": " ", "refusal": "I cannot help"}).text == "I cannot help"
    assert read("bare").text == "bare"
    several = [{"message": {"content": ""}}, {"message": {"content": "second"}}, {"message": {"content": "third"}}]
    assert answer(reply_of({"choices": several}), 0).text == "second"


@pytest.mark.parametrize(
    ("message", "finish", "why"),
    [
        ({"content": ""}, "length", "the length limit ended it before any text (finish_reason length); raise --max"),
        ({"content": None}, "stop", "no text came (finish_reason stop)"),
        ({"content": " \n\t\u200b\ufeff"}, None, "no text came"),
        ({"content": []}, "stop", "no text came"),
        ({"content": {}}, "stop", "no text came"),
        ({"content": 42}, "stop", "no text came"),
        ({"content": ""}, "content_filter", "the server's filter held it back (finish_reason content_filter)"),
        ({"content": None, "tool_calls": [{}]}, "tool_calls", "the model called a tool in place of answering"),
        ({"content": None, "function_call": {"name": "f"}}, "function_call", "the model called a tool"),
        ({"content": "", "reasoning_content": "hm"}, "stop", "the model thought and said nothing"),
        ({"content": "<think>hm</think> \n"}, "stop", "the model thought and said nothing"),
        ({"content": "<think>hm, cut"}, "length", "the length limit ended it before any text"),
        (None, "stop", "no text came"),
    ],
)
def test_a_reply_without_text_is_no_answer_and_says_why(message, finish, why):
    with pytest.raises(AskError) as caught:
        read(message, finish)
    assert caught.value.reason.startswith(f"the answer is empty: {why}")
    assert not caught.value.retry
    assert caught.value.paid is not None


def test_no_choice_is_an_empty_answer_and_no_list_another_form():
    with pytest.raises(AskError, match="the answer is empty"):
        answer(reply_of({"choices": []}), 0)
    for body in (None, [], 7, "x", {}, {"choices": {}}, {"choices": "good"}):
        assert reply_of(body) is None


@pytest.mark.parametrize(
    ("value", "number"),
    [(0, 0), (7, 7), (7.0, 7), (2**31 - 1, 2**31 - 1), (2**31, None), (2**70, None), (-1, None), (1.5, None),
     (True, None), ("7", None), (None, None), ([1], None), (float("nan"), None), (float("inf"), None)],
)  # fmt: skip
def test_what_is_no_figure_is_left_out(value, number):
    assert figure(value) == number


def test_what_ends_an_answer_is_a_word():
    for odd in ({"type": "stop"}, ["stop"], 7, "", "x" * 65, "a\nb", "\ud800"):
        assert read({"content": "good"}, odd).finish_reason is None
    assert [cut_off(read({"content": "x"}, end)) for end in ("length", "MAX_TOKENS", "stop", None)] == [
        True, True, False, False,
    ]  # fmt: skip


def test_whatever_stands_in_a_reply_it_is_an_answer_or_none():
    """Each value in each place: the text is kept unless its own place was changed, and figures are figures."""
    seen = 0
    for path in places(GOOD):
        for value in VALUES:
            body = decoded(json.dumps(changed(path, value)).encode())
            try:
                found = reply_of(body)
                response = None if found is None or error_of(body) else answer(found, 0.1)
            except AskError as error:
                assert error.reason.startswith("the answer is empty")
                response = None
            untouched = path != () and path != ("choices",) and path[:2] != ("choices", 0)[: len(path)]
            if untouched or path[-1:] in (("role",), ("index",), ("finish_reason",)):
                assert response is not None, (path, value)
            if response is not None:
                assert "good" in response.text
                assert all(
                    figure is None or 0 <= figure < 2**31
                    for figure in (response.prompt_tokens, response.completion_tokens)
                )
                seen += 1
    assert seen > 250


def test_whatever_is_added_to_a_reply_its_text_stays():
    for body in added():
        if error_of(body) is None:
            assert "good" in answer(reply_of(body), 0.1).text


def test_a_response_of_the_users_own_code_is_checked():
    odd = Response("good", -1, 2**80, float("nan"), {"a": 1}, float("inf"))
    assert checked(odd) == Response("good")
    for text in ("", " \u200b"):
        with pytest.raises(AskError, match="the answer is empty"):
            checked(Response(text, finish_reason="stop"))
    for found in (None, 7, b"good", Response(None)):
        with pytest.raises(AskError, match="text is needed"):
            checked(found)


class Said:
    """A model of a framework that gives what it was made with."""

    def __init__(self, method, found):
        setattr(self, method, self.give)
        self.found = found
        self.openai_api_key = SimpleNamespace(get_secret_value=lambda: "very-secret-and-long")

    async def give(self, _):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def chain(content, **more):
    return SimpleNamespace(content=content, **{"response_metadata": None, "usage_metadata": [1], **more})


@pytest.mark.parametrize(
    ("method", "found", "text"),
    [
        ("ainvoke", chain("good"), "good"),
        ("ainvoke", chain([{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "good"}]), "good"),
        ("ainvoke", "good", "good"),
        ("ainvoke", chain("", additional_kwargs={"refusal": "I cannot"}), "I cannot"),
        ("ainvoke", chain(None), None),
        ("ainvoke", chain("", tool_calls=[{"name": "f"}]), None),
        ("ainvoke", chain("", response_metadata={"finish_reason": "length"}), None),
        ("ainvoke", None, None),
        ("ainvoke", 7, None),
        ("acomplete", SimpleNamespace(text="good", raw=[1], additional_kwargs=7), "good"),
        ("acomplete", SimpleNamespace(text=None, raw=None), None),
        ("acomplete", SimpleNamespace(text="", raw={"choices": [{"message": {"refusal": "I cannot"}}]}), "I cannot"),
        ("acomplete", SimpleNamespace(text="", raw={"choices": [{"finish_reason": "length"}]}), None),
        ("acomplete", None, None),
    ],
)
async def test_models_of_frameworks_follow_the_same_rule(method, found, text):
    model = resolve(Said(method, found), Options(), side="small")
    if text is not None:
        assert (await model.ask("q")).text == text
        return
    with pytest.raises(AskError, match="the answer is empty"):
        await model.ask("q")


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError


async def test_whatever_a_model_raises_is_one_line_without_its_key():
    class StatusError(Exception):
        status_code = 400

    for error in (ValueError("a\nvery-secret-and-long\x1b[31m"), MuteError(), StatusError("very-secret-and-long")):
        with pytest.raises(AskError) as caught:
            await resolve(Said("ainvoke", error), Options(), side="small").ask("q")
        assert "secret" not in caught.value.reason
        assert caught.value.reason.isprintable()

    async def wrong(_):
        raise KeyError("x")

    with pytest.raises(AskError, match="KeyError"):
        await resolve(Model("m", wrong, "m"), Options(), side="small").ask("q")


# The server's own word


@pytest.mark.parametrize(
    ("status", "raw", "line", "retry", "fatal"),
    [
        (200, b'{"error": {"message": "model is overloaded", "code": 502}}', "502: model is overloaded", True, False),
        (200, b'{"error": {"message": "slow", "code": "rate_limit_exceeded"}}', "429: slow", True, False),
        (200, b'{"error": "no such thing"}', "the server answered with an error: no such thing", True, False),
        (200, b'{"error": true}', "the server answered with an error: {", True, False),
        (200, b'{"object": "error", "message": "bad", "code": 400}', "400: bad", False, False),
        (200, b'{"choices": [{"error": {"message": "cut", "code": 500}}]}', "500: cut", True, False),
        (400, b'{"detail": [{"loc": ["body", "n"], "msg": "too many"}]}', "400: body.n: too many", False, False),
        (400, b'[{"error": {"message": "Google says no"}}]', "400: Google says no", False, False),
        (400, b'{"message": "Mistral says no"}', "400: Mistral says no", False, False),
        (502, b"<html><head><title>502 Bad Gateway</title></head><p>x", "502: 502 Bad Gateway", True, False),
        (503, b"<h1>Down &amp; out</h1><script>1</script>", "503: Down & out", True, False),
        (500, b"", "500", True, False),
        (500, b"plain words", "500: plain words", True, False),
        (404, b'{"error": {"message": "no model"}}', "404: no model; check the address", False, True),
        (429, b'{"error": {"message": "pay", "code": "insufficient_quota"}}', "429: pay (insuf", False, True),
    ],
)  # fmt: skip
def test_the_servers_own_word_is_shown_and_sorted(status, raw, line, retry, fatal):
    body = decoded(raw)
    error = error_of(body)
    assert (status >= 400) or error is not None
    found = refusal_of(status, raw, body if status >= 400 else {"error": error})
    assert found.reason.startswith(line)
    assert (found.retry, found.fatal) == (retry, fatal)


def test_a_long_word_is_shortened_and_holds_no_control_characters():
    found = refusal_of(500, b"\x1b[31m" + b"very long " * 1000, None)
    assert len(found.reason) <= 300
    assert found.reason.isprintable()


@pytest.mark.parametrize(
    ("raw", "line"),
    [(b"", "is empty, not even JSON"), (b"caf\xe9 and so on", "is not UTF-8 text"), (b"data: {}", "sends a stream"),
     (b"<title>Sign in</title>", "is no JSON ('Sign in')"), (b'{"a": 1}', "is not of OpenAI's form ('{\"a\": 1}')")],
)  # fmt: skip
def test_what_cannot_be_read_is_named(raw, line):
    assert line in unreadable(raw, decoded(raw))
