"""An OpenAI-compatible server as a process of its own, on one asyncio loop: fast, scripted, and it counts.

``python collect_server.py '{"latency": 0.1}'`` prints its port. ``GET /log`` gives what was asked and answered so far.
It is for what the threads of tests/openai_server.py are too slow for, or must survive the client's process.

A model named in ``raw`` answers with those bytes, ``fuzzed`` with whatever odd_replies draws once it has shown that it
works, ``echo`` with the key; ``wants:NAME`` and ``knows:NAME`` know a parameter by that name only.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import urllib.request
from collections import Counter
from contextlib import contextmanager

from odd_replies import GOOD, replies

DEFAULTS = {
    "latency": 0.0,
    "jitter": 0.0,
    "busy": 0.0,
    "broken": 0.0,
    "retry_after": 0.01,
    "key": None,
    "seed": 0,
    "raw": {},
}


def lacking(name, body):
    """Why a server that knows only this parameter refuses a request."""
    if name == "max_completion_tokens" and "max_tokens" in body:
        return (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
    if name == "max_tokens" and "max_completion_tokens" in body:
        return "Unrecognized request argument supplied: max_completion_tokens"
    if name == "no_length" and {"max_tokens", "max_completion_tokens"} & body.keys():
        return "max_tokens and max_completion_tokens are not supported"
    if name == "temperature_1" and "temperature" in body:
        return (
            "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) is supported."
        )
    form = body.get("response_format", {}).get("type", "text")
    if name in ("json_object", "text") and form not in (name, "text"):
        return f"This response_format type is unavailable now: {form}"
    return None


class Server:
    """Answers any model but ``missing``; a share of the requests gets a 429 (busy) or a 500 (broken)."""

    def __init__(self, script):
        self.script = {**DEFAULTS, **script}
        self.random = random.Random(self.script["seed"])
        self.asked, self.answered, self.statuses = Counter(), Counter(), Counter()
        self.now = self.most = 0
        self.temperatures = Counter()

    async def reply(self, headers, body):
        script, draw = self.script, self.random.random()
        model, query = body["model"], body["messages"][-1]["content"]
        self.asked[f"{model}|{query}"] += 1
        self.temperatures[str(body.get("temperature"))] += 1
        await asyncio.sleep(script["latency"] + script["jitter"] * self.random.random())
        if script["key"] and headers.get("authorization") != f"Bearer {script['key']}":
            return 401, {"error": {"message": f"Incorrect API key: {headers.get('authorization')}"}}
        if model.startswith(("wants:", "knows:")) and (error := lacking(model.split(":")[1], body)):
            return 400, {"error": {"message": error}}
        if model == "missing":
            return 404, {"error": {"message": "the model 'missing' does not exist", "code": "model_not_found"}}
        if "refuse" in query and model != "kind":
            return 400, {"error": {"message": "content filter", "code": "content_filter"}}
        if draw < script["busy"]:
            return 429, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
        if draw < script["busy"] + script["broken"]:
            return 500, {"error": {"message": "oh no"}}
        if model == "echo":
            return 200, {"choices": [{"message": {"content": f"your key is {headers.get('authorization')}"}}]}
        self.answered[f"{model}|{query}"] += 1
        number = self.answered[f"{model}|{query}"]
        choice = {"index": 0, "message": {"role": "assistant", "content": f"{model} {number}"}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        return 200, {"object": "chat.completion", "model": model, "choices": [choice], "usage": usage}

    def odd(self, model):
        """Status, headers and bytes of a reply that is not made here; None for others."""
        if model == "fuzzed":
            return replies(self.random) if sum(self.statuses.values()) > 32 else (200, {}, json.dumps(GOOD).encode())
        raw = self.script["raw"].get(model)
        return None if raw is None else (raw.get("status", 200), raw.get("headers", {}), raw["body"].encode("latin-1"))

    async def serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                raw = await reader.readexactly(int(headers.get("content-length", 0)))
                extra = ""
                if head[0].startswith("GET /log"):
                    log = ("asked", "answered", "statuses", "now", "most", "temperatures")
                    status, body = 200, {name: getattr(self, name) for name in log}
                else:
                    self.now += 1
                    self.most = max(self.most, self.now)
                    try:
                        status, body = await self.reply(headers, json.loads(raw))
                    finally:
                        self.now -= 1
                    if (odd := self.odd(json.loads(raw)["model"])) is not None:
                        status, more, body = odd
                    self.statuses[status] += 1
                    extra = "".join(f"{name}: {value}\r\n" for name, value in more.items()) if odd else ""
                    extra += f"Retry-After: {self.script['retry_after']}\r\n" if status == 429 and not odd else ""
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                top = f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n{extra}\r\n"
                writer.write(top.encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # clients are killed, that is the point
        finally:
            writer.close()


async def main(script):
    server = Server(script)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{listening.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # until the parent goes away
    os._exit(0)  # without a word about the connections that are open


class Running:
    """A server process."""

    def __init__(self, port):
        self.base_url = f"http://127.0.0.1:{port}/v1"
        self.root = f"http://127.0.0.1:{port}"

    def log(self):
        with urllib.request.urlopen(f"{self.root}/log") as reply:  # noqa: S310
            return json.load(reply)


@contextmanager
def running(**script):
    """Starts the process, and stops it at the end."""
    command = [sys.executable, "-S", __file__, json.dumps(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Running(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(10)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
