"""Writes the golden values of this folder: what Keras, PyTorch, NumPy and JAX compute for small inputs.

    python test/golden/generate.py [edges|keras|torch|numpy|linalg|jax|random|fourier ...]

Needs keras with tensorflow-cpu, torch and numpy. All is computed in float64 from inputs of few digits, so that a float32
implementation can be compared without the reference's own rounding. README.md names every field.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
DIGITS = 9


# ---- arrays and files ------------------------------------------------------------------------------------


def number(value):
    """JSON has no NaN and no infinity: they are written as strings."""
    if isinstance(value, (bool, int)):
        return value
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return float(f"{value:.{DIGITS}g}")


def array(values, dtype=None):
    values = np.asarray(values)
    if dtype is None:
        dtype = {"f": "float32", "i": "int32", "u": "uint8", "b": "bool"}[values.dtype.kind]
    return {"shape": list(values.shape), "dtype": dtype, "data": [number(v) for v in values.ravel().tolist()]}


def write(name, source, cases):
    path = FOLDER / f"{name}.golden.json"
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases)
    path.write_text(f'{{"source":{json.dumps(source)},"cases":[\n{lines}\n]}}\n')
    print(f"{path.name}: {len(cases)} cases, {path.stat().st_size / 1000:.1f} kB")


class Random:
    """Inputs of three decimals: exact to the last digit of float32 in every implementation's eyes."""

    def __init__(self, seed):
        self.generator = np.random.default_rng(seed)

    def normal(self, *shape, scale=1.0):
        return np.round(self.generator.standard_normal(shape) * scale, 3)

    def uniform(self, *shape, low=0.0, high=1.0):
        return np.round(self.generator.uniform(low, high, shape), 3)

    def integers(self, most, *shape):
        return self.generator.integers(0, most, shape).astype(np.int32)

    def distinct(self, *shape):
        """No two equal, so that a maximum has one place."""
        count = int(np.prod(shape))
        return (self.generator.permutation(count).reshape(shape) - count // 2) / 8.0


# ---- Keras -----------------------------------------------------------------------------------------------


def keras_cases():
    # Of Keras's backends only this one keeps float64 from one end to the other.
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    import keras
    import tensorflow as tf

    keras.config.set_floatx("float64")
    source = f"keras {keras.__version__} on tensorflow {tf.__version__}, float64"
    layers = keras.layers

    def differentiate(function, *inputs):
        """The value of `function(*inputs)`, and the gradients of its sum to the inputs."""
        inputs = [tf.convert_to_tensor(x, tf.float64) for x in inputs]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = function(*inputs)
        assert value.dtype == tf.float64
        return value, tape.gradient(value, inputs)

    def run(layer, x, upstream, weights=None, **call):
        """Output of a layer, and the gradients of sum(output · upstream) to its input and trainable weights."""
        if not layer.built:
            layer.build(x.shape)
        if weights is not None:
            layer.set_weights(weights)
        other = [v.value for v in layer.non_trainable_variables]

        @tf.function(jit_compile=True)  # without it TensorFlow has no grouped convolution on a CPU
        def compute(x, trainable):
            with tf.GradientTape() as tape:
                tape.watch([x, *trainable])
                y = layer.stateless_call(trainable, other, x, **call)[0]
                value = tf.reduce_sum(y * upstream)
            return y, *tape.gradient(value, [x, *trainable])

        trainable = [tf.constant(v.value) for v in layer.trainable_variables]
        y, to_input, *to_weights = compute(tf.constant(x), trainable)
        assert y.dtype == tf.float64
        names = [v.name for v in layer.trainable_variables]
        return y, to_input, dict(zip(names, to_weights))

    def camel(name):
        head, *rest = name.split("_")
        return head + "".join(part.capitalize() for part in rest)

    def arrays(named):
        return {camel(name): array(value) for name, value in named.items()}

    # Optimizers: the weights after each of ten updates with given gradients.
    random = Random(1)
    weights = {"kernel": random.normal(3, 2), "bias": random.normal(2)}
    gradients = [{k: random.normal(*v.shape) for k, v in weights.items()} for _ in range(10)]
    optimizers = [
        ("sgd", keras.optimizers.SGD, {"learningRate": 0.1}),
        ("sgd", keras.optimizers.SGD, {"learningRate": 0.1, "momentum": 0.9}),
        ("sgd", keras.optimizers.SGD, {"learningRate": 0.1, "momentum": 0.9, "nesterov": True}),
        ("sgd", keras.optimizers.SGD, {"learningRate": 0.1, "clipNorm": 0.5}),
        ("sgd", keras.optimizers.SGD, {"learningRate": 0.1, "globalClipNorm": 0.5}),
        ("sgd", keras.optimizers.SGD, {"learningRate": 0.1, "clipValue": 0.5}),
        ("sgd", keras.optimizers.SGD, {"learningRate": 0.1, "weightDecay": 0.01}),
        ("adam", keras.optimizers.Adam, {"learningRate": 0.01}),
        ("adam", keras.optimizers.Adam, {"learningRate": 0.01, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.001}),
        ("adam", keras.optimizers.Adam, {"learningRate": 0.01, "amsgrad": True}),
    ]
    keras_names = {
        "learningRate": "learning_rate",
        "beta1": "beta_1",
        "beta2": "beta_2",
        "clipNorm": "clipnorm",
        "globalClipNorm": "global_clipnorm",
        "clipValue": "clipvalue",
        "weightDecay": "weight_decay",
    }

    def make(kind, options):
        return kind(**{keras_names.get(name, name): value for name, value in options.items()})

    cases = []
    for name, kind, options in optimizers:
        optimizer = make(kind, options)
        variables = {k: keras.Variable(v, name=k) for k, v in weights.items()}
        after = []
        for step in gradients:
            optimizer.apply([tf.constant(step[k]) for k in weights], list(variables.values()))
            after.append(arrays({k: v.value for k, v in variables.items()}))
        cases.append({"name": name, "options": options, "after": after})
    shared = {"name": "shared", "initial": arrays(weights), "gradients": [arrays(g) for g in gradients]}
    write("keras-optimizers", source, [shared, *cases])

    # Ten training steps of a small classifier: the losses, and the weights at the end.
    random = Random(2)
    x, y = random.normal(8, 4), random.integers(3, 8)
    start = [random.normal(4, 5, scale=0.5), random.normal(5, scale=0.1), random.normal(5, 3, scale=0.5), np.zeros(3)]
    names = ["kernel1", "bias1", "kernel2", "bias2"]
    cases = []
    for name, kind, options in optimizers:
        if not set(options) <= {"learningRate", "momentum", "nesterov"}:
            continue
        model = keras.Sequential([keras.Input((4,)), layers.Dense(5, activation="tanh"), layers.Dense(3)])
        model.set_weights(start)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=make(kind, options), loss=loss)
        losses = []
        for _ in range(10):
            losses.append(number(float(model.evaluate(x, y, batch_size=8, verbose=0))))
            model.train_on_batch(x, y)
        final = arrays(dict(zip(names, model.get_weights())))
        cases.append({"name": name, "options": options, "losses": losses, "final": final})
    shared = {"name": "shared", "x": array(x), "y": array(y), "initial": arrays(dict(zip(names, start)))}
    write("keras-training", source, [shared, *cases])

    # Losses: the mean, the value per sample, the gradient of the mean to the predictions.
    random = Random(3)
    logits = random.normal(5, 4, scale=2)
    probabilities = np.round(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True), DIGITS)
    labels = random.integers(4, 5)
    binary = random.integers(2, 5, 3).astype(float)
    binary_logits = random.normal(5, 3, scale=3)
    binary_probabilities = random.uniform(5, 3, low=0.05, high=0.95)
    sample_weight = random.uniform(5, low=0, high=2)
    extreme = np.array([[100.0, -100, 0], [-100, 100, 0], [0, 0, 0]])
    binary_extreme = np.array([[1.0, 0, 1], [1, 0, 0], [0, 1, 1]])
    hard = np.array([[1.0, 0, 0.5], [0, 1, 0.5], [1, 0, 0.25]])
    sequence, sequence_labels = random.normal(2, 3, 4), random.integers(4, 2, 3)
    loss_cases = [
        ("sparseCategoricalCrossentropy", {"fromLogits": True}, labels, logits),
        ("sparseCategoricalCrossentropy", {"fromLogits": False}, labels, probabilities),
        ("sparseCategoricalCrossentropy", {"fromLogits": True}, np.array([0, 0, 2], np.int32), extreme),
        ("sparseCategoricalCrossentropy", {"fromLogits": True}, sequence_labels, sequence),
        ("meanSquaredError", {}, random.normal(5, 3), random.normal(5, 3)),
        ("meanSquaredError", {}, random.normal(5, 1), random.normal(5, 1)),
        ("binaryCrossentropy", {"fromLogits": True}, binary, binary_logits),
        ("binaryCrossentropy", {"fromLogits": False}, binary, binary_probabilities),
        ("binaryCrossentropy", {"fromLogits": True, "labelSmoothing": 0.1}, binary, binary_logits),
        ("binaryCrossentropy", {"fromLogits": True}, binary_extreme, extreme),
        ("binaryCrossentropy", {"fromLogits": False}, binary_extreme, hard),  # clipped at 1e-7
    ]
    kinds = {
        "sparseCategoricalCrossentropy": keras.losses.SparseCategoricalCrossentropy,
        "meanSquaredError": keras.losses.MeanSquaredError,
        "binaryCrossentropy": keras.losses.BinaryCrossentropy,
    }
    cases = []
    for name, options, truth, prediction in loss_cases:
        given = {{"fromLogits": "from_logits", "labelSmoothing": "label_smoothing"}[k]: v for k, v in options.items()}
        for weighted in (None, sample_weight) if len(truth) == 5 else (None,):
            mean, each = kinds[name](**given), kinds[name](**given, reduction="none")
            value, (gradient,) = differentiate(lambda p: mean(truth, p, sample_weight=weighted), prediction)
            case = {
                "name": name,
                "options": options,
                "yTrue": array(truth),
                "yPred": array(prediction),
                **({} if weighted is None else {"sampleWeight": array(weighted)}),
                "value": number(float(value)),
                "perSample": array(each(truth, prediction, sample_weight=weighted)),
                "gradient": array(gradient),
            }
            cases.append(case)
    write("keras-losses", source, cases)

    # Batch normalization: three training batches, then inference; gradients of the last training call.
    random = Random(4)
    cases = []
    for shape, options in [
        ((6, 3), {}),
        ((2, 3, 2, 4), {}),
        ((6, 3), {"momentum": 0.5, "epsilon": 0.1}),
        ((6, 3), {"center": False, "scale": False}),
    ]:
        layer = layers.BatchNormalization(**options)
        layer.build(shape)
        initial = {v.name: v.value for v in layer.variables}
        for name in initial:
            drawn = random.normal(shape[-1])
            initial[name] = np.abs(drawn) + 0.5 if name in ("moving_variance", "gamma") else drawn
        layer.set_weights([initial[v.name] for v in layer.variables])
        steps = []
        for _ in range(3):
            x, upstream = random.normal(*shape, scale=2) + 0.5, random.normal(*shape)
            values = [np.asarray(v.value) for v in layer.variables]
            trained, to_input, to_weights = run(layer, x, upstream, values, training=True)
            layer(x, training=True)
            moving = {v.name: v.value for v in layer.non_trainable_variables}
            steps.append(
                {
                    "x": array(x),
                    "upstream": array(upstream),
                    "output": array(trained),
                    "moving": arrays(moving),
                    "gradients": {"x": array(to_input), **arrays(to_weights)},
                }
            )
        x, upstream = random.normal(*shape), random.normal(*shape)
        values = [np.asarray(v.value) for v in layer.variables]
        inferred, to_input, to_weights = run(layer, x, upstream, values, training=False)
        inference = {
            "x": array(x),
            "upstream": array(upstream),
            "output": array(inferred),
            "gradients": {"x": array(to_input), **arrays(to_weights)},
        }
        cases.append(
            {
                "name": "batchNormalization",
                "options": options,
                "weights": arrays(initial),
                "training": steps,
                "inference": inference,
            }
        )
    write("keras-normalization", source, cases)

    # Layers without state: output and gradients.
    def layer_case(name, layer, options, x, random, **call):
        if not layer.built:
            layer.build(x.shape)
        weights = [random.normal(*w.shape, scale=0.5) for w in layer.get_weights()]
        shape = layer.compute_output_shape(x.shape)
        upstream = random.normal(*shape)
        y, to_input, to_weights = run(layer, x, upstream, weights, **call)
        named = {v.name: w for v, w in zip(layer.trainable_variables, weights)}
        return {
            "name": name,
            "options": options,
            "x": array(x),
            **{key: array(value) for key, value in call.items()},
            "weights": arrays(named),
            "upstream": array(upstream),
            "output": array(y),
            "gradients": {"x": array(to_input), **arrays(to_weights)},
        }

    random = Random(5)
    cases = []
    for options, shape in [
        ({"filters": 3, "kernelSize": 3}, (1, 5, 6, 2)),
        ({"filters": 3, "kernelSize": 3, "padding": "same"}, (1, 5, 6, 2)),
        ({"filters": 2, "kernelSize": 3, "strides": 2}, (2, 6, 7, 2)),
        ({"filters": 2, "kernelSize": 3, "strides": 2, "padding": "same"}, (2, 6, 7, 2)),
        ({"filters": 2, "kernelSize": 2, "strides": 2, "padding": "same"}, (1, 5, 5, 1)),
        ({"filters": 2, "kernelSize": [2, 3], "strides": [1, 2], "padding": "same"}, (1, 5, 6, 2)),
        ({"filters": 2, "kernelSize": 1}, (2, 3, 3, 3)),
        ({"filters": 2, "kernelSize": 3, "dilationRate": 2, "padding": "same"}, (1, 6, 6, 1)),
        ({"filters": 2, "kernelSize": 3, "activation": "relu", "useBias": False}, (1, 4, 4, 2)),
        ({"filters": 4, "kernelSize": 3, "groups": 2, "padding": "same"}, (1, 4, 4, 4)),
    ]:
        names = {"kernelSize": "kernel_size", "dilationRate": "dilation_rate", "useBias": "use_bias"}
        layer = layers.Conv2D(**{names.get(k, k): v for k, v in options.items()})
        cases.append(layer_case("conv2d", layer, options, random.normal(*shape), random))
    write("keras-convolution", source, cases)

    random = Random(6)
    cases = []
    for options, shape in [
        ({"poolSize": 2}, (2, 4, 6, 2)),
        ({"poolSize": 2}, (1, 5, 7, 2)),
        ({"poolSize": 2, "padding": "same"}, (1, 5, 7, 2)),
        ({"poolSize": 3, "strides": 2}, (1, 7, 7, 2)),
        ({"poolSize": 3, "strides": 2, "padding": "same"}, (1, 6, 7, 2)),
        ({"poolSize": [2, 3], "strides": 1, "padding": "same"}, (1, 4, 5, 1)),
    ]:
        layer = layers.MaxPooling2D(**{{"poolSize": "pool_size"}.get(k, k): v for k, v in options.items()})
        cases.append(layer_case("maxPooling2d", layer, options, random.distinct(*shape), random))
    write("keras-pooling", source, cases)

    random = Random(7)
    cases = []
    mask = np.array([[True, True, True, False], [True, False, False, False]])
    gap = np.array([[True, False, True, True], [False, True, True, False]])
    for options, call in [
        ({"units": 3}, {}),
        ({"units": 3, "returnSequences": True}, {}),
        ({"units": 2, "activation": "relu", "useBias": False}, {}),
        ({"units": 3}, {"mask": mask}),
        ({"units": 3, "returnSequences": True}, {"mask": mask}),
        ({"units": 3, "returnSequences": True}, {"mask": gap}),
        ({"units": 3, "goBackwards": True, "returnSequences": True}, {}),
    ]:
        names = {"returnSequences": "return_sequences", "useBias": "use_bias", "goBackwards": "go_backwards"}
        layer = layers.SimpleRNN(**{names.get(k, k): v for k, v in options.items()})
        cases.append(layer_case("simpleRNN", layer, options, random.normal(2, 4, 2), random, **call))
    write("keras-recurrent", source, cases)

    random = Random(8)
    cases = []
    activations = ["linear", "relu", "tanh", "sigmoid", "softmax", "elu", "gelu", "selu", "silu", "softplus"]
    for activation in [*activations, "leaky_relu", "softsign", "log_softmax", "exponential", "hard_sigmoid"]:
        options = {"units": 3, "activation": activation}
        layer = layers.Dense(3, activation=activation)
        options["activation"] = camel(activation)
        cases.append(layer_case("dense", layer, options, random.normal(4, 3), random))
    cases.append(layer_case("dense", layers.Dense(2), {"units": 2}, random.normal(2, 3, 4), random))
    options = {"units": 2, "useBias": False}
    cases.append(layer_case("dense", layers.Dense(2, use_bias=False), options, random.normal(3, 4), random))
    write("keras-dense", source, cases)

    # Initializers: which distribution, and how wide.
    from keras.src.initializers.random_initializers import compute_fans

    scaling = [
        ("glorotUniform", 1, "average", "uniform"),
        ("glorotNormal", 1, "average", "normal"),
        ("heUniform", 2, "in", "uniform"),
        ("heNormal", 2, "in", "normal"),
        ("lecunUniform", 1, "in", "uniform"),
        ("lecunNormal", 1, "in", "normal"),
    ]
    cases = []
    for shape in [(784, 128), (128, 10), (3, 3, 16, 32), (5, 5, 1, 6), (7,)]:
        fan_in, fan_out = compute_fans(shape)
        for name, scale, mode, distribution in scaling:
            variance = scale / max(1, fan_in if mode == "in" else (fan_in + fan_out) / 2)
            case = {"name": name, "shape": shape, "fanIn": int(fan_in), "fanOut": int(fan_out)}
            if distribution == "uniform":
                width = {"distribution": "uniform", "limit": number(float(np.sqrt(3 * variance)))}
            else:  # cut off at two deviations, then widened to the wanted deviation
                deviation = float(np.sqrt(variance) / 0.87962566103423978)
                width = {"distribution": "truncatedNormal", "untruncatedDeviation": number(deviation)}
                width["limit"] = number(2 * deviation)
            case |= {**width, "deviation": number(float(np.sqrt(variance)))}
            drawn = getattr(keras.initializers, name[0].upper() + name[1:])(seed=0)((*shape,))
            drawn = np.asarray(drawn)
            assert np.abs(drawn).max() <= case["limit"] * (1 + 1e-6), name
            assert drawn.size < 1000 or abs(drawn.std() / np.sqrt(variance) - 1) < 0.05, name
            cases.append(case)
    write("keras-initializers", source, cases)


