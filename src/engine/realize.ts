/** Computing what is asked for: collects the graph behind tensors, finds or compiles its program, runs it. */
import type { Executable, FaultReport, RunResult } from "../backends/backend.js";
import { bytesPerElement, type DType, viewArray } from "../base/dtype.js";
import { DataError, TraceError } from "../base/errors.js";
import { sizeOf } from "../base/shape.js";
import { type CompileOptions, compile, type Graph } from "../compile/compile.js";
import { allSteps, type Binding, type Program } from "../compile/program.js";
import { primitives } from "../graph/primitive.js";
import { dependencies, formatType, type Storage, setWhenDeep, type Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { dataPrimitive } from "../ops/leaf.js";
import { allocate, backend, onCurrentBackend, outOfMemory, ownerOf } from "./device.js";
import { currentScope, explainTraced, isDifferentiating } from "./trace.js";

/** No machine has a tebibyte to spare; larger programs would be refused for reasons that say nothing. */
const MOST_BYTES = 2 ** 40;

/** A program on a backend, with the data that belong to it. */
export class LoadedProgram {
  readonly executable: Executable;
  private readonly fixed = new Map<Binding, Storage>();

  constructor(readonly program: Program) {
    const largest = program.buffers.reduce((most, { bytes }) => Math.max(most, bytes), program.arenaBytes);
    if (largest > MOST_BYTES) throw outOfMemory(backend(), largest, "more than any machine has");
    this.executable = backend().load(program);
    for (const binding of program.bindings) {
      if (binding.kind === "constant") {
        const { data } = binding.array;
        const storage = allocate(data.byteLength);
        backend().write(storage, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
        this.fixed.set(binding, storage);
      }
    }
    for (const [index, binding] of program.bindings.entries()) {
      if (binding.kind !== "host") continue;
      const spec = program.buffers.find((buffer) => buffer.kind === "bound" && buffer.binding === index)!;
      this.fixed.set(binding, allocate(spec.bytes));
    }
  }

  /**
   * One storage per binding.
   * @param leaf storage of the k-th leaf; `written` where the program writes it
   * @param scalarValue value of the k-th leaf, a number
   */
  bind(
    leaf: (index: number, written: boolean) => Storage,
    scalarValue: (index: number) => number,
    outputs: readonly Storage[],
  ): Storage[] {
    return this.program.bindings.map((binding) => {
      switch (binding.kind) {
        case "leaf":
          return leaf(binding.leaf, binding.written);
        case "output":
          return outputs[binding.output]!;
        case "scalars":
          return this.scalars(scalarValue);
        default:
          return this.fixed.get(binding)!;
      }
    });
  }

  /** New memory for each result. */
  allocateOutputs(): Storage[] {
    return this.program.outputs.map(({ shape, dtype }) => allocate(sizeOf(shape) * bytesPerElement(dtype)));
  }

  private scalars(value: (index: number) => number): Storage {
    const { scalars } = this.program;
    const bytes = new Uint8Array(scalars.length * 8);
    scalars.forEach(({ leaf, dtype }, slot) => {
      viewArray(dtype, bytes.buffer, slot * 8, 1)[0] = value(leaf);
    });
    const storage = allocate(bytes.length);
    backend().write(storage, bytes);
    return storage;
  }
}

/** Programs by structure; the least recently used goes first. */
class ProgramCache {
  private readonly entries = new Map<string, LoadedProgram>();
  private evictions = 0;

  get(key: string): LoadedProgram | undefined {
    const entry = this.entries.get(key);
    if (entry) {
      this.entries.delete(key);
      this.entries.set(key, entry);
    }
    return entry;
  }

  set(key: string, program: LoadedProgram): void {
    this.entries.set(key, program);
    if (this.entries.size <= CACHE_BOUND) return;
    this.entries.delete(this.entries.keys().next().value!);
    if (++this.evictions === CACHE_BOUND) {
      console.warn(
        `[myelin] ${2 * CACHE_BOUND} different computations were compiled, more than the cache of ${CACHE_BOUND} holds: shapes keep changing. ` +
          "Pad to a few lengths, or wrap the code in jit(fn, { batchBound }).",
      );
    }
  }
}

const CACHE_BOUND = 512;
const caches = new WeakMap<object, ProgramCache>();

function cache(): ProgramCache {
  let found = caches.get(backend());
  if (!found) {
    found = new ProgramCache();
    caches.set(backend(), found);
  }
  return found;
}

interface Prepared {
  readonly loaded: LoadedProgram;
  readonly bindings: Storage[];
  finish(result: RunResult): void;
}

const isRealized = (node: Tensor) => node.storage !== undefined || node.primitive.kind === "leaf";

/** Computes the tensors that have no elements yet, all in one program. */
export function realizeSync(tensors: readonly Tensor[]): void {
  const prepared = prepare(tensors);
  if (prepared) prepared.finish(prepared.loaded.executable.runSync(prepared.bindings, 1));
}

/**
 * Computes the tensors that have no elements yet, all in one program, without blocking where the backend works beside
 * JavaScript. Reading a value does it too; several tensors at once share what they have in common.
 *
 * @example const [total, count] = [sum(ones([3])), tensor(3)];
 * await realize([total, count]);
 * div(total, count) // 1
 */
export async function realize(tensors: readonly Tensor[]): Promise<void> {
  const prepared = prepare(tensors);
  if (!prepared) return;
  const { executable, program } = prepared.loaded;
  // A function of the host may be asynchronous; everything else is soonest done at once.
  const { synchronous, prefersRun } = backend();
  const waits = !synchronous || prefersRun || callsHost(program);
  const run = waits ? await executable.run(prepared.bindings, 1) : executable.runSync(prepared.bindings, 1);
  prepared.finish(run);
}

function callsHost(program: Program): boolean {
  for (const { step } of allSteps(program.steps)) if (step.kind === "yield") return true;
  return false;
}

function prepare(tensors: readonly Tensor[]): Prepared | undefined {
  const wanted = [...new Set(tensors)].filter((t) => t.storage === undefined);
  if (wanted.length === 0) return undefined;
  for (const node of wanted) if (node.isDisposed) throw disposedError(node);
  const order = topologicalOrder(wanted, isRealized);
  for (const node of order) {
    if (node.storage !== undefined || node.primitive.kind !== "leaf") continue;
    if (node.isDisposed) throw disposedError(node);
    if (node.payload.trace) explainTraced(node);
  }
  const roots = [...wanted];
  for (const node of order) {
    // A node that is computed a second time keeps its elements from now on.
    if (node.storage === undefined && node.scheduled > 0 && keeps(node) && !roots.includes(node))
      roots.push(node);
  }
  const key = structure(order, roots);
  let loaded = cache().get(key);
  if (!loaded) {
    loaded = new LoadedProgram(
      compileGraph({ outputs: roots, updates: [], isLeaf: isRealized }, { foldScalars: false }),
    );
    cache().set(key, loaded);
  }
  for (const node of order) if (node.storage === undefined) node.scheduled++;
  const leaves = order.filter((node) => isRealized(node) || node.payload.scalar !== undefined);
  const outputs = loaded.allocateOutputs();
  const bindings = loaded.bind(
    (index) => storageOf(leaves[index]!),
    (index) => leaves[index]!.payload.scalar!,
    outputs,
  );
  return {
    loaded,
    bindings,
    finish: (result) => {
      if (result.fault) throw faultError(result.fault);
      roots.forEach((root, i) => {
        root.storage = outputs[i]!;
        if (!isDifferentiating()) root.becomeLeaf(dataPrimitive);
      });
    },
  };
}

let compiling = false;

/** Compiles a graph; nothing is computed meanwhile, however long the chains are that the passes build. */
export function compileGraph(graph: Graph, options: CompileOptions): Program {
  compiling = true;
  try {
    return compile(graph, options);
  } finally {
    compiling = false;
  }
}

setWhenDeep((node) => {
  // In a trace nothing can be computed yet; a derivative needs its graph; a promise would come too late.
  if (compiling || currentScope() || isDifferentiating() || !backend().synchronous) return;
  if (node.primitive.name === "pick") return; // whoever reads it has it as its input
  const deep = node.inputs.filter((input) => input.depth >= node.depth - 1).map(viewed);
  // Variables assigned in the same loop stand behind the same graph: all in one program.
  realizeSync([...deep, ...unreadValues()]);
  node.depth = 1;
});

/** What keeps a graph alive until it is read: a variable with a value that is not computed. */
export interface Holder {
  readonly unread: Tensor | undefined;
}
const holders = new Set<WeakRef<Holder>>();
const references = new WeakMap<Holder, WeakRef<Holder>>();

/** Notes that `unread` is set. */
export function holdsGraph(holder: Holder): void {
  const reference = references.get(holder) ?? new WeakRef(holder);
  references.set(holder, reference);
  holders.add(reference);
}

function unreadValues(): Tensor[] {
  const values: Tensor[] = [];
  for (const reference of holders) {
    const unread = reference.deref()?.unread;
    if (unread === undefined) holders.delete(reference);
    else if (unread.depth < Number.POSITIVE_INFINITY) values.push(unread);
  }
  return values;
}

/** The node whose elements a chain of views shows: computing it is enough, and never more than was asked for. */
function viewed(node: Tensor): Tensor {
  let base = node;
  while (base.storage === undefined && base.primitive.kind === "view") base = base.inputs[0]!;
  return base;
}

function keeps(node: Tensor): boolean {
  return (
    node.primitive.kind !== "view" &&
    node.primitive.kind !== "leaf" &&
    node.outputs.length === 1 &&
    node.primitive.name !== "iota"
  );
}

/** The graph's structure as a text: signatures and edges; leaves by type only, numbers by dtype only. */
function structure(order: readonly Tensor[], roots: readonly Tensor[]): string {
  const number = new Map<Tensor, number>();
  let key = "";
  for (const node of order) {
    number.set(node, number.size);
    if (node.storage !== undefined) key += `L${node.dtype}${node.shape}`;
    else {
      key += node.signature;
      if (node.payload.constant) key += `c${node.id}`;
      for (const input of dependencies(node)) key += `,${number.get(input)}`;
    }
    key += ";";
  }
  return `${key}>${roots.map((root) => number.get(root))}`;
}

function disposedError(node: Tensor): TraceError {
  return new TraceError({
    who: "read",
    expected: "a tensor that still has its elements",
    received: `a disposed ${formatType(node)}`,
    fix: "Call dispose() after the last use, or leave it to the collector.",
  });
}

/** The elements of a realized tensor on the current backend. */
export function storageOf(tensor: Tensor): Storage {
  if (tensor.isDisposed) throw disposedError(tensor);
  const storage = onCurrentBackend(tensor.storage!);
  tensor.storage = storage;
  return storage;
}

/** The bytes of a realized tensor as a typed array of its own. */
export function readElements<D extends DType>(tensor: Tensor<D>) {
  const storage = tensor.storage!;
  const bytes = ownerOf(storage)
    .read(storage)
    .slice(0, tensor.size * bytesPerElement(tensor.dtype));
  return viewArray(tensor.dtype, bytes.buffer, 0, tensor.size);
}

/** What the user sees when a kernel found a fault in the data: its record says it. */
export function faultError(fault: FaultReport): DataError {
  const primitive = primitives().get(fault.label);
  if (primitive?.kind !== "kernel" || !primitive.fault) throw new Error(`${fault.label} reported a fault`);
  return new DataError(
    { who: primitive.name, ...primitive.fault(fault.index, fault.value) },
    { cause: fault },
  );
}
