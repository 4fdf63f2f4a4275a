/** `MYELIN_ISA` forces the kernels of one instruction set. The engine reads it when it starts, once per process. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";

const folder = `${process.platform}-${process.arch}`;
const addon = fileURLToPath(new URL(`../../prebuilds/${folder}/myelin.node`, import.meta.url));
const oldest = process.arch === "arm64" ? "neon" : "baseline";

/** As in a program that begins with this variable set; the addon keeps what it has started. */
async function freshEngine(isa: string) {
  vi.stubEnv("MYELIN_ISA", isa);
  vi.resetModules();
  return import("../../src/engine/backends.js");
}

afterEach(() => vi.unstubAllEnvs());

describe.skipIf(!existsSync(addon))("MYELIN_ISA", () => {
  test("an unknown one is refused with what there is, by whoever computes first", async () => {
    const { currentBackend, backendReport } = await freshEngine("sse9");
    const expected = {
      name: "ConfigError",
      who: "MYELIN_ISA",
      received: expect.stringMatching(/"sse9" is not built in; this build has .*(baseline|neon)/),
    };
    expect(currentBackend).toThrow(expect.objectContaining(expected));
    expect(backendReport()[0]).toMatchObject({ name: "native", isAvailable: false, isInUse: false });
  });

  test("the oldest one is used though the processor has better", async () => {
    const { currentBackend } = await freshEngine(oldest);
    expect(currentBackend()).toMatchObject({ name: "native", description: expect.stringContaining(oldest) });
  });
});
