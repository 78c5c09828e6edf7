"""A program that puts calls into a store and ends in one of the ways in which programs end."""

import os
import sys
import threading
import time

from hybrid_router_core.traffic import Call, Writer


def call(run):
    return Call(time=time.time(), run=run, routed="small", answered="small", reason="score")


def fill(writer, name, number=100):
    for i in range(number):
        writer.put(call(f"{name}{i}"))


if __name__ == "__main__":  # a spawned process reads this file, too
    address, ending = sys.argv[1:]
    if ending == "multiprocessing":
        import multiprocessing

        with Writer(address) as writer:
            fill(writer, "parent")
            children = [
                multiprocessing.get_context("fork").Process(target=fill, args=(writer, "forked")),
                multiprocessing.get_context("spawn").Process(target=fill, args=(writer, "spawned")),
            ]
            for child in children:
                child.start()
            for child in children:
                child.join()
    elif ending == "fork":
        writer = Writer(address)
        for generation in range(20):  # the thread is often in the middle of a batch
            fill(writer, f"parent{generation}-")
            pid = os.fork()
            if pid == 0:
                fill(writer, f"child{generation}-")
                os._exit(0 if writer.close(10) else 1)
            fill(writer, f"after{generation}-")
            if generation % 2:
                assert os.waitpid(pid, 0)[1] == 0
        assert writer.flush(10)
    elif ending == "forgotten":
        fill(Writer(address), "a")
    elif ending == "error":
        writer = Writer(address)
        fill(writer, "a")
        raise SystemExit(3)
    elif ending == "unreachable":
        writer = Writer(address)
        fill(writer, "a")
        time.sleep(0.7)
    else:
        writer = Writer(address)
        threads = [threading.Thread(target=fill, args=(writer, f"t{i}-", 200)) for i in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
