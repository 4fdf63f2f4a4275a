import type { DType } from "../base/dtype.js";
import { FormatError, MyelinError } from "../base/errors.js";
import { type CustomObjects, withCustomObjects } from "../base/lookup.js";
import { readFile } from "../formats/index.js";
import type { SymbolicShape } from "../layers/index.js";
import { type CompileOptions, type Model, modelFromConfig } from "../models/index.js";
import { fullState, weightState } from "../models/state.js";
import { checkExtension, readArchive } from "./archive.js";
import { compileFromKeras, layerFromKeras } from "./fromKeras.js";
import { assignState } from "./state.js";
import type { KerasObject } from "./toKeras.js";

/** Options of `loadModel`. */
export interface LoadModelOptions {
  /** Own classes and functions that the model is made of, by name. */
  readonly customObjects?: CustomObjects;
  /** Restore optimizer, losses and metrics too, where the file has them. Default true. */
  readonly compile?: boolean;
}

/**
 * Reads a model that `model.save` or Keras 3 wrote: its layers, weights and, where it was compiled, the optimizer with
 * its state. Predictions and further training continue bit by bit.
 *
 * @throws {FileError} where the file can't be read, {FormatError} where it is no model file, truncated or damaged
 * @throws {ConfigError} for classes that are neither built in nor among `customObjects`, or options of Keras that
 *   Myelin does not have
 * @example const model = sequential([layers.dense(10, { inputShape: [3] })]);
 * await model.save("model.keras");
 * const loaded = await loadModel("model.keras");
 * loaded.countParams() // 40
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  checkExtension("loadModel", path, [".keras"]);
  return modelFromBytes(await readFile(path), path, options);
}

/**
 * The same from bytes, for a browser. @param name what errors call the file
 *
 * @example const model = sequential([layers.dense(10, { inputShape: [3] })]);
 * await model.save("model.keras");
 * modelFromBytes(await formats.readFile("model.keras")).countParams() // 40
 */
export function modelFromBytes(bytes: Uint8Array, name = "the data", options: LoadModelOptions = {}): Model {
  const { config, arrays } = readArchive(bytes, name);
  const { customObjects = {}, compile = true } = options;
  return withCustomObjects(customObjects, () => {
    const isCompiled = compile && Boolean(config.compile_config?.optimizer);
    const model = rebuilt(name, () => build(config, isCompiled));
    const hasState = isCompiled && arrays.has("optimizer/vars/0");
    const wanted = new Map([...arrays].filter(([place]) => hasState || !place.startsWith("optimizer/")));
    assignState("loadModel", name, hasState ? fullState(model) : weightState(model), wanted);
    return model;
  });
}

function build(config: KerasObject, isCompiled: boolean): Model {
  const model = modelFromConfig(layerFromKeras(config));
  const { input_shape: shape, input_dtypes: dtypes } = (config.build_config ?? {}) as {
    input_shape?: unknown;
    input_dtypes?: readonly DType[];
  };
  if (Array.isArray(shape)) {
    const shapes = Array.isArray(shape[0]) ? (shape as SymbolicShape[]) : [shape as SymbolicShape];
    model.buildFor(shapes, dtypes);
  }
  if (isCompiled) {
    model.compile(compileFromKeras(config.compile_config!) as unknown as CompileOptions);
    model.compiled!.optimizer.build(model.trainableWeights);
  }
  return model;
}

/** A configuration that does not describe a model is a fault of the file; typed errors already say what is wrong. */
function rebuilt(name: string, make: () => Model): Model {
  try {
    return make();
  } catch (error) {
    if (error instanceof MyelinError) throw error;
    throw new FormatError(
      {
        who: "loadModel",
        expected: `the configuration of a model in ${name}`,
        received: error instanceof Error ? error.message : String(error),
        fix: "The file is damaged, or written by another version.",
      },
      { cause: error },
    );
  }
}
