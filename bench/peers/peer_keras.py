"""Keras 3 as a peer, on TensorFlow (or the backend KERAS_BACKEND names), compiled by XLA where that is faster."""

import os

from protocol import Unsupported, fashion_mnist, serve, threads, use_cores

use_cores()
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS=str(threads()))

import keras
import numpy as np

BACKEND = keras.backend.backend()
if BACKEND == "tensorflow":
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads())
    tf.config.threading.set_inter_op_parallelism_threads(threads())

random = np.random.default_rng(0)
keras.utils.set_random_seed(0)


def model(sizes, **compile_options):
    layers = [keras.layers.Dense(n, activation="relu") for n in sizes[1:-1]]
    network = keras.Sequential([keras.Input((sizes[0],)), *layers, keras.layers.Dense(sizes[-1])])
    network.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **compile_options,
    )
    return network


def matmul(spec):
    if BACKEND != "tensorflow":
        raise Unsupported("measured in that framework itself")
    batch, m, k, n = spec["batch"], spec["m"], spec["k"], spec["n"]
    lead = [batch] if batch > 1 else []
    a = tf.random.normal([*lead, *([k, m] if spec["transposeA"] else [m, k])])
    b = tf.random.normal([*lead, *([n, k] if spec["transposeB"] else [k, n])])
    product = tf.function(
        lambda: tf.matmul(a, b, transpose_a=spec["transposeA"], transpose_b=spec["transposeB"])
    )
    return lambda: product().numpy()


def mlp(spec):
    sizes, batch = spec["sizes"], spec["batch"]
    x = keras.ops.convert_to_tensor(random.standard_normal((batch, sizes[0])), "float32")
    y = keras.ops.convert_to_tensor(random.integers(0, sizes[-1], batch), "int32")
    network = model(sizes, jit_compile=True)
    return lambda: float(network.train_on_batch(x, y))


def epoch(spec):
    if spec["loop"]:
        raise Unsupported("the plain epoch is a loop already")
    images, labels = fashion_mnist()
    x = images.reshape(len(images), -1).astype("float32") / 255
    network = model(spec["sizes"], metrics=["accuracy"], steps_per_execution=32)
    network.fit(x[:3200], labels[:3200], batch_size=spec["batch"], verbose=0)  # compilation
    return lambda: network.fit(x, labels, batch_size=spec["batch"], verbose=0)


serve(f"{keras.__version__} on {BACKEND}", {"matmul": matmul, "mlp": mlp, "epoch": epoch})
