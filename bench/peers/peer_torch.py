"""PyTorch as a peer: eager with the fused Adam, or (BENCH_COMPILE=1) through torch.compile."""

import os

from protocol import Unsupported, fashion_mnist, serve, threads, use_cores

use_cores()
os.environ.update(OMP_NUM_THREADS=str(threads()), CUDA_VISIBLE_DEVICES="")

import torch
import torch.nn.functional as F
from torch import nn

COMPILE = os.environ.get("BENCH_COMPILE") == "1"
torch.set_num_threads(threads())
torch.manual_seed(0)


def matmul(spec):
    if COMPILE:
        raise Unsupported("one product is the same compiled or not")
    batch, m, k, n = spec["batch"], spec["m"], spec["k"], spec["n"]
    lead = [batch] if batch > 1 else []
    a = torch.randn(*lead, *([k, m] if spec["transposeA"] else [m, k]))
    b = torch.randn(*lead, *([n, k] if spec["transposeB"] else [k, n]))
    a = a.mT if spec["transposeA"] else a
    b = b.mT if spec["transposeB"] else b

    @torch.inference_mode()
    def step():
        return torch.matmul(a, b)

    return step


def operation(spec):
    """Results are new tensors, as in eager use; the allocator keeps its memory (see contenders.mjs)."""
    name, axis = spec["name"], spec.get("axis")
    inputs = [torch.randn(*shape) for shape in spec["shapes"]]
    functions = {
        "mulAdd": lambda a, b, c: a * b + c,
        "chain": lambda a, b, c, d: torch.tanh(a * b + c) * torch.sigmoid(d),
        "softmax": lambda x: torch.softmax(x, -1),
        "layerNorm": lambda x, gamma, beta: F.layer_norm(x, x.shape[-1:], gamma, beta),
        "sum": lambda x: x.sum() if axis is None else x.sum(axis),
        "argMax": lambda x: x.argmax(axis),
        "transpose": lambda x: x.permute(spec["permutation"]).contiguous(),
        "concat": lambda a, b: torch.cat([a, b], axis),
        "sort": lambda x: x.sort().values,
        "topK": lambda x: x.topk(spec["k"]),
        "fft": lambda x: torch.fft.fft(x),
        "rfft": lambda x: torch.fft.rfft(x),
    }
    if COMPILE and name not in ("mulAdd", "chain", "softmax", "layerNorm"):
        raise Unsupported("one kernel is the same compiled or not")
    if name == "fft":
        inputs = [torch.complex(*inputs)]
    call = torch.compile(functions[name]) if COMPILE else functions[name]

    @torch.inference_mode()
    def step():
        return call(*inputs)

    return step


def network(sizes):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def trainer(sizes):
    """The whole training step on one batch; returns the loss as a host number."""
    model = network(sizes)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def loss_of(x, y):
        return F.cross_entropy(model(x), y)

    # The fused update is one kernel already: compiling it as well was slower (0.41 against 0.29 ms on W1).
    forward = torch.compile(loss_of) if COMPILE else loss_of

    def train(x, y):
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return train


def mlp(spec):
    sizes, batch = spec["sizes"], spec["batch"]
    x, y = torch.randn(batch, sizes[0]), torch.randint(0, sizes[-1], (batch,))
    train = trainer(sizes)
    return lambda: train(x, y)


def epoch(spec):
    if spec["loop"]:
        raise Unsupported("the plain epoch is a loop already")
    images, labels = fashion_mnist()
    x = torch.from_numpy(images.reshape(len(images), -1).copy()).float().div_(255)
    y = torch.from_numpy(labels.copy()).long()
    train = trainer(spec["sizes"])

    def step():
        for rows in torch.randperm(len(x)).split(spec["batch"]):
            train(x[rows], y[rows])

    train(x[: spec["batch"]], y[: spec["batch"]])  # compilation
    return step


def empty(_):
    if COMPILE:
        add = torch.compile(lambda x: x + 1)
    else:
        raise Unsupported("nothing compiled")
    x = torch.zeros(())
    return lambda: add(x).item()


serve(torch.__version__, {"matmul": matmul, "operation": operation, "mlp": mlp, "epoch": epoch, "empty": empty})
