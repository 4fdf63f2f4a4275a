import { ConfigError, nearestName } from "../base/errors.js";
import { customObject, type Serialized } from "../base/lookup.js";
import { Activation, ReLU, Softmax } from "./activation.js";
import { Dense } from "./dense.js";
import { type AnyLayer, Layer, type LayerClass } from "./layer.js";
import { Flatten, Reshape } from "./reshaping.js";

/** Layer classes by the names that configurations use. */
export const layerClasses: Readonly<Record<string, LayerClass>> = {
  Activation,
  Dense,
  Flatten,
  ReLU,
  Reshape,
  Softmax,
} as unknown as Readonly<Record<string, LayerClass>>;

/**
 * A new layer from its configuration, with weights of its own.
 *
 * @throws {ConfigError} for a class that is neither built in nor among the custom objects
 */
export function layerFromConfig({ className, config }: Serialized): AnyLayer {
  const custom = customObject(className);
  const found = typeof custom === "function" ? (custom as LayerClass) : layerClasses[className];
  if (!found || !(found.prototype instanceof Layer)) {
    const near = nearestName(className, Object.keys(layerClasses));
    throw new ConfigError({
      who: "layerFromConfig",
      expected: `a known class for the layer "${String(config.name)}"`,
      received: JSON.stringify(className),
      fix: `Pass your own classes: loadModel(path, { customObjects: { ${className} } }).${near ? ` Or did you mean ${near}?` : ""}`,
    });
  }
  return new found(withoutNulls(config));
}

/** JSON has no undefined: an option that was not given is null or absent. */
function withoutNulls(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
}
