/** The variables of a model under places that files and backups keep them by. */
import type { Variable } from "../engine/variable.js";
import type { AnyLayer } from "../layers/index.js";
import type { Model } from "./model.js";

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
