import { FormatError, MyelinError } from "../base/errors.js";
import { type CustomObjects, withCustomObjects } from "../base/lookup.js";
import { readFile } from "../formats/index.js";
import { type CompileOptions, type Model, modelFromConfig } from "../models/index.js";
import { checkExtension, readArchive } from "./archive.js";
import { assignState, fullState } from "./state.js";

/** Options of `loadModel`. */
export interface LoadModelOptions {
  /** Own classes and functions that the model is made of, by name. */
  readonly customObjects?: CustomObjects;
  /** Restore optimizer, losses and metrics too, where the file has them. Default true. */
  readonly compile?: boolean;
}

/**
 * Reads a model that `model.save` wrote: its layers, weights and, where it was compiled, the optimizer with its state.
 * Predictions and further training continue bit by bit.
 *
 * @throws {FileError} where the file can't be read, {FormatError} where it is no model file, truncated or damaged
 * @throws {ConfigError} for classes that are neither built in nor among `customObjects`
 * @example const model = await loadModel("fashion.keras")
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  checkExtension("loadModel", path, [".keras"]);
  return modelFromBytes(await readFile(path), path, options);
}

/** The same from bytes, for a browser. @param name what errors call the file */
export function modelFromBytes(bytes: Uint8Array, name = "the data", options: LoadModelOptions = {}): Model {
  const { config, arrays } = readArchive(bytes, name);
  const { customObjects = {}, compile = true } = options;
  return withCustomObjects(customObjects, () => {
    const model = rebuilt(name, () => {
      const made = modelFromConfig(config);
      made.buildFor(config.build.inputShapes, config.build.dtypes ?? undefined);
      return made;
    });
    const isCompiled = compile && config.compile !== null;
    if (isCompiled) {
      model.compile(config.compile as unknown as CompileOptions);
      model.compiled!.optimizer.build(model.trainableWeights);
    }
    const state = fullState(model);
    const wanted = isCompiled
      ? arrays
      : new Map([...arrays].filter(([place]) => !place.startsWith("optimizer/")));
    assignState("loadModel", name, state, wanted);
    return model;
  });
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
