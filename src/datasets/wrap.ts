import type { NDArray } from "../base/array.js";
import { tensor } from "../engine/index.js";
import type { Tensor } from "../graph/tensor.js";
import { cast, mul } from "../ops/index.js";
import type { LabelledImages } from "./imageDataset.js";

/**
 * Labels and images as tensors. The bytes are what stays in memory; the images are a lazy product over them, which
 * `fit` computes for the rows of each batch and nobody computes for the whole set.
 */
export function labelledImages(images: NDArray<"uint8">, labels: NDArray<"uint8">): LabelledImages {
  const pixels = mul(cast(bytes(images), "float32"), 1 / 255) as Tensor<"float32">;
  return { images: pixels, labels: bytes(labels) };
}

function bytes(array: NDArray<"uint8">): Tensor<"uint8"> {
  return tensor(array, { dtype: "uint8" });
}
