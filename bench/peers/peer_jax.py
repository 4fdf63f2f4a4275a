"""JAX as a peer: the whole training step in one jit, Adam written out, the state donated."""

import os

from protocol import Unsupported, fashion_mnist, serve, threads, use_cores

use_cores()
os.environ.update(JAX_PLATFORMS="cpu", OMP_NUM_THREADS=str(threads()))

import jax
import jax.numpy as jnp
import numpy as np

random = np.random.default_rng(0)


def normal(*shape):
    return jnp.asarray(random.standard_normal(shape), jnp.float32)


def matmul(spec):
    batch, m, k, n = spec["batch"], spec["m"], spec["k"], spec["n"]
    lead = [batch] if batch > 1 else []
    a = normal(*lead, *([k, m] if spec["transposeA"] else [m, k]))
    b = normal(*lead, *([n, k] if spec["transposeB"] else [k, n]))

    @jax.jit
    def product(a, b):
        a = a.mT if spec["transposeA"] else a
        b = b.mT if spec["transposeB"] else b
        return a @ b

    return lambda: product(a, b).block_until_ready()


def layer_norm(x, gamma, beta):
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * gamma + beta


def operation(spec):
    name, axis = spec["name"], spec.get("axis")
    inputs = [normal(*shape) for shape in spec["shapes"]]
    functions = {
        "mulAdd": lambda a, b, c: a * b + c,
        "chain": lambda a, b, c, d: jnp.tanh(a * b + c) * jax.nn.sigmoid(d),
        "softmax": lambda x: jax.nn.softmax(x),
        "layerNorm": layer_norm,
        "sum": lambda x: x.sum(axis),
        "argMax": lambda x: x.argmax(axis),
        "transpose": lambda x: x.transpose(spec["permutation"]),
        "concat": lambda a, b: jnp.concatenate([a, b], axis),
        "sort": jnp.sort,
        "topK": lambda x: jax.lax.top_k(x, spec["k"]),
        "fft": jnp.fft.fft,
        "rfft": jnp.fft.rfft,
    }
    if name == "fft":
        inputs = [jax.lax.complex(*inputs)]
    call = jax.jit(functions[name])
    return lambda: jax.block_until_ready(call(*inputs))


def parameters(sizes):
    return [
        {"kernel": normal(i, o) / i**0.5, "bias": jnp.zeros(o)} for i, o in zip(sizes, sizes[1:])
    ]


def loss_of(params, x, y):
    for layer in params[:-1]:
        x = jax.nn.relu(x @ layer["kernel"] + layer["bias"])
    logits = x @ params[-1]["kernel"] + params[-1]["bias"]
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], -1).mean()


def initial_state(sizes):
    params = parameters(sizes)
    zeros = jax.tree.map(jnp.zeros_like, params)
    return params, zeros, jax.tree.map(jnp.zeros_like, params), jnp.float32(0)


def update(state, x, y, rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """One step: forward, backward, Adam. Returns the new state and the loss."""
    params, mean, square, step = state
    loss, grads = jax.value_and_grad(loss_of)(params, x, y)
    step = step + 1
    mean = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, mean, grads)
    square = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, square, grads)
    scaled = rate * jnp.sqrt(1 - beta2**step) / (1 - beta1**step)
    params = jax.tree.map(lambda p, m, v: p - scaled * m / (jnp.sqrt(v) + epsilon), params, mean, square)
    return (params, mean, square, step), loss


def mlp(spec):
    sizes, batch = spec["sizes"], spec["batch"]
    x, y = normal(batch, sizes[0]), jnp.asarray(random.integers(0, sizes[-1], batch), jnp.int32)
    train = jax.jit(update, donate_argnums=0)
    state = initial_state(sizes)

    def step():
        nonlocal state
        state, loss = train(state, x, y)
        return float(loss)

    return step


def epoch(spec):
    """The whole epoch in one scan; with spec["loop"], one call a step, the losses read once an epoch."""
    images, labels = fashion_mnist()
    x = jnp.asarray(images.reshape(len(images), -1), jnp.float32) / 255
    y = jnp.asarray(labels, jnp.int32)
    steps = len(images) // spec["batch"]
    state = initial_state(spec["sizes"])
    key = jax.random.key(0)

    def take(state, rows):
        return update(state, x[rows], y[rows])

    one = jax.jit(take, donate_argnums=0)
    whole = jax.jit(lambda state, order: jax.lax.scan(take, state, order), donate_argnums=0)

    def step():
        nonlocal state, key
        key, drawn = jax.random.split(key)
        order = jax.random.permutation(drawn, len(images))[: steps * spec["batch"]].reshape(steps, -1)
        if spec["loop"]:
            total = 0.0
            for rows in np.asarray(order):
                state, loss = one(state, rows)
                total += loss
            return float(total) / steps
        state, losses = whole(state, order)
        return float(losses.mean())

    step()  # compilation
    return step


def empty(_):
    add = jax.jit(lambda x: x + 1)
    x = jnp.float32(0)
    return lambda: float(add(x))


serve(jax.__version__, {"matmul": matmul, "operation": operation, "mlp": mlp, "epoch": epoch, "empty": empty})
