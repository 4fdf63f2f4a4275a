/** Choosing a backend by name, and the choice made where nobody does. */

import type { Backend } from "../backends/backend.js";
import { describeAbsence, loadAddon } from "../backends/cpu/addon.js";
import { NativeBackend } from "../backends/cpu/native.js";
import { createWasm, prepareWasm } from "../backends/cpu/wasm.js";
import type { WasmVariant } from "../backends/cpu/wasmVariant.js";
import { NullBackend } from "../backends/null/null.js";
import { ReferenceBackend } from "../backends/reference/reference.js";
import { BackendError, ConfigError, MyelinError, unknownName } from "../base/errors.js";
import { backend, setBackendChoice, useBackend } from "./device.js";

/** Names `setBackend` takes. */
export type BackendName = "native" | "wasm" | "reference" | "null";

const backendNames: readonly BackendName[] = ["native", "wasm", "reference", "null"];
/** Those a program runs on where nobody chooses, best first. */
const choices = ["native", "wasm", "reference"] as const satisfies readonly BackendName[];

export interface BackendOptions {
  /** Threads that compute, the caller's included. Default: the cores of the machine. */
  readonly threads?: number;
  /** Of `wasm`: `simd`, `threads` or `relaxed`. Default: the fastest this platform can run. */
  readonly variant?: WasmVariant;
}

const made = new Map<string, Backend>();

/**
 * A backend, or why it can't be had here.
 *
 * In a browser `wasm` must have been loaded before, by the entry point or by `await setBackend("wasm")`.
 * @example findBackend("native", { threads: 2 })
 */
export function findBackend(
  name: BackendName,
  options: BackendOptions = {},
): Backend | { readonly reason: string } {
  const { threads = "", variant = "" } = options;
  const key = name === "wasm" ? `wasm ${threads} ${variant}` : name;
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
    case "wasm":
      return createWasm(options);
    case "reference":
      return new ReferenceBackend();
    case "null":
      return new NullBackend();
    default:
      throw unknownBackend("setBackend", name);
  }
}

/** A name near a known one is a slip; any other names hardware, so that the answer is what there is. */
function unknownBackend(who: string, name: unknown): ConfigError {
  const error = unknownName(who, "a backend", String(name), backendNames);
  if (error.fix) return error;
  const { expected, received } = error;
  const fix = 'Myelin computes on the CPU: "native" in Node, "wasm" in a browser.';
  return new ConfigError({ who, expected, received, fix });
}

/**
 * Runs all later work on the named backend; tensors move there when they are used.
 *
 * With `wasm` the promise resolves once the module is loaded and all threads are there.
 * @throws {BackendError} where it can't be had on this machine, with the reason
 * @example await setBackend("wasm", { threads: 2 })
 */
export async function setBackend(name: BackendName, options: BackendOptions = {}): Promise<void> {
  if (!backendNames.includes(name)) throw unknownBackend("setBackend", name);
  if (name === "wasm") await prepareWasm(options);
  const found = findBackend(name, options);
  if ("reason" in found) throw unavailable("setBackend", name, found.reason);
  await found.ready?.();
  useBackend(found);
}

/** Name and description of the backend in use. @example currentBackend().name */
export function currentBackend(): { readonly name: string; readonly description: string } {
  const { name, description } = backend();
  return { name, description };
}

/** One backend as `backendReport` sees it. */
export interface BackendStatus {
  readonly name: BackendName;
  readonly isAvailable: boolean;
  readonly isInUse: boolean;
  /** What it is, or why it can't be had. */
  readonly description: string;
}

/**
 * The backends in the order in which one is chosen, each with what it is or why it can't be had. None is in use where
 * `MYELIN_BACKEND` names one that can't be had.
 *
 * @example for (const { name, reason } of backendReport()) console.log(name, reason ?? "can be used")
 */
export function backendReport(options: BackendOptions = {}): BackendStatus[] {
  let inUse: string | undefined;
  try {
    inUse = backend().name;
  } catch (error) {
    if (!(error instanceof MyelinError)) throw error;
  }
  return choices.map((name) => {
    const found = findBackend(name, options);
    const isAvailable = !("reason" in found);
    const description = isAvailable ? found.description : found.reason;
    return { name, isAvailable, isInUse: name === inUse, description };
  });
}

function unavailable(who: string, name: string, reason: string): BackendError {
  return new BackendError({
    who,
    expected: `the backend ${name}`,
    received: reason,
    fix: 'Run "npx myelin doctor" to see what is available.',
  });
}

/**
 * The environment variable `MYELIN_BACKEND` forces one; else the first of native, wasm, reference. `MYELIN_ISA` asks for
 * the native one with this instruction set: where it can't be had, no other takes its place.
 */
function chooseBackend(): Backend {
  const forced = globalThis.process?.env?.MYELIN_BACKEND;
  if (forced) {
    if (!backendNames.includes(forced as BackendName)) throw unknownBackend("MYELIN_BACKEND", forced);
    const found = findBackend(forced as BackendName);
    if ("reason" in found) throw unavailable("MYELIN_BACKEND", forced, found.reason);
    return found;
  }
  const reasons: string[] = [];
  for (const name of choices) {
    const found = findBackend(name);
    if (!("reason" in found)) {
      if (name === "reference") warnOfReference(reasons);
      return found;
    }
    if (name === "native" && globalThis.process?.env?.MYELIN_ISA) throw missingInstructions(found.reason);
    reasons.push(`${name}: ${found.reason}`);
  }
  throw unavailable("myelin", "reference", reasons.join("; "));
}

function missingInstructions(reason: string): ConfigError {
  return new ConfigError({
    who: "MYELIN_ISA",
    expected: "an instruction set that the native addon was built for and this processor has",
    received: reason,
    fix: "Unset it to get the best one.",
  });
}

function warnOfReference(reasons: readonly string[]): void {
  console.warn(`[myelin] computing on the reference backend, which is slow. ${reasons.join("; ")}`);
}

setBackendChoice(chooseBackend);
