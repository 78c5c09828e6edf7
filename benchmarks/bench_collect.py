"""How close ``collect`` comes to what the server allows: 64 requests in flight against answers that take 100 ms.

``python benchmarks/bench_collect.py [answers] [latency]``. The server is a process of its own. The bare
client sends the same requests and keeps nothing; the difference to it is the price of the store.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from time import perf_counter, process_time

from common import machine

from hybrid_router_core.collect import Settings, collect

SERVER = Path(__file__).resolve().parents[1] / "tests" / "core" / "collect" / "collect_server.py"
IN_FLIGHT = 64
SAMPLES = 10


def bare(url: str, queries: list[str]) -> float:
    """Seconds without store, limits and retries."""
    import aiohttp

    async def run() -> float:
        left = iter(queries)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def work() -> None:
                for query in left:
                    body = {"model": "bare", "messages": [{"role": "user", "content": query}]}
                    async with session.post(f"{url}/chat/completions", json=body) as reply:
                        await reply.read()

            start = perf_counter()
            await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
            return perf_counter() - start

    return asyncio.run(run())


def main() -> None:
    answers = int(sys.argv[1]) if len(sys.argv) > 1 else 6400
    latency = float(sys.argv[2]) if len(sys.argv) > 2 else 0.1
    command = [sys.executable, "-S", str(SERVER), json.dumps({"latency": latency})]
    ideal = answers / IN_FLIGHT * latency
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        if server.stdin is None or server.stdout is None:
            raise SystemExit("the server has no pipes")
        root = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            queries = [f"question {number}" for number in range(answers // (2 * SAMPLES))]
            control = bare(f"{root}/v1", [query for query in queries for _ in range(2 * SAMPLES)])
            settings = Settings(samples=SAMPLES, concurrency=IN_FLIGHT // 2)
            start, cpu = perf_counter(), process_time()
            done = collect(
                queries,
                small=f"{root}/v1#small",
                large=f"{root}/v1#large",
                out=Path(folder) / "responses.jsonl",
                settings=settings,
            )
            seconds, cpu = perf_counter() - start, process_time() - cpu
            with urllib.request.urlopen(f"{root}/log") as reply:  # noqa: S310
                most = json.load(reply)["most"]
        finally:
            server.stdin.close()
    print(machine())
    print(f"{done.answered:,} answers, {most} in flight, {latency * 1000:g} ms each: ideal {ideal:.2f} s")
    print(f"collect      {seconds:6.2f} s  {ideal / seconds:6.1%} of the ideal, from start to file; {cpu:.2f} s of CPU")
    print(f"bare client  {control:6.2f} s  {ideal / control:6.1%}")


if __name__ == "__main__":
    main()
