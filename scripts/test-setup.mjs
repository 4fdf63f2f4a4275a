// Runs once before the tests: they load TypeScript from src/, but the addon and the WASM modules are built.
import { buildNative } from "./build-native.mjs";
import { buildWasm } from "./build-wasm.mjs";

export async function setup() {
  if (process.env.MYELIN_SKIP_BUILD) return; // Tests of TypeScript alone, while C++ sources are being edited.
  for (const build of [buildNative, buildWasm]) {
    const line = await build();
    if (!line.includes("up to date")) console.log(line);
  }
}
