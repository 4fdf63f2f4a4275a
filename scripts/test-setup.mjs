// Runs once before the tests: they load TypeScript from src/, but the addon and the WASM modules are built.
import { buildNative } from "./build-native.mjs";
import { buildWasm } from "./build-wasm.mjs";
import { CompileError } from "./compilation.mjs";

export async function setup() {
  if (process.env.MYELIN_SKIP_BUILD) return; // Tests of TypeScript alone, while C++ sources are being edited.
  for (const build of [buildNative, buildWasm]) {
    try {
      const line = await build();
      if (!line.includes("up to date")) console.log(line);
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      console.error(error.message);
      throw new Error(
        "The C++ sources do not compile. MYELIN_SKIP_BUILD=1 runs the tests with what was built last.",
      );
    }
  }
}
