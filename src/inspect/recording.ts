import { ConfigError } from "../base/errors.js";
import { flatten, type Tree } from "../base/tree.js";
import { readElements, realize } from "../engine/realize.js";
import { atOnce, record, Trace } from "../engine/trace.js";
import { rewrite } from "../graph/rewrite.js";
import { isTensor, nextNodeId, type Tensor } from "../graph/tensor.js";
import { scalar } from "../ops/leaf.js";
import { parameterNames } from "./parameterNames.js";
import { valueText } from "./valueText.js";

/** The graph of a function, with its arguments and variables as named leaves. */
export class Recording {
  readonly results: readonly Tensor[];
  /** Names of arguments and variables. */
  readonly names = new Map<Tensor, string>();
  private readonly actual = new Map<Tensor, Tensor>();
  private readonly firstId: number;

  /** Runs the function once on placeholders. Numbers among the arguments are float32 scalars inside. */
  constructor(who: string, fn: (...args: never[]) => unknown, args: readonly unknown[]) {
    const trace = new Trace();
    this.firstId = nextNodeId();
    const own = parameterNames(fn, args.length);
    const value = record(trace, () =>
      atOnce(fn(...(args.map((arg, i) => this.placeholders(trace, arg, own[i]!, "")) as never[]))),
    );
    this.results = flatten(value as Tree<Tensor>, isTensor).leaves;
    if (this.results.length === 0) {
      throw new ConfigError({ who, expected: "a function that returns a tensor", received: typeof value });
    }
    for (const slot of trace.variables()) {
      const leaf = trace.leafOf(slot);
      this.names.set(leaf, slot.name);
      this.actual.set(leaf, slot.value);
    }
  }

  /** A node that was there before the function ran, or that nothing computes. */
  isLeaf(node: Tensor): boolean {
    return node.primitive.kind === "leaf" || node.id < this.firstId;
  }

  /**
   * The values of nodes of the graph, or of what was built on it, for the arguments that were given, as texts;
   * undefined for nodes with several outputs.
   */
  async values(nodes: readonly Tensor[]): Promise<(string | undefined)[]> {
    const replace = rewrite(
      nodes,
      (node, original) => this.actual.get(original) ?? node,
      (node) => this.isLeaf(node),
    );
    const computable = nodes.map(replace);
    const isSingle = ({ outputs, payload }: Tensor) => outputs.length === 1 && !payload.bodies;
    await realize(computable.filter(isSingle));
    return computable.map((node) =>
      isSingle(node) ? valueText(readElements(node), node.shape, node.dtype) : undefined,
    );
  }

  /** The argument with a placeholder for each tensor and number; `path` is where it stands in a nested argument. */
  private placeholders(trace: Trace, value: unknown, argument: string, path: string): unknown {
    if (isTensor(value) || typeof value === "number") {
      const actual = isTensor(value) ? value : scalar(value, "float32");
      const leaf = trace.argument({ shape: actual.shape, dtype: actual.dtype });
      this.names.set(leaf, this.unusedName(path.startsWith(".") ? path.slice(1) : argument + path, argument));
      this.actual.set(leaf, actual);
      return leaf;
    }
    if (Array.isArray(value))
      return value.map((item, i) => this.placeholders(trace, item, argument, `${path}[${i}]`));
    if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          this.placeholders(trace, item, argument, `${path}.${key}`),
        ]),
      );
    }
    return value;
  }

  private unusedName(name: string, argument: string): string {
    const taken = new Set(this.names.values());
    return taken.has(name) ? `${argument}.${name}` : name;
  }
}
