"""NumPy (OpenBLAS) as a peer for matrix products, and for operations that it has. On CPUs that OpenBLAS does not know yet it falls back to
AVX2 kernels; where AVX-512 is there, its kernels are asked for by name."""

import os
from pathlib import Path

from protocol import Unsupported, serve, threads, use_cores

use_cores()
os.environ["OPENBLAS_NUM_THREADS"] = str(threads())
info = Path("/proc/cpuinfo")
if info.exists() and " avx512f " in info.read_text():
    os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")

import numpy as np

random = np.random.default_rng(0)


def matmul(spec):
    batch, m, k, n = spec["batch"], spec["m"], spec["k"], spec["n"]
    lead = [batch] if batch > 1 else []

    def draw(rows, columns, transposed):
        shape = [columns, rows] if transposed else [rows, columns]
        drawn = random.standard_normal([*lead, *shape]).astype(np.float32)
        return drawn.swapaxes(-1, -2) if transposed else drawn

    a, b = draw(m, k, spec["transposeA"]), draw(k, n, spec["transposeB"])
    out = np.empty([*lead, m, n], np.float32)
    return lambda: np.matmul(a, b, out=out)


def top(x, k):
    places = np.argpartition(-x, k)[:k]
    places = places[np.argsort(-x[places])]
    return x[places], places


def operation(spec):
    name, axis = spec["name"], spec.get("axis")
    inputs = [random.standard_normal(shape).astype(np.float32) for shape in spec["shapes"]]
    functions = {
        "sum": lambda x: x.sum(axis),
        "argMax": lambda x: x.argmax(axis),
        "transpose": lambda x: np.ascontiguousarray(x.transpose(spec["permutation"])),
        "concat": lambda a, b: np.concatenate([a, b], axis),
        "sort": np.sort,
        "topK": lambda x: top(x, spec["k"]),
        "fft": np.fft.fft,
        "rfft": np.fft.rfft,
    }
    if name not in functions:
        raise Unsupported("a pass over memory for each operation")
    if name == "fft":
        inputs = [(inputs[0] + 1j * inputs[1]).astype(np.complex64)]
    return lambda: functions[name](*inputs)


serve(np.__version__, {"matmul": matmul, "operation": operation})
