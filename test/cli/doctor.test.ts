import { afterEach, describe, expect, it, vi } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor.js";
import { currentBackend } from "../../src/engine/index.js";
import { run } from "./run.js";

afterEach(() => vi.unstubAllEnvs());

describe("myelin doctor", () => {
  it("reports machine, backends, self-test, speed and data as JSON, and changes nothing", async () => {
    const before = currentBackend().name;
    const { status, stdout } = await run(["doctor", "--json"]);
    expect(currentBackend().name).toBe(before);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(report.node).toEqual({
      version: process.versions.node,
      platform: process.platform,
      arch: process.arch,
    });
    expect(report.processor.model).not.toBe("");
    expect(report.processor.cores).toBeGreaterThan(0);
    expect(report.backends.map(({ name }) => name)).toEqual(["native", "wasm", "reference"]);
    expect(report.backends.filter(({ isInUse }) => isInUse).map(({ name }) => name)).toEqual([before]);
    expect(report.inUse.name).toBe(before);
    if (!process.env.MYELIN_BACKEND) expect(report.inUse.reason).toContain("fastest");
    for (const { name, isAvailable, description, selfTest } of report.backends) {
      expect(description).not.toBe("");
      expect(selfTest.length > 0).toBe(isAvailable && name !== "reference");
      expect(selfTest.filter(({ isPassed }) => !isPassed)).toEqual([]);
    }
    expect(report.isHealthy).toBe(true);
    expect(status).toBe(0);

    const isNative = report.backends[0]!.isAvailable;
    expect(report.speed !== null).toBe(isNative);
    if (report.speed) {
      expect(report.speed.flopsPerSecond).toBeGreaterThan(1e8);
      expect(report.speed.bytesPerSecond).toBeGreaterThan(1e8);
      expect(report.processor.features.length).toBeGreaterThan(0);
    }
    expect(report.data.datasets.map(({ name }) => name)).toEqual(["fashion-mnist", "mnist"]);
  });

  it("says on one page where data are looked for", async () => {
    vi.stubEnv("MYELIN_DATA", "/nowhere/at/all");
    const { stdout } = await run(["doctor", "--threads", "1"]);
    for (const heading of ["Machine", "Backends", "Self-test", "Data (MYELIN_DATA is /nowhere/at/all)"]) {
      expect(stdout).toContain(heading);
    }
    expect(stdout).toMatch(/– fashion-mnist +\/nowhere\/at\/all\/fashion-mnist \(MYELIN_DATA\)/);
    expect(stdout).toMatch(/ reference +TypeScript/);
    expect(stdout).toContain("In use: ");
  });
});
