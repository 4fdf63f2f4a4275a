/** Values of a model's variables by their places, and arrays read into them. */
import type { NDArray } from "../base/array.js";
import { FormatError } from "../base/errors.js";
import { formatShape, sameShape } from "../base/shape.js";
import { tensor } from "../engine/create.js";
import { realize } from "../engine/realize.js";
import type { State } from "../models/state.js";

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