# ---- PyTorch ---------------------------------------------------------------------------------------------


def torch_cases():
    import torch
    import torch.nn.functional as F

    source = f"torch {torch.__version__.split('+')[0]}, float64"

    def leaf(values):
        return torch.tensor(values, dtype=torch.float64, requires_grad=True)

    def case(name, inputs, value, constants=None, **more):
        """`value` is the scalar; the gradients are those to every array of `inputs`."""
        gradients = torch.autograd.grad(value, list(inputs.values()))
        return {
            "name": name,
            "inputs": {k: array(v.detach().numpy()) for k, v in inputs.items()},
            **({"constants": {k: array(np.asarray(v)) for k, v in constants.items()}} if constants else {}),
            **{k: array(v.detach().numpy()) for k, v in more.items()},
            "value": number(value.item()),
            "gradients": {k: array(g.numpy()) for k, g in zip(inputs, gradients)},
        }

    random = Random(20)
    cases = []

    labels = random.integers(3, 5)
    p = {
        "x": leaf(random.normal(5, 4)),
        "kernel1": leaf(random.normal(4, 6, scale=0.5)),
        "bias1": leaf(random.normal(6, scale=0.1)),
        "kernel2": leaf(random.normal(6, 3, scale=0.5)),
        "bias2": leaf(random.normal(3, scale=0.1)),
    }
    logits = F.relu(p["x"] @ p["kernel1"] + p["bias1"]) @ p["kernel2"] + p["bias2"]
    loss = F.cross_entropy(logits, torch.tensor(labels).long())
    cases.append(case("mlpCrossEntropy", p, loss, {"labels": labels}, logits=logits))

    # Channels last as in Keras: x [batch, height, width, channels], kernels [height, width, in, out].
    labels = random.integers(3, 2)
    p = {
        "x": leaf(random.normal(2, 8, 8, 2)),
        "kernel1": leaf(random.normal(3, 3, 2, 3, scale=0.4)),
        "bias1": leaf(random.normal(3, scale=0.1)),
        "kernel2": leaf(random.normal(2, 2, 3, 4, scale=0.4)),
        "bias2": leaf(random.normal(4, scale=0.1)),
        "kernel3": leaf(random.normal(16, 3, scale=0.4)),
    }

    def conv(x, kernel, bias):
        y = F.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias)
        return y.permute(0, 2, 3, 1)

    h = F.relu(conv(p["x"], p["kernel1"], p["bias1"]))  # [2, 6, 6, 3]
    h = F.max_pool2d(h.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)  # [2, 3, 3, 3]
    h = torch.tanh(conv(h, p["kernel2"], p["bias2"]))  # [2, 2, 2, 4]
    logits = h.reshape(2, 16) @ p["kernel3"]
    loss = F.cross_entropy(logits, torch.tensor(labels).long())
    cases.append(case("convolutionNetwork", p, loss, {"labels": labels}, logits=logits))

    for name, function in [("softmax", F.softmax), ("logSoftmax", F.log_softmax)]:
        for axis, shape in [(-1, (3, 5)), (1, (2, 4, 3))]:
            x, upstream = leaf(random.normal(*shape, scale=3)), random.normal(*shape)
            y = function(x, axis)
            value = (y * torch.tensor(upstream)).sum()
            made = case(name, {"x": x}, value, {"upstream": upstream}, output=y)
            cases.append({**made, "options": {"axis": axis}})

    # A tanh recurrence over four steps: h = tanh(x_t · kernel + h · recurrent + bias).
    p = {
        "x": leaf(random.normal(3, 4, 2)),
        "kernel": leaf(random.normal(2, 5, scale=0.5)),
        "recurrent": leaf(random.normal(5, 5, scale=0.5)),
        "bias": leaf(random.normal(5, scale=0.1)),
    }
    h = torch.zeros(3, 5, dtype=torch.float64)
    states = []
    for t in range(4):
        h = torch.tanh(p["x"][:, t] @ p["kernel"] + h @ p["recurrent"] + p["bias"])
        states.append(h)
    states = torch.stack(states, 1)
    target = random.normal(3, 4, 5)
    value = ((states - torch.tensor(target)) ** 2).mean()
    cases.append(case("tanhRecurrence", p, value, {"target": target}, states=states))

    # Second derivatives: the gradient of the squared norm of a gradient.
    x, kernel = leaf(random.normal(3, 4)), leaf(random.normal(4, 2, scale=0.5))
    inner = torch.tanh(x @ kernel).pow(2).sum()
    (first,) = torch.autograd.grad(inner, x, create_graph=True)
    cases.append(case("gradientPenalty", {"x": x, "kernel": kernel}, first.pow(2).sum(), first=first))

    # Norm layers and attention written in plain operations: broadcasting and reductions in one chain.
    p = {"x": leaf(random.normal(3, 6)), "gamma": leaf(random.normal(6)), "beta": leaf(random.normal(6))}
    upstream = random.normal(3, 6)
    y = F.layer_norm(p["x"], (6,), p["gamma"], p["beta"], 1e-3)
    made = case("layerNormalization", p, (y * torch.tensor(upstream)).sum(), {"upstream": upstream}, output=y)
    cases.append({**made, "options": {"epsilon": 1e-3}})

    p = {name: leaf(random.normal(2, 4, 3)) for name in ("query", "key", "value")}
    upstream = random.normal(2, 4, 3)
    y = F.scaled_dot_product_attention(p["query"], p["key"], p["value"], is_causal=True)
    value = (y * torch.tensor(upstream)).sum()
    cases.append(case("causalAttention", p, value, {"upstream": upstream}, output=y))
    write("torch-gradients", source, cases)

    # Elementwise functions: values and derivatives.
    random = Random(21)
    functions = {
        "exp": torch.exp,
        "log": torch.log,
        "sqrt": torch.sqrt,
        "rsqrt": torch.rsqrt,
        "sin": torch.sin,
        "cos": torch.cos,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "erf": torch.erf,
        "abs": torch.abs,
        "square": torch.square,
        "reciprocal": torch.reciprocal,
        "relu": F.relu,
        "elu": F.elu,
        "selu": F.selu,
        "gelu": F.gelu,
        "silu": F.silu,
        "softplus": F.softplus,
        "log1p": torch.log1p,
        "expm1": torch.expm1,
        "exp2": torch.exp2,
        "log2": torch.log2,
        "log10": torch.log10,
        "tan": torch.tan,
        "asin": torch.asin,
        "acos": torch.acos,
        "atan": torch.atan,
        "sinh": torch.sinh,
        "cosh": torch.cosh,
        "asinh": torch.asinh,
        "acosh": torch.acosh,
        "atanh": torch.atanh,
        "erfc": torch.erfc,
        "lgamma": torch.lgamma,
        "digamma": torch.digamma,
        "trigamma": lambda x: torch.polygamma(1, x),
        "polygamma4": lambda x: torch.polygamma(4, x),
        "relu6": F.relu6,
        "leakyRelu": lambda x: F.leaky_relu(x, 0.2),
        "celu": lambda x: F.celu(x, 1.5),
        "mish": F.mish,
        "softsign": F.softsign,
        "hardSigmoid": F.hardsigmoid,
        "hardSwish": F.hardswish,
        "hardTanh": F.hardtanh,
        "tanhShrink": F.tanhshrink,
        "logSigmoid": F.logsigmoid,
        "threshold": lambda x: F.threshold(x, 0.5, -1.0),
        "geluApproximate": lambda x: F.gelu(x, approximate="tanh"),
    }
    positive = {"log", "sqrt", "rsqrt", "log1p", "log2", "log10", "trigamma", "polygamma4"}
    unit, above = {"asin", "acos", "atanh"}, {"acosh"}
    cases = []
    for name, function in functions.items():
        if name in unit:
            x = leaf(random.uniform(9, low=-0.95, high=0.95))
        elif name in above:
            x = leaf(random.uniform(9, low=1.05, high=8))
        else:
            x = leaf(random.uniform(9, low=0.05, high=4) if name in positive else random.normal(9, scale=2))
        y = function(x)
        (gradient,) = torch.autograd.grad(y.sum(), x)
        numpy = lambda t: array(t.detach().numpy())
        cases.append({"name": name, "x": numpy(x), "output": numpy(y), "gradient": numpy(gradient)})

    # Derivatives where a function has a kink, or a rule would multiply 0 by infinity.
    kinks = {
        "abs": (torch.abs, [-1, 0, 2]),
        "relu": (F.relu, [-1, 0, 2]),
        "relu6": (F.relu6, [-1, 0, 3, 6, 7]),
        "elu": (F.elu, [-1, 0, 2, 200]),
        "celu": (lambda x: F.celu(x, 1.5), [-1, 0, 2, 200]),
        "selu": (F.selu, [-1, 0, 2, 200]),
        "leakyRelu": (lambda x: F.leaky_relu(x, 0.2), [-1, 0, 2]),
        "hardTanh": (F.hardtanh, [-2, -1, 0, 1, 2]),
        "hardSigmoid": (F.hardsigmoid, [-4, -3, 0, 3, 4]),
        "softsign": (F.softsign, [-2, 0, 3]),
        "softplus": (F.softplus, [-200, 0, 15]),
        "logSigmoid": (F.logsigmoid, [-200, 0, 200]),
        "silu": (F.silu, [-200, 0, 200]),
        "mish": (F.mish, [-200, 0, 200]),
        "threshold": (lambda x: F.threshold(x, 0.5, -1.0), [0, 0.5, 1]),
        "clip": (lambda x: torch.clamp(x, -1, 1), [-2, 0, 2]),
        "square2": (lambda x: torch.pow(x, 2), [-2, 0, 3]),
        "cube": (lambda x: torch.pow(x, 3), [-2, 0, 3]),
        "one": (lambda x: torch.pow(x, 0), [-2, 0, 3]),
        "powerOf2": (lambda x: torch.pow(torch.full_like(x, 2), x), [-2, 0, 3]),
        "powerOf0": (lambda x: torch.pow(torch.zeros_like(x), x), [1, 2, 3]),
        "angle": (lambda x: torch.atan2(x, torch.zeros_like(x)), [-1, 0, 2]),
        "largerOf0": (lambda x: torch.maximum(x, torch.zeros_like(x)), [-1, 0, 2]),
        "smallerOf0": (lambda x: torch.minimum(x, torch.zeros_like(x)), [-1, 0, 2]),
    }
    for name, (function, values) in kinks.items():
        x = leaf(np.array(values, float))
        y = function(x)
        (gradient,) = torch.autograd.grad(y.sum(), x)
        cases.append({"name": name, "x": numpy(x), "output": numpy(y), "gradient": numpy(gradient)})
    write("torch-elementwise", source, cases)


