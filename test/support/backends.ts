import type { Backend } from "../../src/backends/backend.js";
import { type BackendName, findBackend } from "../../src/engine/backends.js";

const names: readonly BackendName[] = ["native", "wasm"];

/** The backends beside the reference that this machine can run, in the order they are tested. */
export const backends: readonly Backend[] = names.flatMap((name) => {
  const found = findBackend(name);
  if (!("reason" in found)) return [found];
  console.warn(`the ${name} backend is not tested here: ${found.reason}`);
  return [];
});
