/** The variables of a model under stable places, and arrays read into them. */
import type { NDArray } from "../base/array.js";
import { FormatError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { tensor } from "../engine/create.js";
import { realize } from "../engine/realize.js";
import type { Variable } from "../engine/variable.js";
import type { AnyLayer } from "../layers/index.js";
import type { Model } from "../models/index.js";

/** Variables by place: `layers/dense/vars/0`. Places follow structure and class, not names, so any equal model fits. */
export type State = ReadonlyMap<string, Variable>;

/** Places of a model's weights. A shared layer has one place, the first. */
export function weightState(model: AnyLayer): State {
  const state = new Map<string, Variable>();
  const seen = new Set<AnyLayer>();
  const visit = (layer: AnyLayer, prefix: string) => {
    if (seen.has(layer)) return;
    seen.add(layer);
    layer.ownVariables.forEach((variable, i) => {
      state.set(`${prefix}${layer.variableFolder}/${i}`, variable);
    });
    for (const [place, inner] of layer.namedSublayers()) visit(inner, `${prefix}${place}/`);
  };
  visit(model, "");
  return state;
}

/** Weights, and where the model is compiled its optimizer's state. */
export function fullState(model: Model): State {
  const state = new Map(weightState(model));
  model.compiled?.optimizer.variables.forEach((variable, i) => {
    state.set(`optimizer/vars/${i}`, variable);
  });
  return state;
}

/** Files of Keras may lack the states of random generators: then the layer keeps its own. */
const randomState = "seed_generator/";

/** The values of all variables, computed in one go. */
export async function readState(state: State): Promise<Map<string, NDArray>> {
  const values = [...state].map(([place, variable]) => [place, variable.value] as const);
  await realize(values.map(([, value]) => value));
  const arrays = new Map<string, NDArray>();
  for (const [place, value] of values) {
    arrays.set(place, { shape: value.shape, dtype: value.dtype, data: await value.data() });
  }
  return arrays;
}

/**
 * Puts arrays into variables of the same places. Nothing is changed where anything does not fit.
 *
 * @throws {FormatError} naming all missing, superfluous and mismatched arrays at once
 */
export function assignState(
  who: string,
  file: string,
  state: State,
  arrays: ReadonlyMap<string, NDArray>,
): void {
  const problems: string[] = [];
  for (const [place, variable] of state) {
    const array = arrays.get(place);
    const name = `${place} ("${variable.name}")`;
    if (!array) {
      if (!place.includes(randomState)) problems.push(`${name} is missing`);
    } else if (!sameShape(array.shape, variable.shape)) {
      problems.push(
        `${name} has shape ${formatShape(array.shape)} instead of ${formatShape(variable.shape)}`,
      );
    } else if (array.dtype !== variable.dtype) {
      problems.push(`${name} has dtype ${array.dtype} instead of ${variable.dtype}`);
    }
  }
  for (const place of arrays.keys()) {
    if (!state.has(place) && !place.includes(randomState)) problems.push(`${place} is not in the model`);
  }
  if (problems.length > 0) {
    throw new FormatError({
      who,
      expected: `weights of this model in ${file}`,
      received: problems.join("; "),
      fix: "The file belongs to a model of another structure.",
    });
  }
  for (const [place, variable] of state) {
    const array = arrays.get(place);
    if (array) variable.assign(tensor(array));
  }
}