# ---- NumPy -----------------------------------------------------------------------------------------------


def numpy_cases():
    random = Random(40)
    source = f"numpy {np.__version__}, float64"
    cases = []

    def add(name, inputs, output, **options):
        case = {"name": name, "inputs": {k: array(v) for k, v in inputs.items()}}
        cases.append({**case, **({"options": options} if options else {}), "output": array(output)})

    for a, b in [
        ((3, 4), (4, 2)),
        ((1, 4), (4, 5)),
        ((4,), (4, 3)),
        ((3, 4), (4,)),
        ((4,), (4,)),
        ((2, 3, 4), (2, 4, 2)),
        ((2, 3, 4), (4, 2)),
        ((3, 4), (2, 4, 2)),
        ((2, 1, 2, 3), (3, 3, 2)),
        ((0, 4), (4, 2)),
    ]:
        a, b = random.normal(*a), random.normal(*b)
        add("matmul", {"a": a, "b": b}, np.matmul(a, b))
    a, b = random.normal(2, 4, 3), random.normal(2, 4, 5)
    add("matmul", {"a": a, "b": b}, a.swapaxes(-1, -2) @ b, transposeA=True)
    a, b = random.normal(2, 3, 4), random.normal(2, 5, 4)
    add("matmul", {"a": a, "b": b}, a @ b.swapaxes(-1, -2), transposeB=True)
    a, b = random.normal(4, 3), random.normal(5, 4)
    add("matmul", {"a": a, "b": b}, a.T @ b.T, transposeA=True, transposeB=True)
    write("numpy-matmul", source, cases)

    cases = []
    x = random.normal(2, 3, 4)
    reductions = {
        "sum": np.sum,
        "mean": np.mean,
        "max": np.max,
        "min": np.min,
        "prod": np.prod,
        "variance": np.var,
        "std": np.std,
        "logSumExp": lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    }
    for name, function in reductions.items():
        for axis in (None, 0, -1, (0, 2), (1, 2)):
            for keepdims in (False, True):
                value = function(x, axis=axis, keepdims=keepdims)
                given = list(axis) if isinstance(axis, tuple) else axis
                add(name, {"x": x}, value, **({} if axis is None else {"axis": given}), keepDims=keepdims)
    whole = random.integers(100, 3, 4)
    add("sum", {"x": whole}, whole.sum(0, dtype=np.int32), axis=0)
    add("max", {"x": whole}, whole.max(1), axis=1)
    truth = whole > 50
    add("any", {"x": truth}, truth.any(1), axis=1)
    add("all", {"x": truth}, truth.all(0), axis=0)
    ties = np.array([[1.0, 3, 3, 2], [0, 0, 0, 0], [-1, -5, -1, -5]])
    for axis in (0, 1, -1):
        add("argMax", {"x": ties}, np.argmax(ties, axis).astype(np.int32), axis=axis)
        add("argMin", {"x": ties}, np.argmin(ties, axis).astype(np.int32), axis=axis)
    other = Random(42)  # leaves the draws of what follows as they are
    x = other.normal(3, 4)
    for axis in (None, 0, -1):
        for ddof in (1, 2):
            given = {} if axis is None else {"axis": axis}
            add("variance", {"x": x}, np.var(x, axis, ddof=ddof), correction=ddof, **given)
            add("std", {"x": x}, np.std(x, axis, ddof=ddof), correction=ddof, **given)
    odd = np.array([[np.nan, 1, 2], [np.inf, -np.inf, 0], [-np.inf, -np.inf, -np.inf], [np.inf, 3, -1]])
    plain = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "prod": np.prod}
    with np.errstate(all="ignore"):
        for name, function in plain.items():
            add(name, {"x": odd}, function(odd, 1), axis=1)
        add("logSumExp", {"x": odd}, np.logaddexp.reduce(odd, 1), axis=1)
        add("logSumExp", {"x": np.zeros((0, 2))}, np.logaddexp.reduce(np.zeros((0, 2)), 0), axis=0)
    add("any", {"x": odd}, odd.any(1), axis=1)
    add("all", {"x": odd}, odd.all(1), axis=1)
    nothing = np.zeros((2, 0, 3))
    for name, function in {"sum": np.sum, "prod": np.prod, "any": np.any, "all": np.all}.items():
        add(name, {"x": nothing}, function(nothing, 1), axis=1)
        add(name, {"x": nothing}, function(nothing, (0, 1), keepdims=True), axis=[0, 1], keepDims=True)
    for name in ("max", "min", "mean"):  # an axis of the result may be empty, one that is reduced not
        add(name, {"x": nothing}, plain[name](nothing, 2), axis=2)
    limits = np.array([2**31 - 1, 1, -(2**31)], np.int32)
    add("sum", {"x": limits[:2]}, np.sum(limits[:2], dtype=np.int32))  # wraps around
    add("prod", {"x": limits[1:] + np.int32(2)}, np.prod(limits[1:] + np.int32(2), dtype=np.int32))
    add("max", {"x": limits}, limits.max())
    add("argMin", {"x": limits}, np.int32(limits.argmin()))
    counted = other.integers(5, 4, 3)
    add("bincount", {"x": counted}, np.bincount(counted.ravel(), minlength=7).astype(np.int32), length=7)
    weights = other.normal(4, 3)
    summed = np.bincount(counted.ravel(), weights.ravel(), 5)
    add("bincount", {"x": counted, "weights": weights}, summed, length=5)
    values = np.array([0, 0.25, 0.5, 1, 1, 1.75, 2, 3, -1, 0.125, 4, 2.5])
    add("histogram", {"x": values}, np.histogram(values, 5)[0].astype(np.int32), bins=5)
    add("histogram", {"x": values}, np.histogram(values, 4, (0, 2))[0].astype(np.int32), bins=4, range=[0, 2])
    edges = [-1, 0, 0.5, 0.5, 2.5]
    add("histogram", {"x": values}, np.histogram(values, edges)[0].astype(np.int32), bins=edges)
    same = np.full(3, 7.0)
    add("histogram", {"x": same}, np.histogram(same, 4)[0].astype(np.int32), bins=4)
    weights = other.normal(12)
    summed = np.histogram(values, 5, weights=weights)[0]
    add("histogram", {"x": values, "weights": weights}, summed, bins=5)
    write("numpy-reductions", source, cases)

    cases = []
    shapes = [((3, 4), (4,)), ((3, 1), (1, 4)), ((2, 1, 3), (4, 1)), ((), (2, 3)), ((1,), (3,)), ((2, 3), (2, 3))]
    binary = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}
    binary |= {"maximum": np.maximum, "minimum": np.minimum}
    for a, b in shapes:
        a, b = random.normal(*a), random.normal(*b)
        for name, function in binary.items():
            add(name, {"a": a, "b": b}, function(a, b))
    a, b = random.uniform(2, 3, low=0.1, high=3), random.normal(3)
    add("pow", {"a": a, "b": b}, np.power(a, b))
    i, j = np.array([7, -7, 7, -7, 0], np.int32), np.array([2, 2, -2, -2, 3], np.int32)
    for name, function in binary.items():
        add(name, {"a": i, "b": j}, function(i, j))  # division of integers gives a float
    add("floorDiv", {"a": i, "b": j}, np.floor_divide(i, j))
    add("mod", {"a": i, "b": j}, np.mod(i, j))
    p, q = np.array([[1.0, 2, 3], [2, 2, 2]]), np.array([2.0, 2, 2])
    comparisons = {"equal": np.equal, "notEqual": np.not_equal, "less": np.less, "lessEqual": np.less_equal}
    comparisons |= {"greater": np.greater, "greaterEqual": np.greater_equal}
    for name, function in comparisons.items():
        add(name, {"a": p, "b": q}, function(p, q))
    s, t = np.array([True, True, False, False]), np.array([True, False, True, False])
    for name, function in {"logicalAnd": np.logical_and, "logicalOr": np.logical_or, "logicalXor": np.logical_xor}.items():
        add(name, {"a": s, "b": t}, function(s, t))
    infinite = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1.0])
    with np.errstate(all="ignore"):
        for name, function in binary.items():
            add(name, {"a": infinite[:, None], "b": infinite[None, :]}, function(infinite[:, None], infinite))
    condition = np.array([[True, False, True]])
    x, y = random.normal(2, 3), random.normal(2, 1)
    add("where", {"condition": condition, "x": x, "y": y}, np.where(condition, x, y))
    add("where", {"condition": condition, "x": np.array(1.5), "y": y}, np.where(condition, 1.5, y))
    write("numpy-elementwise", source, cases)

    cases = []
    x = random.normal(4, 3, 2)
    for axis, indices in [(0, [3, 0, 0]), (0, [[1, 2], [3, 0]]), (1, [2, 2, 0, 1]), (-1, [1])]:
        indices = np.array(indices, np.int32)
        add("gather", {"x": x, "indices": indices}, np.take(x, indices, axis), axis=axis)
    updates, indices = random.normal(5, 2), np.array([0, 3, 0, 2, 3], np.int32)
    summed = np.zeros((4, 2))
    np.add.at(summed, indices, updates)
    add("scatterAdd", {"indices": indices, "updates": updates}, summed, shape=[4, 2])
    labels = np.array([[2, 0], [1, 3]], np.int32)
    add("oneHot", {"indices": labels}, np.eye(4)[labels], depth=4)
    add("transpose", {"x": x}, x.transpose(2, 0, 1), permutation=[2, 0, 1])
    add("transpose", {"x": x}, x.transpose())
    add("reshape", {"x": x}, x.reshape(2, -1), shape=[2, -1])
    add("concat", {"a": x, "b": x[:, :1]}, np.concatenate([x, x[:, :1]], 1), axis=1)
    add("stack", {"a": x[0], "b": x[1]}, np.stack([x[0], x[1]], 1), axis=1)
    add("flip", {"x": x}, np.flip(x, 1), axis=1)
    add("slice", {"x": x}, x[1:3, 0:2], start=[1, 0, 0], size=[2, 2, 2])
    add("pad", {"x": x[0]}, np.pad(x[0], [(1, 0), (0, 2)]), padding=[[1, 0], [0, 2]])
    add("tile", {"x": x[0]}, np.tile(x[0], (2, 1)), repetitions=[2, 1])
    add("broadcastTo", {"x": x[:, :1]}, np.broadcast_to(x[:, :1], (4, 3, 2)), shape=[4, 3, 2])
    add("cumSum", {"x": x}, np.cumsum(x, 1), axis=1)
    random = Random(41)
    x = random.normal(3, 4)
    row = np.array([1.0, 2, 3])
    for mode in ("edge", "reflect", "symmetric"):
        add("pad", {"x": x}, np.pad(x, [(2, 1), (0, 3)], mode), padding=[[2, 1], [0, 3]], mode=mode)
        add("pad", {"x": row}, np.pad(row, [(7, 8)], mode), padding=[[7, 8]], mode=mode)
        add("pad", {"x": row[:1]}, np.pad(row[:1], [(2, 1)], mode), padding=[[2, 1]], mode=mode)
    whole = random.integers(100, 2, 3)
    padded = np.pad(whole, [(0, 1), (1, 0)], constant_values=7)
    add("pad", {"x": whole}, padded, padding=[[0, 1], [1, 0]], value=7)
    for shift, axis in [(1, None), (-3, None), (1, 0), (-5, 1), ([1, 2], [0, 1]), ([3, -1], [1, 0])]:
        rolled = np.roll(x, shift, None if axis is None else tuple(axis) if isinstance(axis, list) else axis)
        add("roll", {"x": x}, rolled, shift=shift, **({} if axis is None else {"axis": axis}))
    add("roll", {"x": np.zeros((0, 2))}, np.roll(np.zeros((0, 2)), 1, 0), shift=1, axis=0)
    for offset in (0, 1, -2, 4, -3):
        add("diag", {"x": x}, np.diag(x, offset), offset=offset)
        add("diag", {"x": row}, np.diag(row, offset), offset=offset)
        add("tril", {"x": x}, np.tril(x, offset), offset=offset)
        add("triu", {"x": x}, np.triu(x, offset), offset=offset)
    batch = random.normal(2, 3, 3)
    add("tril", {"x": batch}, np.tril(batch), offset=0)
    add("triu", {"x": whole > 50}, np.triu(whole > 50), offset=0)
    for indexing in ("xy", "ij"):
        grids = np.meshgrid(row, x[0], indexing=indexing)
        add("meshgrid", {"a": row, "b": x[0]}, np.stack(grids), indexing=indexing)
    add("repeat", {"x": x}, np.repeat(x, 2), times=2)
    add("repeat", {"x": x}, np.repeat(x, 3, 0), times=3, axis=0)
    add("repeat", {"x": x}, np.repeat(x, [0, 2, 1, 3], 1), times=[0, 2, 1, 3], axis=1)
    add("split", {"x": x}, np.split(x, 2, 1)[1], parts=2, axis=1)
    add("unstack", {"x": x}, x[:, 2], axis=1, which=2)
    running = {"cumSum": np.cumsum, "cumProd": np.cumprod}
    running |= {"cumMax": np.maximum.accumulate, "cumMin": np.minimum.accumulate}
    holes = np.array([[1, np.nan, 2], [np.inf, 3, -np.inf], [-np.inf, -np.inf, 0], [0, np.inf, 1]])
    for name, function in running.items():
        add(name, {"x": x}, function(x, 0), axis=0)
        add(name, {"x": x}, function(x, 1), axis=-1)
        with np.errstate(all="ignore"):
            add(name, {"x": holes}, function(holes, 1), axis=1)
        add(name, {"x": np.zeros((2, 0))}, function(np.zeros((2, 0)), 1), axis=1)
    add("cumSum", {"x": x}, np.cumsum(x))
    add("cumProd", {"x": x}, np.cumprod(x))
    large = np.array([2**31 - 1, 2, -(2**31), 3], np.int32)
    add("cumSum", {"x": large}, np.cumsum(large, dtype=np.int32), axis=0)  # wraps around
    add("cumProd", {"x": large}, np.cumprod(large, dtype=np.int32), axis=0)
    add("cumMax", {"x": large}, np.maximum.accumulate(large), axis=0)
    y = random.normal(3, 4, 5)
    numbers = slice(None)
    for parts in [
        (0,),
        (-1, 2),
        (Ellipsis, -2),
        (slice(1, None), numbers, slice(None, None, -1)),
        (slice(None, None, 2), slice(-3, -1)),
        (1, Ellipsis, slice(10, None, -3)),
        (slice(2, 1), 0),
        (slice(-100, 100), slice(None, -100, -1), slice(3, None, -2)),
        (Ellipsis, slice(1, 100, 3)),
    ]:
        given = ["..." if p is Ellipsis else [p.start, p.stop, p.step] if isinstance(p, slice) else p for p in parts]
        add("at", {"x": y}, y[parts], parts=given)
    write("numpy-movement", source, cases)


