// A file of its own, so that the published types of the engine name no type that only browsers' libraries declare.

/**
 * - `simd`: one thread, memory of its own; for pages without cross-origin isolation
 * - `threads`: shared memory, workers
 * - `relaxed`: the same with relaxed SIMD (fused multiply-add)
 */
export type WasmVariant = "simd" | "threads" | "relaxed";

export const wasmVariants: readonly WasmVariant[] = ["relaxed", "threads", "simd"];
