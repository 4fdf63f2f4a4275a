/** What a run on the addon and a run on WASM have in common: calls into JavaScript between two steps, and faults. */

import type { NDArray } from "../../base/array.js";
import { bytesPerElement, viewArray } from "../../base/dtype.js";
import { BackendError, DataError } from "../../base/errors.js";
import { sizeOf } from "../../base/shape.js";
import type { Program, Step, YieldStep } from "../../compile/program.js";
import type { Storage } from "../../graph/tensor.js";
import type { FaultReport } from "../backend.js";
import { FAULT, RESULT } from "./addon.js";

/** The host calls of one program. */
export class HostCalls {
  private readonly yields: readonly YieldStep[];

  /**
   * @param flat the steps as `encode` numbers them
   * @param bytesOf the bytes of a storage, in place
   */
  constructor(
    private readonly program: Program,
    private readonly flat: readonly Step[],
    private readonly bytesOf: (storage: Storage) => Uint8Array,
  ) {
    this.yields = flat.filter((step) => step.kind === "yield");
  }

  /** Whether the engine returned to have a host call made. */
  isAsked(result: Int32Array): boolean {
    return result[RESULT.yield]! >= 0 && result[RESULT.fault] === FAULT.none;
  }

  /**
   * Makes the call the engine returned for; its results are in place when the promise resolves.
   * @param times where the milliseconds it takes are added, by place of the step
   */
  async call(
    result: Int32Array,
    bindings: readonly Storage[],
    times: Map<number, number> | undefined,
  ): Promise<void> {
    const step = this.yields[result[RESULT.yield]!]!;
    const began = performance.now();
    this.put(step, bindings, await step.host(this.inputs(step, bindings)));
    this.addTime(times, step, performance.now() - began);
  }

  /** The same at once. @throws {DataError} where the function returns a promise */
  callSync(result: Int32Array, bindings: readonly Storage[], times: Map<number, number> | undefined): void {
    const step = this.yields[result[RESULT.yield]!]!;
    const began = performance.now();
    const outputs = step.host(this.inputs(step, bindings));
    if (outputs instanceof Promise) {
      throw new DataError({
        who: "hostCall",
        expected: "a synchronous function in a synchronous run",
        received: "a promise",
        fix: "Run the program with await.",
      });
    }
    this.put(step, bindings, outputs);
    this.addTime(times, step, performance.now() - began);
  }

  private addTime(times: Map<number, number> | undefined, step: YieldStep, milliseconds: number): void {
    if (!times) return;
    const place = this.flat.indexOf(step);
    times.set(place, (times.get(place) ?? 0) + milliseconds);
  }

  private inputs(step: YieldStep, bindings: readonly Storage[]): NDArray[] {
    return step.reads.map((index) => {
      const view = this.view(index, bindings);
      return { ...view, data: view.data.slice() };
    });
  }

  private put(step: YieldStep, bindings: readonly Storage[], outputs: readonly NDArray[]): void {
    step.writes.forEach((index, i) => {
      this.view(index, bindings).data.set(outputs[i]!.data);
    });
  }

  private view(index: number, bindings: readonly Storage[]): NDArray {
    const { buffer, dtype, shape } = this.program.operands[index]!;
    const spec = this.program.buffers[buffer]!;
    if (spec.kind !== "bound") throw new Error("a host call reads and writes bound buffers");
    const bytes = this.bytesOf(bindings[spec.binding]!);
    const length = Math.min(sizeOf(shape), bytes.length / bytesPerElement(dtype));
    return { shape, dtype, data: viewArray(dtype, bytes.buffer, bytes.byteOffset, length) };
  }
}

/** The first fault of a run, from its result words. */
export function faultOf(result: Int32Array, flat: readonly Step[]): FaultReport | null {
  const code = result[RESULT.fault]!;
  if (code === FAULT.none) return null;
  const index = result[RESULT.faultIndexHigh]! * 2 ** 32 + (result[RESULT.faultIndexLow]! >>> 0);
  return {
    kind: code === FAULT.matrix ? "matrix" : "indexRange",
    label: flat[result[RESULT.faultStep]!]?.label ?? "program",
    index,
    value: result[RESULT.faultValue]!,
  };
}

/** What the verifier of programs said: never the user's fault. */
export function rejectedProgram(who: string, why: string, cause?: unknown): BackendError {
  return new BackendError(
    {
      who,
      expected: "a valid program",
      received: why,
      fix: "This is a defect of Myelin: please report it.",
    },
    cause === undefined ? {} : { cause },
  );
}