def linalg_cases():
    """Linear algebra. What is defined up to a sign only (vectors of svd and eigh) is given by what can be computed from it."""
    random = Random(43)
    source = f"numpy {np.__version__}, float64"
    cases = []

    def add(name, inputs, outputs, **options):
        case = {"name": name, "inputs": {k: array(v) for k, v in inputs.items()}}
        cases.append({**case, "options": options, "outputs": {k: array(v) for k, v in outputs.items()}})

    equations = {
        "ij,jk->ik": [(2, 3), (3, 4)],
        "bij,bjk->bik": [(2, 3, 4), (2, 4, 2)],
        "ij,kj": [(2, 3), (4, 3)],
        "ba": [(2, 3)],
        "ii->": [(3, 3)],
        "ii": [(3, 3)],
        "ii->i": [(3, 3)],
        "iij->j": [(3, 3, 2)],
        "bij->bj": [(2, 3, 4)],
        "i,j->ij": [(3,), (4,)],
        "i,i->": [(4,), (4,)],
        "bi,bi->b": [(2, 5), (2, 5)],
        "ij,ij->ij": [(2, 3), (2, 3)],
        "...ij,...jk->...ik": [(2, 3, 4), (5, 1, 4, 2)],
        "...i->i...": [(2, 3, 4)],
        "i...,i...": [(3, 2), (3, 2)],
        "ij,jk,kl->il": [(2, 3), (3, 4), (4, 5)],
        "ab,ac,ad->bcd": [(3, 2), (3, 4), (3, 2)],
        "bqhd,bkhd->bhqk": [(2, 3, 2, 4), (2, 5, 2, 4)],
        "ij,jk->ik ": [(1, 3), (3, 2)],
        "ij,j->": [(2, 3), (3,)],
        ",ij->ji": [(), (2, 3)],
        "ij,ij->i": [(2, 3), (1, 3)],
        "aab,bcc->ac": [(2, 2, 3), (3, 4, 4)],
    }
    for equation, shapes in equations.items():
        operands = [random.normal(*shape) for shape in shapes]
        inputs = {f"x{i}": operand for i, operand in enumerate(operands)}
        add("einsum", inputs, {"y": np.einsum(equation.strip(), *operands)}, equation=equation)

    for a, b in [((3,), (3,)), ((2, 3), (3, 4)), ((2, 3), (3,)), ((3,), (2, 3, 4)), ((2, 4, 3), (5, 3, 2)), ((), (2, 2))]:
        a, b = random.normal(*a), random.normal(*b)
        add("dot", {"a": a, "b": b}, {"y": np.dot(a, b)})
        add("outer", {"a": a, "b": b}, {"y": np.outer(a, b)})
    a, b = random.normal(2, 3, 4), random.normal(3, 4, 2)
    for axes in (1, 2, 0):
        left = a if axes else a[0, 0]
        right = b.transpose(1, 0, 2) if axes == 1 else b
        add("tensordot", {"a": left, "b": right}, {"y": np.tensordot(left, right, axes)}, axes=axes)
    add("tensordot", {"a": a, "b": b}, {"y": np.tensordot(a, b, [[0, 2], [2, 1]])}, axes=[[0, 2], [2, 1]])
    x = random.normal(2, 4, 3)
    for offset in (0, 1, -2, 5, -5):
        add("trace", {"x": x}, {"y": np.trace(x, offset, -2, -1)}, offset=offset)
        add("diagonal", {"x": x}, {"y": np.diagonal(x, offset, -2, -1)}, offset=offset)
    add("trace", {"x": x}, {"y": np.trace(x, 0, 0, 2)}, axes=[0, 2])

    squares = [(0, 0), (1, 1), (2, 2), (3, 3), (7, 7), (17, 17), (2, 3, 3, 3), (0, 3, 3)]
    for shape in squares:
        n = shape[-1]
        a = random.normal(*shape) + 2 * np.eye(n)
        positive = a @ a.swapaxes(-1, -2) / max(n, 1) + np.eye(n)
        symmetric = (a + a.swapaxes(-1, -2)) / 2
        b = random.normal(*shape[:-1], 2)
        add("cholesky", {"a": positive}, {"l": np.linalg.cholesky(positive)})
        add("solve", {"a": a, "b": b}, {"x": np.linalg.solve(a, b)})
        add("inverse", {"a": a}, {"y": np.linalg.inv(a)})
        sign, logarithm = np.linalg.slogdet(a)
        add("det", {"a": a}, {"y": np.linalg.det(a)})
        add("slogDet", {"a": a}, {"sign": sign, "logAbsDet": logarithm})
        if n > 0:
            values, vectors = np.linalg.eigh(symmetric)
            root = (vectors * np.exp(values)[..., None, :]) @ vectors.swapaxes(-1, -2)
            add("eigh", {"a": symmetric}, {"values": values, "exponential": root})
    vector = random.normal(4)
    a = random.normal(4, 4) + 3 * np.eye(4)
    add("solve", {"a": a, "b": vector}, {"x": np.linalg.solve(a, vector)})
    many = random.normal(3, 4, 2)
    add("solve", {"a": a, "b": many}, {"x": np.linalg.solve(np.broadcast_to(a, (3, 4, 4)), many)})
    for name, singular in {"zeros": np.zeros((3, 3)), "rank one": np.outer([1.0, 2, 3], [4.0, 5, 6]), "row": np.diag([1.0, 0, 2])}.items():
        add("det", {"a": singular}, {"y": np.array(0.0)}, note=name)
    for shape in [(3, 3), (5, 3), (3, 5), (17, 4), (2, 4, 3), (2, 3, 4), (1, 4), (4, 1)]:
        a = random.normal(*shape)
        q, r = np.linalg.qr(a)
        add("qr", {"a": a}, {"q": q, "r": r})  # numpy's signs: Householder's
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        polar = u @ vh  # unique where a has full rank
        add("svd", {"a": a}, {"s": s, "polar": polar})
        b = random.normal(*shape[:-1], 2)
        solution = np.linalg.pinv(a) @ b
        add("lstsq", {"a": a, "b": b}, {"x": solution})
    hilbert = 1 / (np.arange(6)[:, None] + np.arange(6) + 1.0)
    add("svd", {"a": hilbert}, {"s": np.linalg.svd(hilbert, compute_uv=False)})
    x = random.normal(2, 4, 3)
    for order in (1, -1, 2, -2, "inf", "-inf", "frobenius", "nuclear"):
        given = {"inf": np.inf, "-inf": -np.inf, "frobenius": "fro", "nuclear": "nuc"}.get(order, order)
        order = {"inf": "Infinity", "-inf": "-Infinity"}.get(order, order)
        add("norm", {"x": x}, {"y": np.linalg.norm(x, given, (1, 2))}, order=order, axis=[1, 2])
        add("norm", {"x": x}, {"y": np.linalg.norm(x, given, (2, 0), keepdims=True)}, order=order, axis=[2, 0], keepDims=True)
    for order in (0, 1, -1, 2, -2, 3, 0.5, "inf", "-inf"):
        given = {"inf": np.inf, "-inf": -np.inf}.get(order, order)
        order = {"inf": "Infinity", "-inf": "-Infinity"}.get(order, order)
        add("norm", {"x": x}, {"y": np.linalg.norm(x, given, 1)}, order=order, axis=1)
    add("norm", {"x": x}, {"y": np.linalg.norm(x)})
    add("norm", {"x": x[0]}, {"y": np.linalg.norm(x[0], 1)}, order=1)
    write("numpy-linalg", source, cases)


