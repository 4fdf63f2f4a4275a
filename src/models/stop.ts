/** Stopping long work between two steps. */
import { AbortedError } from "../base/errors.js";

export interface StopFlag {
  readonly flag: Int32Array;
  throwIfAborted(who: string): void;
  dispose(): void;
}

/** A flag the engine polls between two steps, set when the signal fires. */
export function stopFlag(signal: AbortSignal | undefined): StopFlag {
  const flag = new Int32Array(new SharedArrayBufferOrNot(4));
  const onAbort = () => Atomics.store(flag, 0, 1);
  signal?.addEventListener("abort", onAbort);
  if (signal?.aborted) onAbort();
  return {
    flag,
    throwIfAborted: (who) => throwIfAborted(who, signal),
    dispose: () => signal?.removeEventListener("abort", onAbort),
  };
}

/** Shared where the platform allows it, so that a worker sees the flag. */
const SharedArrayBufferOrNot: new (length: number) => ArrayBuffer =
  typeof SharedArrayBuffer === "undefined"
    ? ArrayBuffer
    : (SharedArrayBuffer as unknown as new (
        length: number,
      ) => ArrayBuffer);

export function throwIfAborted(
  who: string,
  signal: AbortSignal | undefined,
  fix = who === "fit" ? "The weights are those after the last full step." : "",
): void {
  if (!signal?.aborted) return;
  throw new AbortedError(
    {
      who,
      expected: "to run to the end",
      received: "an abort signal",
      fix,
    },
    { cause: signal.reason },
  );
}
