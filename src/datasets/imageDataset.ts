import type { DatasetTensor } from "./wrap.js";

/** Images `[n, height, width]`, uint8, 0 (background) to 255, and their labels `[n]`, uint8, 0 to classes − 1. */
export interface LabelledImages {
  readonly images: DatasetTensor<"uint8">;
  readonly labels: DatasetTensor<"uint8">;
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