def philox(key, stream, index):
    """Word 0 of Philox2x32-10, counter (index, stream), as int32."""
    word = np.uint64(0xFFFFFFFF)
    low, high = np.asarray(index, np.int64).astype(np.uint64) & word, np.uint64(stream & 0xFFFFFFFF)
    key = key & 0xFFFFFFFF
    for _ in range(10):
        product = low * np.uint64(0xD256D193)
        low, high = (product >> np.uint64(32)) ^ np.uint64(key) ^ high, product & word
        key = (key + 0x9E3779B9) & 0xFFFFFFFF
    return low.astype(np.uint32).astype(np.int32)


def random_cases():
    """The draws of Myelin written down a second time, from the definitions in its documentation, in float64."""
    cases = []
    count = 40
    position = np.arange(count)

    def unit(key, stream=0):
        return (philox(key, stream, position).astype(np.uint32) >> 8) * 2.0**-24

    def normal(key):
        return np.sqrt(-2 * np.log(1 - unit(key))) * np.cos(2 * np.pi * unit(key, 0x3C6EF372))

    def split(key, n):
        return philox(key, 0x2545F491, np.arange(n))

    def gamma(key, alpha):
        keys = [int(k) for k in split(key, 13)]
        d = alpha + (alpha < 1) - 1 / 3
        sample = np.full(count, np.nan)
        for i in range(6):
            x, u = normal(keys[2 * i]), 1 - unit(keys[2 * i + 1])
            v = (1 + x / (3 * np.sqrt(d))) ** 3
            with np.errstate(invalid="ignore"):
                accepted = (v > 0) & (np.log(u) < x * x / 2 + d * (1 - v + np.log(v)))
            sample = np.where(np.isnan(sample) & accepted, d * v, sample)
        assert not np.isnan(sample).any()
        return sample * (1 - unit(keys[12])) ** (1 / alpha) if alpha < 1 else sample

    for key in (42, -7):
        draws = {
            "randomBits": philox(key, 7, position),
            "splitKey": split(key, count),
            "uniform": unit(key),
            "normal": normal(key),
            "exponential": -np.log(1 - unit(key)),
            "gumbel": -np.log(np.maximum(-np.log(1 - unit(key)), 2.0**-25)),
            "randomInt": philox(key, 0, position) % 1000,  # none of these words is drawn again
            "gamma": gamma(key, 2.5),
            "smallGamma": gamma(key, 0.3),
        }
        for name, output in draws.items():
            cases.append({"name": name, "key": key, "shape": [count], "output": array(output)})
        cases.append({"name": "foldIn", "key": key, "shape": [], "output": array(philox(key, 0x5BF03635, np.array(123)))})
    write("numpy-random", f"numpy {np.__version__}, float64", cases)


