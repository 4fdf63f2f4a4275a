import { ConfigError, nearestName } from "../base/errors.js";
import { customObject, type Serialized } from "../base/lookup.js";
import { Activation, ReLU, Softmax } from "./activation.js";
import { Conv2D } from "./convolution.js";
import { Dense } from "./dense.js";
import { Dropout } from "./dropout.js";
import { Embedding, Masking } from "./embedding.js";
import { type AnyLayer, Layer, type LayerClass } from "./layer.js";
import { Add, Average, Concatenate, Maximum, Multiply } from "./merging.js";
import { BatchNormalization } from "./normalization.js";
import { AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D } from "./pooling.js";
import { SimpleRNN } from "./recurrent.js";
import { Rescaling } from "./rescaling.js";
import { Flatten, Reshape } from "./reshaping.js";

/** Layer classes by the names that configurations use. */
export const layerClasses: Readonly<Record<string, LayerClass>> = {
  Activation,
  Add,
  Average,
  AveragePooling2D,
  BatchNormalization,
  Concatenate,
  Conv2D,
  Dense,
  Dropout,
  Embedding,
  Flatten,
  GlobalAveragePooling2D,
  Masking,
  Maximum,
  MaxPooling2D,
  Multiply,
  ReLU,
  Rescaling,
  Reshape,
  SimpleRNN,
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
  return new found({ ...config });
}
