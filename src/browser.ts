/**
 * The entry of the package in a browser (the condition "browser" of its exports).
 *
 * Importing it waits until the WASM module is fetched and compiled, so that everything works at once as it does in
 * Node; where that fails, the first computation says so and goes on with the reference backend. On a page with the
 * headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp programs run on
 * threads beside the page; without them on the page's own thread, in slices of ten milliseconds.
 *
 * Awaited work (`fit`, `evaluate`, `predict`, `data`) keeps the page responsive; what answers at once (`dataSync`, the
 * call of a `jit` function) holds it up while it computes.
 */

import { prepareWasm } from "./backends/cpu/wasm.js";

await prepareWasm();

export * from "./index.js";