def edge_cases():
    """What elementwise functions do where they bend, overflow or are not defined, on float32, int32, uint8 and bool."""
    import torch

    source = f"numpy {np.__version__} and torch {torch.__version__.split('+')[0]}, float64 rounded to float32"
    cases = []

    def add(name, inputs, output):
        output = np.asarray(output)
        if output.dtype.kind == "f":
            output = output.astype(np.float32)
        cases.append({"name": name, "inputs": {k: array(v) for k, v in inputs.items()}, "output": array(output)})

    np.seterr(all="ignore")
    finite = [0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2, 3, 10, -10, 1e-7, 88, -80, 127, 1e-40, -1e-40, 1e-45, 1e-38]
    finite += [1e10, 16777216, 8388609, 3e38, -3e38]
    x = np.array([*finite, np.nan, np.inf, -np.inf], np.float32)
    wide = x.astype(np.float64)
    unary = {
        "neg": np.negative,
        "abs": np.abs,
        "sign": np.sign,
        "square": np.square,
        "reciprocal": np.reciprocal,
        "sqrt": np.sqrt,
        "cbrt": np.cbrt,
        "exp": np.exp,
        "exp2": np.exp2,
        "expm1": np.expm1,
        "log": np.log,
        "log2": np.log2,
        "log10": np.log10,
        "log1p": np.log1p,
        "sin": np.sin,
        "cos": np.cos,
        "tan": np.tan,
        "asin": np.arcsin,
        "acos": np.arccos,
        "atan": np.arctan,
        "sinh": np.sinh,
        "cosh": np.cosh,
        "tanh": np.tanh,
        "asinh": np.arcsinh,
        "acosh": np.arccosh,
        "atanh": np.arctanh,
        "floor": np.floor,
        "ceil": np.ceil,
        "round": np.rint,
        "trunc": np.trunc,
        "isNaN": np.isnan,
        "isInf": np.isinf,
        "isFinite": np.isfinite,
    }
    unary |= {
        name: lambda values, function=function: function(torch.tensor(values)).numpy()
        for name, function in {
            "rsqrt": torch.rsqrt,
            "erf": torch.erf,
            "erfc": torch.erfc,
            "lgamma": torch.lgamma,
            "digamma": torch.digamma,
            "sigmoid": torch.sigmoid,
            "relu": torch.relu,
            "softplus": torch.nn.functional.softplus,
            "logSigmoid": torch.nn.functional.logsigmoid,
        }.items()
    }
    for name, function in unary.items():
        add(name, {"x": x}, function(wide))

    few = [0, -0.0, 1, -1, 0.5, -2, 3, 1e-40, 1e-20, 3e38, -3e38, np.nan, np.inf, -np.inf]
    a, b = np.array(few, np.float32)[:, None], np.array(few, np.float32)[None, :]
    comparisons = {"equal": np.equal, "notEqual": np.not_equal, "less": np.less, "lessEqual": np.less_equal}
    comparisons |= {"greater": np.greater, "greaterEqual": np.greater_equal}
    either = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "maximum": np.maximum, "minimum": np.minimum}
    either |= {"floorDiv": np.floor_divide, "mod": np.mod, **comparisons}
    for name, function in {**either, "div": np.divide, "pow": np.power, "atan2": np.arctan2}.items():
        add(name, {"a": a, "b": b}, function(a.astype(np.float64), b.astype(np.float64)))

    logic = {"logicalAnd": np.logical_and, "logicalOr": np.logical_or, "logicalXor": np.logical_xor}
    bits = {"bitwiseAnd": np.bitwise_and, "bitwiseOr": np.bitwise_or, "bitwiseXor": np.bitwise_xor}
    shifts = {"shiftLeft": np.left_shift, "shiftRight": np.right_shift}
    whole = {
        np.int32: [0, 1, -1, 2, -7, 7, 31, 32, 33, -40, 255, 65537, 2147483647, -2147483648],
        np.uint8: [0, 1, 2, 7, 8, 9, 31, 32, 127, 128, 200, 255],
    }
    for dtype, values in whole.items():
        a, b = np.array(values, dtype)[:, None], np.array(values, dtype)[None, :]
        for name, function in {**either, **logic, **bits, **shifts}.items():
            add(name, {"a": a, "b": b}, function(a, b))
        for name, function in {"neg": np.negative, "square": np.square, "bitwiseNot": np.invert, "abs": np.abs}.items():
            add(name, {"x": a}, function(a))
    t = np.array([False, True])
    for name, function in {**logic, **bits, **comparisons}.items():
        add(name, {"a": t[:, None], "b": t[None, :]}, function(t[:, None], t[None, :]))
    add("bitwiseNot", {"x": t}, np.invert(t))

    # Two dtypes meet in the later one of bool, uint8, int32, float32.
    values = {
        "bool": np.array([True, False, True]),
        "uint8": np.array([1, 200, 255], np.uint8),
        "int32": np.array([-1, 300, 7], np.int32),
        "float32": np.array([0.5, -2, 3], np.float32),
    }
    for a in values:
        for b in values:
            if a != b:
                p, q = torch.tensor(values[a]), torch.tensor(values[b])
                add("add", {"a": values[a], "b": values[b]}, (p + q).numpy())
                add("mul", {"a": values[a], "b": values[b]}, (p * q).numpy())
                add("maximum", {"a": values[a], "b": values[b]}, torch.maximum(p, q).numpy())
                add("less", {"a": values[a], "b": values[b]}, (p < q).numpy())

    for a, b in [((0,), (0,)), ((0,), (1,)), ((2, 0), (1,)), ((0, 3), (3,)), ((1, 1, 1), (3,)), ((), (0,)), ((), ())]:
        a, b = np.full(a, 2.0), np.full(b, 3.0)
        add("mul", {"a": a, "b": b}, a * b)
        add("less", {"a": a, "b": b}, a < b)
        add("sqrt", {"x": a}, np.sqrt(a))

    x = np.array([[-np.inf, -3, 0.25, 3, np.inf, np.nan]], np.float32)
    low, high = np.array([[-1], [0.5]], np.float32), np.array([1, 1, 0, 0.5, 2, 1], np.float32)
    add("clip", {"x": x, "low": low, "high": high}, np.clip(x, low, high))
    x, low = np.array([1, 5, 300], np.int32), np.array([2, 2, 2], np.int32)
    add("clip", {"x": x, "low": low, "high": np.array(100, np.int32)}, np.clip(x, low, 100))
    write("elementwise-edges", source, cases)


