import { ConfigError } from "../base/errors.js";
import { customObject, lookUp, type Serialized } from "../base/lookup.js";
import {
  CosineDecay,
  type CosineDecayConfig,
  ExponentialDecay,
  type ExponentialDecayConfig,
} from "./decay.js";
import { Schedule } from "./schedule.js";

export {
  CosineDecay,
  type CosineDecayConfig,
  ExponentialDecay,
  type ExponentialDecayConfig,
} from "./decay.js";
export { Schedule } from "./schedule.js";

/** `rate · decayRate^(step / decaySteps)`. @example schedules.exponentialDecay(0.1, 1000, 0.96) */
export const exponentialDecay = (
  initialLearningRate: number,
  decaySteps: number,
  decayRate: number,
  options: Pick<ExponentialDecayConfig, "staircase"> = {},
) => new ExponentialDecay({ initialLearningRate, decaySteps, decayRate, ...options });

/** Half a cosine from the initial rate to `alpha` times it. @example schedules.cosineDecay(1e-3, 10_000) */
export const cosineDecay = (
  initialLearningRate: number,
  decaySteps: number,
  options: Omit<CosineDecayConfig, "initialLearningRate" | "decaySteps"> = {},
) => new CosineDecay({ initialLearningRate, decaySteps, ...options });

type ScheduleClass = new (config: never) => Schedule;
const classes: Readonly<Record<string, ScheduleClass>> = { ExponentialDecay, CosineDecay };

/**
 * The schedule a configuration describes.
 *
 * @throws {ConfigError} for an unknown class
 * @example schedules.fromConfig({ className: "CosineDecay", config: { initialLearningRate: 0.1, decaySteps: 100 } })
 */
export function fromConfig({ className, config }: Serialized): Schedule {
  const custom = customObject(className) as ScheduleClass | undefined;
  const schedule = new (custom ?? lookUp("schedules", "a schedule", classes, className))(config as never);
  if (schedule instanceof Schedule) return schedule;
  throw new ConfigError({ who: "schedules", expected: "a schedule class", received: className });
}
