import "./methods.js";

export type { DataArgument } from "./batches.js";
export { type Callback, History, type Logs, type TrainingRun } from "./callback.js";
export type { Compiled, CompileOptions } from "./compile.js";
export { fromConfig, modelFromConfig } from "./fromConfig.js";
export { type Ends, Functional, functional, type GraphConfig } from "./functional.js";
export type { Predicted } from "./methods.js";
export { Model } from "./model.js";
export { Sequential, sequential } from "./sequential.js";
export type { SummaryOptions } from "./summary.js";
export type { EvaluateOptions, FitOptions } from "./trainer.js";
