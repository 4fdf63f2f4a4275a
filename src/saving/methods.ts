/** The methods of models that write and read files, attached in one place. */
import { ConfigError } from "../base/errors.js";
import { serialize, toConfigValue } from "../base/lookup.js";
import { readFile, readSafetensors, writeFileAtomic, writeSafetensors } from "../formats/index.js";
import { Model } from "../models/index.js";
import { checkExtension, writeArchive } from "./archive.js";
import { assignState, fullState, readState, weightState } from "./state.js";

/** Options of `save`. */
export interface SaveOptions {
  /** Keep optimizer, losses and metrics, so that training can go on. Default true. */
  readonly includeOptimizer?: boolean;
}

declare module "../models/model.js" {
  interface Model<O extends string = string> {
    /**
     * Writes the model to a file: layers, weights and, where it is compiled, the optimizer with its state. The file
     * is replaced whole or not at all.
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
     * @param path a safetensors file
     * @example await model.saveWeights("fashion.safetensors")
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
  const build = builtShapes("save", this);
  const isCompiled = includeOptimizer && this.compiled !== undefined;
  if (isCompiled) this.compiled!.optimizer.build(this.trainableWeights);
  const compile = isCompiled
    ? (toConfigValue("save", { ...this.compileOptions, optimizer: this.compiled!.optimizer }) as Record<
        string,
        unknown
      >)
    : null;
  const arrays = await readState(isCompiled ? fullState(this) : weightState(this));
  return writeArchive({ config: { ...serialize(this), build, compile }, arrays });
};

Model.prototype.saveWeights = async function (path) {
  checkExtension("saveWeights", path, [".safetensors"]);
  builtShapes("saveWeights", this);
  await writeFileAtomic(path, writeSafetensors(await readState(weightState(this))));
};

Model.prototype.loadWeights = async function (path) {
  checkExtension("loadWeights", path, [".safetensors"]);
  builtShapes("loadWeights", this);
  const { tensors } = readSafetensors(await readFile(path), { file: path });
  assignState("loadWeights", path, weightState(this), tensors);
};

function builtShapes(who: string, model: Model) {
  if (model.builtShapes) return { inputShapes: model.builtShapes, dtypes: model.inputDTypes ?? null };
  throw new ConfigError({
    who,
    expected: "a model that has weights",
    received: `"${model.name}", which is not built yet`,
    fix: "Give the first layer { inputShape }, or call model.buildFor([[null, …]]).",
  });
}
