import "./methods.js";

export {
  type BackendName,
  type BackendOptions,
  type BackendStatus,
  backendReport,
  currentBackend,
  findBackend,
  setBackend,
} from "./backends.js";
export { type CheckGradientsOptions, checkGradients, type GradientComparison } from "./checkGradients.js";
export { type CountedOptions, nonzero, unique } from "./counted.js";
export { type NestedArray, type TensorData, type TensorOptions, tensor } from "./create.js";
export { grad, type ValueAndGradients, valueAndGrad } from "./gradients.js";
export { hessian, hessianVectorProduct, jacobian, jvp } from "./jacobian.js";
export { CompiledFunction, Completed, type JitOptions, type Jitted, jit, type Value } from "./jit.js";
export { print } from "./print.js";
export { realize } from "./realize.js";
export { Variable, type VariableOptions, variable } from "./variable.js";
