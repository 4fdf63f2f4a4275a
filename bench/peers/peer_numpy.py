"""NumPy (OpenBLAS) as a peer for matrix products. On CPUs that OpenBLAS does not know yet it falls back to
AVX2 kernels; where AVX-512 is there, its kernels are asked for by name."""

import os
from pathlib import Path

from protocol import serve, threads, use_cores

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


serve(np.__version__, {"matmul": matmul})
