/**
 * The native addon: its types, and the loader that finds it or says why it can't be had.
 *
 * Browsers load this file too (as a sibling of the WASM backend), so it imports nothing from Node; what it needs it
 * takes from `process.getBuiltinModule`, which every supported Node has and a browser lacks.
 */

/** What `info()` tells about the engine and the machine. */
export interface AddonInfo {
  /** The instruction set in use: `baseline`, `avx2`, `avx512` or `neon`. */
  readonly isa: string;
  /** All that were built and that this processor supports, best first. */
  readonly isas: readonly string[];
  readonly processor: string;
  /** The processor's features that matter here, separated by blanks. */
  readonly features: string;
  /** Threads of the team, the caller included. */
  readonly threads: number;
  /** Cores the process may use. */
  readonly cores: number;
  /** Bytes of the memory pool handed out, kept for reuse, and its bound. */
  readonly poolInUse: number;
  readonly poolFree: number;
  readonly poolBytes: number;
  /** Bytes of the arena that all programs share: the need of the largest that has run. */
  readonly arenaBytes: number;
}

export interface AddonMemory {
  readonly buffer: ArrayBuffer;
  readonly address: number;
}

/** Handle of a loaded program, good in the thread that loaded it. */
export type ProgramHandle = number;

/** Words of a result array. */
export const RESULT_WORDS = 16;
/** Where a run's results stand in its result array. */
export const RESULT = {
  /** Iterations completed in this call. */
  iterations: 0,
  /** 0, or the first fault (see `FAULT`): iterations after the completed ones have written no donated buffer. */
  fault: 1,
  /** Number of the faulting step in the flat list of steps, bodies included. */
  faultStep: 2,
  faultIndexLow: 3,
  faultIndexHigh: 4,
  faultValue: 5,
  /** Number of the host call a `yield` asks for, or −1. */
  yield: 6,
  /** Pass it as `resume` to go on behind the yield. */
  resume: 7,
  /** 1 where the stop flag ended the run; a run that its time budget ended just has fewer iterations. */
  stopped: 8,
} as const;

export const FAULT = { none: 0, indexRange: 1, matrix: 2 } as const;

/**
 * Version of what a program's words mean, PROGRAM_VERSION in cpp/runtime/program.h: an addon of another one was built from
 * other sources and is not used.
 */
export const PROGRAM_VERSION = 3;

/** The exports of `myelin.node` (cpp/bindings/node.cc). */
export interface Addon {
  /** The version of programs it was built for. */
  readonly programVersion: number;
  info(): AddonInfo;
  /** Waits until the engine is at rest. `isa` holds for programs loaded from then on. */
  configure(options: { threads?: number; isa?: string; poolBytes?: number }): void;
  /** Names of the kernels and of the loop instructions; a name's index is its number in a program. */
  kernels(): string[];
  opcodes(): string[];
  /**
   * Memory outside the JavaScript heap, 256-byte aligned, contents undefined. At the pool's bound the memory is
   * JavaScript's own (aligned as it comes), unless `unbounded` (for variables and resident data). Goes back to the
   * pool when the buffer is collected or released.
   */
  allocate(bytes: number, unbounded?: boolean): AddonMemory;
  /** Detaches the buffer; its memory is free for others at once. */
  release(buffer: ArrayBuffer): void;
  addressOf(memory: ArrayBuffer | ArrayBufferView): number;
  /** Throws an `Error` with the verifier's message where the words are no valid program. */
  load(words: Int32Array): ProgramHandle;
  /** Queued runs of the program still take place. */
  unload(handle: ProgramHandle): void;
  arenaBytes(handle: ProgramHandle): number;
  /**
   * Runs up to `steps` iterations on the calling thread and the pool, after everything queued before.
   *
   * @param bindings address of each bound buffer; the caller keeps their owners alive
   * @param resume 0, or the resume position of an earlier result
   * @param profile where the times of the steps are written (cpp/runtime/profile.h), zeroed; not measured without
   */
  runSync(
    handle: ProgramHandle,
    bindings: Float64Array,
    steps: number,
    resume: number,
    result: Int32Array,
    profile?: Float64Array,
  ): void;
  /**
   * The same on the engine's thread, first come, first served. `result` is written before the promise is settled.
   *
   * @param budgetMs ends the run after the first iteration that passes it; 0: no limit
   * @param stop element 0 is polled between iterations: nonzero ends the run
   */
  run(
    handle: ProgramHandle,
    bindings: Float64Array,
    steps: number,
    budgetMs: number,
    stop: Int32Array,
    resume: number,
    result: Int32Array,
    profile?: Float64Array,
  ): Promise<void>;
  /** Measured now: FLOP/s of fused multiply-adds, bytes/s of a triad beyond the caches and within that of each core. */
  peak(threads: number, seconds: number): number;
  bandwidth(threads: number, seconds: number): number;
  cacheBandwidth(threads: number, seconds: number): number;
}

