import type { Backend } from "../../src/backends/backend.js";
import { type BackendName, findBackend } from "../../src/engine/backends.js";
import { EmulatedBackend } from "./emulated.js";

const names: readonly BackendName[] = ["native", "wasm"];

/** What `npm run build:pipe` made for a processor, run by the command in `MYELIN_EMULATED`, if it is set. */
const emulator = process.env.MYELIN_EMULATED;

/** The backends beside the reference that this machine can run, in the order they are tested; the emulated one alone. */
export const backends: readonly Backend[] = emulator
  ? [new EmulatedBackend(emulator)]
  : names.flatMap((name) => {
      const found = findBackend(name);
      if (!("reason" in found)) return [found];
      console.warn(`the ${name} backend is not tested here: ${found.reason}`);
      return [];
    });
