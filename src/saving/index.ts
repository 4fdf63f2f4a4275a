import "./methods.js";

export { type LoadModelOptions, loadModel, modelFromBytes } from "./load.js";
export type { SaveOptions } from "./methods.js";
