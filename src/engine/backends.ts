/** Choosing a backend by name, and the choice made where nobody does. */

import type { Backend } from "../backends/backend.js";
import { describeAbsence, loadAddon } from "../backends/cpu/addon.js";
import { NativeBackend } from "../backends/cpu/native.js";
import { NullBackend } from "../backends/null/null.js";
import { ReferenceBackend } from "../backends/reference/reference.js";
import { BackendError, unknownName } from "../base/errors.js";
import { backend, setBackendChoice, useBackend } from "./device.js";

/** Names `setBackend` takes. */
export type BackendName = "native" | "wasm" | "reference" | "null";

export interface BackendOptions {
  /** Threads that compute, the caller's included. Default: the cores of the machine. */
  readonly threads?: number;
}

const made = new Map<string, Backend>();

/** A backend, or why it can't be had here. */
export function findBackend(
  name: BackendName,
  options: BackendOptions = {},
): Backend | { readonly reason: string } {
  const key = `${name} ${options.threads ?? ""}`;
  const known = made.get(key);
  if (known) {
    if (name === "native" && options.threads)
      (known as NativeBackend).addon.configure({ threads: options.threads });
    return known;
  }
  const found = make(name, options);
  if (!("reason" in found)) made.set(key, found);
  return found;
}

function make(name: BackendName, options: BackendOptions): Backend | { readonly reason: string } {
  switch (name) {
    case "native": {
      const attempt = loadAddon();
      if (!attempt.addon) return { reason: describeAbsence(attempt.absence) };
      if (options.threads) attempt.addon.configure({ threads: options.threads });
      return new NativeBackend(attempt.addon);
    }
    case "reference":
      return new ReferenceBackend();
    case "null":
      return new NullBackend();
    default:
      throw unknownName("setBackend", "a backend", name, ["native", "wasm", "reference", "null"]);
  }
}

/**
 * Runs all later work on the named backend; tensors move there when they are used.
 *
 * @throws {BackendError} where it can't be had on this machine, with the reason
 * @example await setBackend("reference")
 */
export async function setBackend(name: BackendName, options: BackendOptions = {}): Promise<void> {
  const found = findBackend(name, options);
  if ("reason" in found) {
    throw new BackendError({
      who: "setBackend",
      expected: `the backend ${name}`,
      received: found.reason,
      fix: 'Run "npx myelin doctor" to see what is available.',
    });
  }
  useBackend(found);
}

/** Name and description of the backend in use. */
export function currentBackend(): { readonly name: string; readonly description: string } {
  const { name, description } = backend();
  return { name, description };
}

setBackendChoice(() => {
  const native = findBackend("native");
  if (!("reason" in native)) return native;
  return findBackend("reference") as Backend;
});
