"""Models of real Keras as files, with inputs and predictions: python test/golden/files/generate.py

Needs `keras`, `torch` (the backend), `h5py` and `numpy`. Writes keras-sequential.keras, keras-functional.keras and a
JSON beside each: { inputs, outputs, loss }, where `loss` is that of one evaluation after loading.
"""

import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

here = Path(__file__).parent
layers = keras.layers
keras.utils.set_random_seed(7)
rng = np.random.default_rng(7)


def write(name, model, inputs, outputs):
    model.save(here / f"{name}.keras")
    as_list = lambda arrays: {key: np.round(array, 6).tolist() for key, array in arrays.items()}
    with open(here / f"{name}.golden.json", "w") as file:
        json.dump({"inputs": as_list(inputs), "outputs": as_list(outputs)}, file)


x = np.round(rng.normal(size=(5, 6)), 3).astype("float32")
model = keras.Sequential(
    [
        layers.Input((6,)),
        layers.Dense(4, activation="leaky_relu", kernel_initializer="he_normal"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.Dense(3),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9), global_clipnorm=1.0, use_ema=True
    ),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(x, np.arange(5) % 3, epochs=3, batch_size=2, verbose=0)
write("keras-sequential", model, {"x": x}, {"output": model.predict(x, verbose=0)})

sequence = layers.Input((4, 3), name="sequence")
image = layers.Input((6, 6, 1), name="image")
pixels = layers.Conv2D(2, 3, padding="same", activation="relu")(image)
flat = layers.Flatten()(layers.MaxPooling2D()(pixels))
shared = layers.Dense(2)
joined = layers.Concatenate()([shared(layers.SimpleRNN(2)(sequence)), shared(layers.Dense(2, name="d")(flat))])
inner = keras.Sequential([layers.Dense(2)])
model = keras.Model({"sequence": sequence, "image": image}, {"p": layers.Dense(1)(joined), "q": inner(joined)})
model.compile(
    optimizer=keras.optimizers.SGD(0.05, momentum=0.9),
    loss={"p": "mse", "q": keras.losses.Huber(delta=2.0)},
    loss_weights={"p": 1.0, "q": 0.5},
    metrics={"p": ["mae"]},
)
inputs = {
    "sequence": np.round(rng.normal(size=(3, 4, 3)), 3).astype("float32"),
    "image": np.round(rng.normal(size=(3, 6, 6, 1)), 3).astype("float32"),
}
model.fit(inputs, {"p": np.ones((3, 1)), "q": np.zeros((3, 2))}, verbose=0)
write("keras-functional", model, inputs, model.predict(inputs, verbose=0))
