import type { Tensor } from "../../src/graph/tensor.js";

/** The bytes behind images from 0 to 1. */
export function bytesOf(images: Tensor): Uint8Array {
  return Uint8Array.from(images.dataSync(), (value) => Math.round(255 * value));
}