/** Why there is no addon. */
export type AddonAbsence =
  /** Not Node: a browser, or a runtime that offers no `process.getBuiltinModule`. */
  | { readonly kind: "notNode" }
  /** No file was built or shipped for this platform. */
  | { readonly kind: "notBuilt"; readonly path: string }
  /** The file was built from other sources than this package, of `version`. */
  | { readonly kind: "stale"; readonly path: string; readonly version: number }
  /** The file is there and does not load or start: a missing symbol, an unsupported processor, MYELIN_ISA. */
  | { readonly kind: "failed"; readonly path: string; readonly message: string };

export type AddonAttempt =
  | { readonly addon: Addon; readonly path: string }
  | { readonly addon: undefined; readonly absence: AddonAbsence };

let attempt: AddonAttempt | undefined;

/** The addon of this process, loaded and started once, or the reason why not. */
export function loadAddon(): AddonAttempt {
  attempt ??= tryToLoad();
  return attempt;
}

/**
 * Where the addon of a platform lies, as `scripts/build-prebuilds.mjs` names it: `linux-x64`, `linux-arm64-musl`.
 * @param maps what is mapped into the process, as Linux lists it; empty elsewhere
 */
export function prebuildFolder(platform: string, arch: string, maps: string): string {
  const isMusl = platform === "linux" && /\/(ld-musl-|libc\.musl-)/.test(maps);
  return `${platform}-${arch}${isMusl ? "-musl" : ""}`;
}

function tryToLoad(): AddonAttempt {
  const node = globalThis.process?.getBuiltinModule;
  if (typeof node !== "function") return { addon: undefined, absence: { kind: "notNode" } };
  const { createRequire } = node("node:module");
  const { existsSync, readFileSync } = node("node:fs");
  const { fileURLToPath } = node("node:url");
  // What this process has loaded says which C library it runs on. Other systems than Linux have no such file.
  const maps = existsSync("/proc/self/maps") ? readFileSync("/proc/self/maps", "latin1") : "";
  // The same three levels up from src/backends/cpu and from dist/backends/cpu.
  const folder = `../../../prebuilds/${prebuildFolder(process.platform, process.arch, maps)}/`;
  const path = fileURLToPath(new URL(`${folder}myelin.node`, import.meta.url));
  if (!existsSync(path)) return { addon: undefined, absence: { kind: "notBuilt", path } };
  try {
    const addon = createRequire(import.meta.url)(path) as Addon;
    const version = addon.programVersion ?? 0;
    if (version !== PROGRAM_VERSION) return { addon: undefined, absence: { kind: "stale", path, version } };
    addon.info(); // Starts the engine: an unsupported processor shows here, not in the middle of a program.
    return { addon, path };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { addon: undefined, absence: { kind: "failed", path, message } };
  }
}

/** The absence as a sentence for `doctor` and for errors. */
export function describeAbsence(absence: AddonAbsence): string {
  switch (absence.kind) {
    case "notNode":
      return "the native addon runs in Node only";
    case "notBuilt":
      return `no native addon at ${absence.path} (npm run build:native makes it where a C++ compiler is found)`;
    case "stale":
      return `the native addon at ${absence.path} was built from other sources: it takes programs of version ${absence.version}, this is version ${PROGRAM_VERSION} (npm run build:native makes it anew)`;
    case "failed":
      return `the native addon at ${absence.path} doesn't start: ${absence.message}`;
  }
}
