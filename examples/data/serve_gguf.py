"""Answers a GGUF model over OpenAI's chat protocol, so that `hybrid-router collect` can ask it.

    python serve_gguf.py MODEL.gguf PORT

Needs llama-cpp-python. One request at a time, one thread: enough to record a quiz.
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from llama_cpp import Llama

INSTRUCTION = "Reply with the answer alone, in one line, without explanation."


def serve(path: Path, port: int) -> None:
    """Answer until the process is stopped."""
    model = Llama(str(path), n_ctx=1024, n_threads=1, n_threads_batch=1, seed=0, verbose=False)
    one_at_a_time = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            messages = [{"role": "system", "content": INSTRUCTION}, *asked["messages"]]
            limits = {"temperature": asked.get("temperature", 0.0), "max_tokens": asked.get("max_tokens", 64)}
            with one_at_a_time:
                body = json.dumps(model.create_chat_completion(messages, **limits)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
