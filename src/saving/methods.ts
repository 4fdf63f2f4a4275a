/** The methods of models that write and read files, attached in one place. */
import { ConfigError } from "../base/errors.js";
import { toConfigValue } from "../base/lookup.js";
import { readFile, readHdf5, readSafetensors, writeFileAtomic, writeSafetensors } from "../formats/index.js";
import { Model } from "../models/index.js";
import { fullState, weightState } from "../models/state.js";
import { checkExtension, writeArchive, writeWeights } from "./archive.js";
import { assignState, readState } from "./state.js";
import { modelToKeras } from "./toKeras.js";

/** Options of `save`. */
export interface SaveOptions {
  /** Keep optimizer, losses and metrics, so that training can go on. Default true. */
  readonly includeOptimizer?: boolean;
}

declare module "../models/model.js" {
  interface Model<O extends string = string> {
    /**
     * Writes the model to a file of Keras 3: layers, weights and, where it is compiled, the optimizer with its state.
     * The file is replaced whole or not at all. Keras reads it, but for classes of your own.
     *
     * @throws {ConfigError} where the model is not built, or holds functions without a name
     * @throws {FileError} where the file can't be written
     * @example await model.save("fashion.keras")
     */
    save(path: string, options?: SaveOptions): Promise<void>;
    /** The bytes that `save` writes, for a browser. */
    toBytes(options?: SaveOptions): Promise<Uint8Array>;
    /**
     * Writes the weights alone, those of random layers' counters included.
     *
     * @param path ends in `.weights.h5`, Keras's format, or `.safetensors`
     * @example await model.saveWeights("fashion.weights.h5")
     */
    saveWeights(path: string): Promise<void>;
    /**
     * Reads weights that `saveWeights` wrote from a model of the same structure.
     *
     * @throws {FormatError} naming all weights that are missing, superfluous or of another shape; then none is changed
     */
    loadWeights(path: string): Promise<void>;
  }
}

Model.prototype.save = async function (path, options) {
  checkExtension("save", path, [".keras"]);
  await writeFileAtomic(path, await this.toBytes(options));
};

Model.prototype.toBytes = async function ({ includeOptimizer = true } = {}) {
  expectBuilt("save", this);
  const isCompiled = includeOptimizer && this.compiled !== undefined;
  if (isCompiled) this.compiled!.optimizer.build(this.trainableWeights);
  const compile = isCompiled
    ? (toConfigValue("save", { ...this.compileOptions, optimizer: this.compiled!.optimizer }) as Record<
        string,
        unknown
      >)
    : null;
  const arrays = await readState(isCompiled ? fullState(this) : weightState(this));
  return writeArchive({ config: modelToKeras(this, compile), arrays });
};

Model.prototype.saveWeights = async function (path) {
  checkExtension("saveWeights", path, weightFiles);
  expectBuilt("saveWeights", this);
  const arrays = await readState(weightState(this));
  await writeFileAtomic(path, path.endsWith(".h5") ? writeWeights(arrays) : writeSafetensors(arrays));
};

Model.prototype.loadWeights = async function (path) {
  checkExtension("loadWeights", path, weightFiles);
  expectBuilt("loadWeights", this);
  const bytes = await readFile(path);
  const arrays = path.endsWith(".h5")
    ? readHdf5(bytes, { file: path }).arrays
    : readSafetensors(bytes, { file: path }).tensors;
  const weights = new Map([...arrays].filter(([place]) => !place.startsWith("optimizer/")));
  assignState("loadWeights", path, weightState(this), weights);
};

/** Endings of files of weights: Keras's, and safetensors. */
const weightFiles = [".weights.h5", ".safetensors"];

function expectBuilt(who: string, model: Model): void {
  if (model.builtShapes) return;
  throw new ConfigError({
    who,
    expected: "a model that has weights",
    received: `"${model.name}", which is not built yet`,
    fix: "Give the first layer { inputShape }, or call model.buildFor([[null, …]]).",
  });
}
