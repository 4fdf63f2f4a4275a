import type { DType } from "../base/dtype.js";
import { ConfigError } from "../base/errors.js";
import { customObject, isSerialized, lookUp, type NameIn, type Serialized } from "../base/lookup.js";
import type { Shape } from "../base/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Constant, Identity, Ones, Zeros } from "./constants.js";
import { Initializer } from "./initializer.js";
import { Orthogonal } from "./orthogonal.js";
import {
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  LecunNormal,
  LecunUniform,
  RandomNormal,
  RandomUniform,
  TruncatedNormal,
  VarianceScaling,
} from "./random.js";

type InitializerClass = new (config: Record<string, never>) => Initializer;

const classes = {
  zeros: Zeros,
  ones: Ones,
  constant: Constant,
  identity: Identity,
  randomNormal: RandomNormal,
  randomUniform: RandomUniform,
  truncatedNormal: TruncatedNormal,
  varianceScaling: VarianceScaling,
  glorotUniform: GlorotUniform,
  glorotNormal: GlorotNormal,
  heUniform: HeUniform,
  heNormal: HeNormal,
  lecunUniform: LecunUniform,
  lecunNormal: LecunNormal,
  orthogonal: Orthogonal,
} satisfies Readonly<Record<string, InitializerClass>>;

/** Initializers by name. */
export const initializerNames: Readonly<Record<string, InitializerClass>> = classes;

/** A function of shape, dtype and key that serves as an initializer. */
export type InitializerFunction = (shape: Shape, dtype: DType, key: number) => Tensor;

/** What layers take as an initializer: a name, an object, a function, or one from a configuration. */
export type InitializerLike = NameIn<typeof classes> | Initializer | InitializerFunction | Serialized;

/**
 * The initializer of that name, or the one given.
 *
 * @throws {ConfigError} for an unknown name, with the nearest one
 * @example initializers.get("heNormal")
 */
export function get(initializer: InitializerLike): Initializer {
  if (initializer instanceof Initializer) return initializer;
  if (typeof initializer === "function") return new FromFunction(initializer);
  const { className, config } = isSerialized(initializer)
    ? initializer
    : { className: initializer, config: {} };
  const custom = customObject(className);
  if (typeof custom === "function") {
    return custom.prototype instanceof Initializer
      ? new (custom as InitializerClass)(config as Record<string, never>)
      : new FromFunction(custom as InitializerFunction);
  }
  if (typeof className !== "string") {
    throw new ConfigError({
      who: "initializers.get",
      expected: "a name, an initializer or a function",
      received: typeof className,
    });
  }
  const key = className.charAt(0).toLowerCase() + className.slice(1);
  return new (lookUp("initializers.get", "an initializer", initializerNames, key))(
    config as Record<string, never>,
  );
}

class FromFunction extends Initializer {
  constructor(readonly call: InitializerFunction) {
    super();
  }
}
