"""What every Python peer shares: the line protocol, the clock and the data.

bench/run.mjs starts a peer once and keeps it alive. It writes one JSON object a line to the peer's standard
input and reads one JSON object a line from its standard output:

    {"op": "info"}                                          -> {"version": ..., "threads": ...}
    {"op": "prepare", "workload": ID, "spec": {...}}        -> {"seconds": building, compiling and first call}
    {"op": "run", "workload": ID, "warm": s, "seconds": s, "minimum": n}
                                                            -> {"median": ms, "low": ms, "calls": n}
    {"op": "release", "workload": ID}                       -> {}
    {"op": "memory"}                                        -> {"peak": bytes, "idle": bytes}

Anything that goes wrong is answered by {"error": text}; a workload the peer cannot run, by {"unsupported": text}.
"""

import gzip
import json
import os
import resource
import struct
import sys
import time
from pathlib import Path


class Unsupported(Exception):
    """This peer has no such workload."""


def threads():
    return int(os.environ.get("BENCH_THREADS", "2"))


def use_cores():
    """Keep to as many cores as threads, before the framework counts them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: threads()])


def measure(step, warm, seconds, minimum):
    """Median and lowest time of a call, in milliseconds."""
    clock = time.perf_counter_ns
    end = clock() + int(warm * 1e9)
    while clock() < end:
        step()
    times = []
    end = clock() + int(seconds * 1e9)
    while len(times) < minimum or clock() < end:
        start = clock()
        step()
        times.append(clock() - start)
    times.sort()
    return {"median": times[len(times) // 2] / 1e6, "low": times[0] / 1e6, "calls": len(times)}


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fashion_mnist():
    """Training images uint8 [60000, 28, 28] and labels uint8 [60000] from the folder MYELIN_DATA."""
    import numpy as np

    root = os.environ.get("MYELIN_DATA")
    folders = [Path(root, "images/fashion-mnist"), Path(root, "fashion-mnist")] if root else []
    folder = next((f for f in folders if f.is_dir()), None)
    if folder is None:
        raise Unsupported("no Fashion-MNIST: set MYELIN_DATA to the folder that holds it")

    def idx(name):
        content = gzip.decompress((folder / name).read_bytes())
        rank = content[3]
        shape = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
        return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)

    return idx("train-images-idx3-ubyte.gz"), idx("train-labels-idx1-ubyte.gz")


def serve(version, kinds):
    """Answer requests until the input ends. `kinds[kind](spec)` builds a workload and returns its step: a
    function without arguments that returns when its result is there for the host to read."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a framework prints must not mix with the answers
    steps = {}
    idle = peak_memory()

    def answer(request):
        op, workload = request["op"], request.get("workload")
        if op == "info":
            return {"version": version, "threads": threads()}
        if op == "prepare":
            kind = request["spec"]["kind"]
            if kind not in kinds:
                raise Unsupported(kind)
            start = time.perf_counter()
            step = kinds[kind](request["spec"])
            if kind != "epoch":
                step()
            steps[workload] = step
            return {"seconds": time.perf_counter() - start}
        if op == "run":
            return measure(steps[workload], request["warm"], request["seconds"], request["minimum"])
        if op == "release":
            steps.pop(workload, None)
            return {}
        if op == "memory":
            return {"peak": peak_memory(), "idle": idle}
        raise ValueError(f"unknown request {op}")

    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Unsupported as reason:
            reply = {"unsupported": str(reason)}
        except Exception as error:  # the run goes on without this figure
            reply = {"error": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(reply), file=answers, flush=True)
