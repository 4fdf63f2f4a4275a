import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/base/errors.js";
import { serialize } from "../../src/base/lookup.js";
import { tensor } from "../../src/engine/create.js";
import * as schedules from "../../src/schedules/index.js";
import { thrownBy } from "../support/data.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

const at = (schedule: schedules.Schedule, step: number) =>
  schedule.call(tensor(step, { dtype: "int32" })).item();

describeOnEachBackend("schedules", () => {
  it("exponential decay falls by the rate every decaySteps", async () => {
    const smooth = schedules.exponentialDecay(0.1, 10, 0.5);
    const stairs = schedules.exponentialDecay(0.1, 10, 0.5, { staircase: true });
    expect(await at(smooth, 5)).toBeCloseTo(0.1 * Math.SQRT1_2, 6);
    expect(await at(stairs, 9)).toBeCloseTo(0.1, 6);
    expect(await at(stairs, 20)).toBeCloseTo(0.025, 6);
  });

  it("cosine decay goes from the rate to its share, and stays", async () => {
    const schedule = schedules.cosineDecay(0.2, 100, { alpha: 0.1 });
    expect(await at(schedule, 0)).toBeCloseTo(0.2, 6);
    expect(await at(schedule, 50)).toBeCloseTo(0.11, 6);
    expect(await at(schedule, 100)).toBeCloseTo(0.02, 6);
    expect(await at(schedule, 500)).toBeCloseTo(0.02, 6);
  });

  it("a warm-up grows linearly to its target first", async () => {
    const schedule = schedules.cosineDecay(0, 100, { warmupTarget: 1, warmupSteps: 10 });
    expect(await at(schedule, 5)).toBeCloseTo(0.5, 6);
    expect(await at(schedule, 10)).toBeCloseTo(1, 6);
    expect(await at(schedule, 60)).toBeCloseTo(0.5, 6);
  });
});

describe("configuration of schedules", () => {
  it("makes an equal schedule", () => {
    const json = JSON.parse(JSON.stringify(serialize(schedules.exponentialDecay(0.1, 10, 0.5))));
    expect(serialize(schedules.fromConfig(json))).toEqual(json);
  });

  it("numbers that make no sense are an error", () => {
    expect(thrownBy(() => schedules.exponentialDecay(0.1, 0, 0.5))).toBeInstanceOf(ConfigError);
  });
});
