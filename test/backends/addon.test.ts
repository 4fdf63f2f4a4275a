/** Which native addon is taken, and which is not. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { describeAbsence, PROGRAM_VERSION, prebuildFolder } from "../../src/backends/cpu/addon.js";

const root = fileURLToPath(new URL("../../", import.meta.url));

describe("the native addon", () => {
  test("is that of the system, and of the C library this process runs on", () => {
    const glibc = "7f00-7f01 r-xp 0 08:01 1 /usr/lib/x86_64-linux-gnu/libc.so.6";
    const musl = "7f00-7f01 r-xp 0 08:01 1 /lib/ld-musl-x86_64.so.1";
    expect(prebuildFolder("linux", "x64", glibc)).toBe("linux-x64");
    expect(prebuildFolder("linux", "x64", musl)).toBe("linux-x64-musl");
    expect(prebuildFolder("linux", "arm64", musl.replace("x86_64", "aarch64"))).toBe("linux-arm64-musl");
    expect(prebuildFolder("darwin", "arm64", "")).toBe("darwin-arm64");
    expect(prebuildFolder("win32", "x64", "")).toBe("win32-x64");
  });

  test("takes programs as the encoder writes them", () => {
    const header = readFileSync(join(root, "cpp/runtime/program.h"), "utf8");
    expect(/PROGRAM_VERSION = (\d+)/.exec(header)?.[1]).toBe(String(PROGRAM_VERSION));
  });

  test("of other sources is refused with both versions and what to do", () => {
    const text = describeAbsence({ kind: "stale", path: "prebuilds/x/myelin.node", version: 1 });
    expect(text).toContain("version 1");
    expect(text).toContain(`version ${PROGRAM_VERSION}`);
    expect(text).toContain("npm run build:native");
  });
});
