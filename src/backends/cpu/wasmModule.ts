/**
 * The WASM modules: which of the three this platform can run, and how each is read and compiled.
 *
 * Browsers load this file, so nothing is imported from Node; what it needs it takes from `process.getBuiltinModule`.
 */

import type { WasmVariant } from "./wasmVariant.js";

/** The exports of the modules (cpp/bindings/wasm.cc). Addresses come as int32: `>>> 0`. */
export interface WasmExports {
  readonly __stack_pointer: WebAssembly.Global;
  allocate(bytes: number): number;
  release(address: number, bytes: number): void;
  memoryInUse(): number;
  memoryFree(): number;
  isaName(): number;
  kernelCount(): number;
  kernelName(index: number): number;
  opcodeCount(): number;
  opcodeName(index: number): number;
  textLength(text: number): number;
  lastMessage(): number;
  startTeam(size: number, cores: number, callerMayBlock: number): number;
  readyThreads(): number;
  breakTeam(): void;
  stopTeam(): void;
  load(words: number, count: number): number;
  unload(program: number): void;
  arenaBytes(program: number): number;
  run(
    program: number,
    bindings: number,
    steps: number,
    budget: number,
    stop: number,
    resume: number,
    result: number,
    profile: number,
    profileLength: number,
  ): number;
  peak(threads: number, seconds: number): number;
  bandwidth(threads: number, seconds: number): number;
  cacheBandwidth(threads: number, seconds: number): number;
}

// Written out one by one: bundlers find files by this very form. The same three levels up from src and from dist.
const addresses: Readonly<Record<WasmVariant, URL>> = {
  simd: new URL("../../../prebuilds/wasm/myelin-simd.wasm", import.meta.url),
  threads: new URL("../../../prebuilds/wasm/myelin-threads.wasm", import.meta.url),
  relaxed: new URL("../../../prebuilds/wasm/myelin-relaxed.wasm", import.meta.url),
};

/** Where Node gives its modules; undefined elsewhere. */
const node: typeof process.getBuiltinModule | undefined = globalThis.process?.getBuiltinModule;

const compiled = new Map<WasmVariant, WebAssembly.Module>();

/** Why a variant can't run here, or undefined where it can. */
export function whyNot(variant: WasmVariant): string | undefined {
  if (typeof WebAssembly === "undefined") return "this platform has no WebAssembly";
  if (variant === "simd") return undefined;
  if (!hasSharedMemory()) {
    return "memory can't be shared between threads here: a page needs the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
  }
  if (variant === "relaxed" && !hasRelaxedSimd()) return "this platform has no relaxed SIMD";
  return undefined;
}

function hasSharedMemory(): boolean {
  return typeof SharedArrayBuffer !== "undefined" && globalThis.crossOriginIsolated !== false;
}

// (func (param v128 v128 v128) (result v128) f32x4.relaxed_madd)
const relaxedProbe = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 8, 1, 0x60, 3, 0x7b, 0x7b, 0x7b, 1, 0x7b],
  ...[3, 2, 1, 0],
  ...[10, 13, 1, 11, 0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfd, 0x85, 2, 0x0b],
);

let relaxed: boolean | undefined;

function hasRelaxedSimd(): boolean {
  if (relaxed !== undefined) return relaxed;
  relaxed = WebAssembly.validate(relaxedProbe);
  if (!relaxed && node) {
    // Node 20 has it behind a flag that may be set until the first such module is compiled.
    node("node:v8").setFlagsFromString("--experimental-wasm-relaxed-simd");
    relaxed = WebAssembly.validate(relaxedProbe);
  }
  return relaxed;
}

/** Why a variant could not be fetched or compiled. */
const failures = new Map<WasmVariant, string>();

/**
 * The compiled module: always at once in Node, elsewhere once it has been fetched.
 *
 * @throws {Error} that says what is missing
 */
export function moduleOf(variant: WasmVariant): WebAssembly.Module {
  const known = compiled.get(variant);
  if (known) return known;
  if (!node) throw new Error(failures.get(variant) ?? 'not loaded yet, call await setBackend("wasm")');
  const module = new WebAssembly.Module(node("node:fs").readFileSync(addresses[variant]));
  compiled.set(variant, module);
  return module;
}

/** Fetches and compiles a module, so that `moduleOf` has it; undefined where that fails. */
export async function fetchModule(variant: WasmVariant): Promise<WebAssembly.Module | undefined> {
  try {
    const module =
      compiled.get(variant) ?? (node ? moduleOf(variant) : await compileFrom(addresses[variant]));
    compiled.set(variant, module);
    return module;
  } catch (error) {
    failures.set(variant, error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

async function compileFrom(address: URL): Promise<WebAssembly.Module> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} answers ${response.status} ${response.statusText}`);
  // Compiles while it arrives, where the server names the type.
  const isNamed = response.headers.get("Content-Type")?.startsWith("application/wasm");
  return isNamed ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