def fourier_cases():
    random = Random(47)
    cases = []

    def add(name, x, output, **options):
        planes = lambda v: {"real": array(v.real), "imaginary": array(v.imag)} if np.iscomplexobj(v) else {"real": array(v)}
        cases.append({"name": name, "inputs": planes(x), "options": options, "outputs": planes(output)})

    for shape in [(1,), (2,), (5,), (8,), (12,), (3, 7), (2, 3, 16), (1, 67), (2, 18, 3), (5, 1, 20)]:
        real = random.normal(*shape)
        z = real + 1j * random.normal(*shape)
        for axis in range(len(shape)):
            n = shape[axis]
            norm = ("backward", "ortho", "forward")[(n + axis) % 3]
            add("fft", z, np.fft.fft(z, None, axis, norm), axis=axis, norm=norm)
            add("ifft", z, np.fft.ifft(z, None, axis, norm), axis=axis, norm=norm)
            add("rfft", real, np.fft.rfft(real, None, axis, norm), axis=axis, norm=norm)
            add("irfft", z, np.fft.irfft(z, 2 * n - 1, axis, norm), axis=axis, norm=norm, length=2 * n - 1)
    z = random.normal(3, 6) + 1j * random.normal(3, 6)
    for name in ("fft", "ifft", "irfft"):
        for length in (1, 4, 6, 9):
            add(name, z, getattr(np.fft, name)(z, length), length=length)
    for length in (1, 4, 6, 9):
        add("rfft", z.real, np.fft.rfft(z.real, length), length=length)
    add("irfft", z, np.fft.irfft(z))
    add("fft", z.real, np.fft.fft(z.real) + 0j)
    z = random.normal(3, 4, 5) + 1j * random.normal(3, 4, 5)
    for name in ("fft2", "ifft2", "irfft2"):
        function = getattr(np.fft, name)
        add(name, z, function(z))
        add(name, z, function(z, axes=(2, 0), norm="ortho"), axes=[2, 0], norm="ortho")
        add(name, z, function(z, (3, 8)), lengths=[3, 8])
    add("rfft2", z.real, np.fft.rfft2(z.real))
    add("rfft2", z.real, np.fft.rfft2(z.real, axes=(0, 1)), axes=[0, 1])
    write("numpy-fourier", f"numpy {np.__version__}, float64", cases)


