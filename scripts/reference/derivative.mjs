// Whether an operation has a derivative, found out by taking one of what an example computes.
import { vjp } from "../../dist/autodiff/vjp.js";
import { Tensor } from "../../dist/index.js";

/**
 * `operation`, which sets `found.derivative` when it is given a float tensor: whether the gradient of one of its
 * results arrives at one of its arguments.
 */
export function observed(operation, found) {
  return (...parameters) => {
    const result = operation(...parameters);
    const inputs = floats(parameters);
    if (inputs.length > 0) found.derivative ||= floats([result]).some((output) => reaches(output, inputs));
    return result;
  };
}

function reaches(output, inputs) {
  try {
    return vjp([output], inputs).some((gradient) => gradient !== null);
  } catch {
    return false; // operations without a derivative say so
  }
}

function floats(values) {
  return values.flatMap((value) => {
    if (value instanceof Tensor) return value.dtype.startsWith("float") ? [value] : [];
    if (Array.isArray(value)) return floats(value);
    if (value && Object.getPrototypeOf(value) === Object.prototype) return floats(Object.values(value));
    return [];
  });
}
