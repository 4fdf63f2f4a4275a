import { buildNative } from "./build-native.mjs";
import { buildTypeScript } from "./build-ts.mjs";
import { buildWasm } from "./build-wasm.mjs";
import { CompileError } from "./compilation.mjs";

const parts = [buildTypeScript, buildNative, buildWasm];

/** Builds everything, one part after the other, and prints a line for each. */
export async function buildAll(selected = parts, print = console.log) {
  for (const build of selected) {
    try {
      print(await build());
    } catch (error) {
      console.error(error instanceof CompileError ? error.message : error);
      process.exit(1);
    }
  }
}