def printing_cases():
    """What NumPy prints; its ellipsis is written as one character."""
    random = Random(53)
    cases = []

    def add(name, x):
        text = np.array2string(x, separator=", ", max_line_width=75, threshold=1000, edgeitems=3)
        cases.append({"name": name, "x": array(x), "text": text.replace("...", "…")})

    for exponent in (-7, -4, -2, 0, 2, 4, 5, 7, 20):
        add(f"around 1e{exponent}", (random.normal(7) * 10.0**exponent).astype(np.float32))
    for low, high in ((-3, 0), (-2, 1), (0, 2), (0, 4), (-8, 8)):
        add(f"from 1e{low} to 1e{high}", (10 ** random.uniform(6, low=low, high=high)).astype(np.float32))
    for shape in [(), (1,), (30,), (3, 4), (2, 20), (2, 3, 2), (2, 2, 2, 2)]:
        add(f"floats {list(shape)}", random.normal(*shape).astype(np.float32) if shape else np.float32([0.25]).reshape(()))
        add(f"integers {list(shape)}", np.array(random.integers(5000, *shape)) - 2500 if shape else np.array(-3))
    add("thirds", (np.arange(1, 9) / 3).astype(np.float32))
    add("whole floats", np.arange(-3, 4).astype(np.float32))
    add("halves and zeros", np.float32([0, 0.5, -1.5, 0]))
    add("many", random.integers(100000, 40, 30))
    add("many in a row", random.normal(1200).astype(np.float32))
    write("numpy-printing", f"numpy {np.__version__}", cases)


def jax_cases():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    source = f"JAX {jax.__version__}"
    random = Random(16)
    cases = []

    # Derivatives of a function f and of sum(f²).
    functions = {
        "layer": (lambda x, w: jnp.tanh(x @ w), random.normal(2, 3), random.normal(3, 2)),
        "elementwise": (lambda x, w: jnp.sin(x) * jnp.sum(x * w), random.normal(4), random.normal(4)),
    }
    for name, (f, x, w) in functions.items():
        vector = random.normal(*x.shape)
        at = lambda x: f(x, w)
        loss = lambda x: jnp.sum(at(x) ** 2)
        cases.append({
            "name": name, "x": array(x), "w": array(w), "vector": array(vector),
            "jacobian": array(jax.jacobian(at)(x)), "jvp": array(jax.jvp(at, (x,), (vector,))[1]),
            "hessian": array(jax.hessian(loss)(x)), "hvp": array(jax.jvp(jax.grad(loss), (x,), (vector,))[1]),
        })
    write("jax-derivatives", source, cases)

    # Loops: the state in which they end, and the gradient of its sum to what it started from, from the chain written out.
    def newton(x, a):
        def go_on(state):
            return jnp.max(jnp.abs(state[0] ** 2 - a)) > 0.01

        def body(state):
            return 0.5 * (state[0] + a / state[0]), state[1] + 1

        return go_on, body, (x, 0)

    def settle(x, w):
        def go_on(state):
            return jnp.sum(state[0] ** 2) > 0.05

        def body(state):
            return jnp.tanh(state[0] @ w), state[1] + 1

        return go_on, body, (x, 0)

    cases = []
    loops = {
        "newton": (newton, random.uniform(3, low=1, high=3), random.uniform(3, low=2, high=90)),
        "settle": (settle, random.normal(2, 3), random.normal(3, 3, scale=0.3)),
    }
    for name, (make, x, w) in loops.items():
        final, count = jax.lax.while_loop(*make(x, w))

        def unrolled(x, w):
            go_on, body, state = make(x, w)
            for _ in range(int(count)):
                state = body(state)
            return jnp.sum(state[0] ** 2)

        dx, dw = jax.grad(unrolled, (0, 1))(x, w)
        cases.append({"name": name, "x": array(x), "w": array(w), "final": array(final), "count": int(count),
                      "dx": array(dx), "dw": array(dw)})
    write("jax-loops", source, cases)


# ---- Sorting ---------------------------------------------------------------------------------------------


def sorting_cases():
    import torch

    random = Random(61)
    cases = []

    def add(name, inputs, outputs, **options):
        case = {"name": name, "inputs": {k: array(v) for k, v in inputs.items()}}
        outputs = {k: array(v) for k, v in outputs.items()}
        cases.append({**case, **({"options": options} if options else {}), "outputs": outputs})

    def whole(values):
        return np.asarray(values).astype(np.int32)

    def arg_sort(x, axis, descending=False):
        if not descending:
            return np.argsort(x, axis=axis, kind="stable")
        # The order of the reversed rows, read backwards: equal elements keep their order.
        backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
        return x.shape[axis] - 1 - np.flip(backwards, axis)

    special = np.array([np.nan, 1, -np.inf, 0, 2.5, np.inf, -3, np.nan, 1, 0])
    ties = random.integers(4, 3, 9)
    for x in (random.normal(3, 5), special, ties, ties.astype(np.uint8), ties > 1, random.normal(2, 0)):
        for axis in range(-1, x.ndim - 1):
            for descending in (False, True):
                places = arg_sort(x, axis, descending)
                add("argSort", {"x": x}, {"places": whole(places)}, axis=axis, descending=descending)
                sorted_ = np.take_along_axis(x, places, axis)
                add("sort", {"x": x}, {"values": sorted_}, axis=axis, descending=descending)
                assert descending or np.array_equal(sorted_, np.sort(x, axis=axis), equal_nan=x.dtype.kind == "f")
    for x, k in ((random.normal(2, 9), 3), (special, 4), (ties, 9)):
        for smallest in (False, True):
            places = arg_sort(x, -1, not smallest)[..., :k]
            values = np.take_along_axis(x, places, -1)
            add("topK", {"x": x}, {"values": values, "indices": whole(places)}, k=k, smallest=smallest)
    rows = np.array([-2.0, 0, 0, 1, 1, 1, 4, np.inf, np.nan])
    for side in ("left", "right"):
        v = np.array([[-3, -2, 0, 0.5], [1, 4, np.inf, np.nan]])
        add("searchSorted", {"x": rows, "v": v}, {"places": whole(np.searchsorted(rows, v, side))}, side=side)
    x = random.normal(3, 4, 5)
    for axis in (None, 0, 1, -1, (0, 2)):
        given = {} if axis is None else {"axis": list(axis) if isinstance(axis, tuple) else axis}
        add("median", {"x": x}, {"value": np.median(x, axis)}, **given)
        for method in ("linear", "lower", "higher", "nearest", "midpoint"):
            q = [0, 0.1, 0.5, 0.83, 1]
            add("quantile", {"x": x}, {"value": np.quantile(x, q, axis, method=method)}, q=q, interpolation=method, **given)
    holed = np.array([[1.0, np.nan, 3], [4, 5, 6]])
    add("median", {"x": holed}, {"value": np.median(holed, 1)}, axis=1)
    for x in (ties, ties - 2.0, ties > 2, np.zeros((2, 3)), random.integers(2, 2, 3, 2)):
        add("nonzero", {"x": x}, {"coordinates": whole(np.argwhere(x))})
    for x in (ties, special, ties > 1, random.integers(200, 2, 3).astype(np.uint8), np.zeros(0)):
        values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
        add("unique", {"x": x}, {"values": values, "inverse": whole(inverse).reshape(x.shape), "counts": whole(counts)})

    # Gradients of sum(output · upstream), by PyTorch.
    for name, function in {
        "sort": lambda x: x.sort(-1).values,
        "topK": lambda x: x.topk(3, -1).values,
        "median": lambda x: x.quantile(0.5, -1),
        "quantile": lambda x: x.quantile(0.3, -1),
    }.items():
        x = torch.tensor(random.normal(3, 6), requires_grad=True)
        y = function(x)
        upstream = torch.tensor(random.normal(*y.shape))
        (y * upstream).sum().backward()
        inputs = {"x": x.detach().numpy(), "upstream": upstream.numpy()}
        add(f"{name}Gradient", inputs, {"value": y.detach().numpy(), "gradient": x.grad.numpy()})
    write("sorting", f"numpy {np.__version__} and torch {torch.__version__}, float64", cases)


PARTS = {"edges": edge_cases, "keras": keras_cases, "torch": torch_cases, "numpy": numpy_cases, "linalg": linalg_cases, "jax": jax_cases, "random": random_cases, "fourier": fourier_cases, "sorting": sorting_cases, "printing": printing_cases}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
