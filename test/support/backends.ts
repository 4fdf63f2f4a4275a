import type { Backend } from "../../src/backends/backend.js";

/** The backends beside the reference that this machine can run, in the order they are tested. */
export const backends: readonly Backend[] = [];
