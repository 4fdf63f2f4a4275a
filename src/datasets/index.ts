export { type DigitsOptions, digits } from "./digits.js";
export type { DownloadProgress } from "./download.js";
export type { DatasetSource, ImageDataset, LabelledImages } from "./imageDataset.js";
export { type DatasetOptions, fashionMnist, mnist } from "./mnist.js";
export { type DatasetName, type DatasetPlace, datasetPlaces } from "./places.js";
export { type QuickstartData, quickstartData } from "./quickstart.js";
