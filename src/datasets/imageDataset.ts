import type { Tensor } from "../graph/tensor.js";

/**
 * Images `[n, height, width]`, float32, 0 (background) to 1, and their labels `[n]`, uint8, 0 to classes − 1.
 *
 * In memory the images are bytes: they are converted and divided by 255 where they are used, batch by batch in `fit`.
 */
export interface LabelledImages {
  readonly images: Tensor<"float32">;
  readonly labels: Tensor<"uint8">;
}

/** Where a data set came from: the kind of place, and the folder, address or generator. */
export interface DatasetSource {
  readonly kind: "MYELIN_DATA" | "cache" | "download" | "generated";
  readonly location: string;
}

/** Grey images of one size in classes, split into training and test set. */
export interface ImageDataset {
  readonly train: LabelledImages;
  readonly test: LabelledImages;
  /** One name per class, by label. */
  readonly classNames: readonly string[];
  readonly source: DatasetSource;
}
