"""Replies that no server should give, and some do: a good one with one thing in it changed, or something else."""

import copy
import gzip
import json

GOOD = {
    "id": "x",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "good"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}
# What stands in a place; a text in them is either no text to read or says that it is good.
VALUES = [
    None, True, False, 0, -1, 1.5, 2**31, 2**70, 10**400, float("nan"), float("inf"), "", " \n\u200b", "good 12",
    "good \ud800", "good\0", [], [None], [[]], [{}], ["good"], [{"type": "text", "text": "good"}],
    [{"type": "thinking", "thinking": "x"}],
    [{"type": "image_url"}], {}, {"type": "stop"}, {"text": "good"},
    {"message": "good, oops"}, {"text": {"value": "good"}},
    {"type": [], "text": 7}, [{"type": "refusal", "refusal": "good, but no"}],
]  # fmt: skip


def places(value, path=()):
    """The paths of all values within a reply, itself included."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def changed(path, value):
    """The good reply with another value in this place."""
    if not path:
        return value
    reply = copy.deepcopy(GOOD)
    inner = reply
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return reply


def added():
    """The good reply with more in it."""
    for key in ("error", "message", "detail", "refusal", "text", "service_tier"):
        for value in VALUES:
            yield {**GOOD, key: value}
    for key in ("refusal", "tool_calls", "function_call", "reasoning_content", "audio"):
        for value in VALUES:
            yield changed(("choices", 0, "message", key), value)


def bodies():
    """Bytes that are no JSON of that form."""
    good = json.dumps(GOOD).encode()
    return [
        b"", b"null", b"[]", b"7", b'"good"', b"{", b"<html><title>Sign in</title></html>", b"\xff\xfe\x00", good[:-9],
        b"[" * 100_000, b'{"a":' * 50_000, b'{"choices":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"data: {}\n\ndata: [DONE]",
        good.replace(b"good", b"caf\xe9"), b"\xef\xbb\xbf" + good, good.replace(b"5", b"9" * 5000), b" " * 100_000,
    ]  # fmt: skip


def replies(draw):
    """One reply as status, headers and bytes, at random."""
    kind = draw.random()
    if kind < 0.5:
        return 200, {}, json.dumps(changed(draw.choice(list(places(GOOD))), draw.choice(VALUES))).encode()
    if kind < 0.65:
        return 200, {}, json.dumps(draw.choice(list(added()))).encode()
    body = draw.choice(bodies())
    if kind < 0.75:
        return 200, {}, body
    if kind < 0.8:
        packed = draw.choice([b"garbage", gzip.compress(body)[:-3], gzip.compress(json.dumps(GOOD).encode())])
        return 200, {"Content-Encoding": draw.choice(["gzip", "deflate", "br", "x"])}, packed
    if kind < 0.9:
        status = draw.choice([201, 204, 301, 302, 307, 308, 400, 401, 403, 404, 413, 418, 422, 429, 500, 502, 599, 999])
        headers = (
            {"Location": draw.choice(["/elsewhere", "", "http://u:pw@h/?key=abc", "::"])} if 300 <= status < 400 else {}
        )
        return status, {"Retry-After": draw.choice(["0", "-1", "x", "1e400", "", "7200"]), **headers}, body
    return 200, {}, json.dumps(GOOD).encode()
