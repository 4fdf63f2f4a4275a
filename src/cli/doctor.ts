import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, totalmem } from "node:os";
import { loadAddon } from "../backends/cpu/addon.js";
import { MyelinError } from "../base/errors.js";
import { type ChartOptions, terminalOf } from "../charts/index.js";
import { type DatasetName, type DatasetPlace, datasetPlaces } from "../datasets/index.js";
import {
  type BackendName,
  type BackendStatus,
  backendReport,
  currentBackend,
  setBackend,
} from "../engine/index.js";
import { columns, defineCommand } from "./command.js";
import { type KernelCheck, selfTest } from "./selfTest.js";
import { version } from "./version.js";

const datasetNames = ["fashion-mnist", "mnist"] as const satisfies readonly DatasetName[];
/** Seconds of each measurement: long enough for the clock of the processor to settle, short enough to wait for. */
const measured = 0.2;

interface BackendReport extends BackendStatus {
  /** What small computations gave, compared with the reference; empty for the reference itself. */
  readonly selfTest: readonly KernelCheck[];
}

interface DatasetReport {
  readonly name: DatasetName;
  /** The first place that has all files, or null: then it is downloaded at first use. */
  readonly foundIn: string | null;
  readonly places: readonly DatasetPlace[];
  /** Why nothing can be said. */
  readonly error?: string;
}

/** What `myelin doctor --json` prints. */
export interface DoctorReport {
  readonly version: string;
  readonly node: { readonly version: string; readonly platform: string; readonly arch: string };
  readonly processor: {
    readonly model: string;
    /** Vector extensions that matter here, as far as the system tells. */
    readonly features: readonly string[];
    readonly cores: number;
    readonly memoryBytes: number;
  };
  readonly backends: readonly BackendReport[];
  /** The backend that programs run on; null where `MYELIN_BACKEND` names one that can't be had. */
  readonly inUse: { readonly name: BackendName | null; readonly reason: string };
  /** Measured just now on the native backend, else null. */
  readonly speed: {
    readonly threads: number;
    readonly flopsPerSecond: number;
    readonly bytesPerSecond: number;
  } | null;
  readonly data: { readonly MYELIN_DATA: string | null; readonly datasets: readonly DatasetReport[] };
  readonly isHealthy: boolean;
}

export const doctor = defineCommand({
  name: "doctor",
  summary: "what this machine offers: backends, a self-test of the kernels, speed, data",
  options: {
    threads: {
      kind: "integer",
      least: 1,
      help: "threads of the native and the WASM backend (default: the cores)",
    },
    json: { kind: "flag", help: "print the report as JSON" },
  },
  async run({ threads, json }, { stdout }) {
    const report = await examine(threads);
    stdout.write(`${json ? JSON.stringify(report, null, 2) : formatReport(report, terminalOf(stdout))}\n`);
    return report.isHealthy ? 0 : 1;
  },
});

/** Looks at the machine; afterwards the same backend is in use as before. */
export async function examine(threads?: number): Promise<DoctorReport> {
  const options = threads === undefined ? {} : { threads };
  const inUse = chosen();
  const backends: BackendReport[] = [];
  for (const status of backendReport(options)) {
    const isTested = status.isAvailable && status.name !== "reference";
    backends.push({ ...status, selfTest: isTested ? await selfTest(status.name, options) : [] });
  }
  if (inUse.name !== null) await setBackend(inUse.name, options);
  const native = loadAddon().addon?.info();
  return {
    version: version(),
    node: { version: process.versions.node, platform: process.platform, arch: arch() },
    processor: {
      model: native?.processor ?? cpus()[0]?.model.trim() ?? "unknown",
      features: native?.features.split(" ").filter(Boolean) ?? featuresFromSystem(),
      cores: native?.cores ?? availableParallelism(),
      memoryBytes: totalmem(),
    },
    backends,
    inUse: { name: inUse.name, reason: inUse.reason ?? reasonFor(inUse.name, backends) },
    speed: measureSpeed(threads),
    data: {
      MYELIN_DATA: process.env.MYELIN_DATA || null,
      datasets: await Promise.all(datasetNames.map(findDataset)),
    },
    isHealthy:
      inUse.name !== null && backends.every(({ selfTest }) => selfTest.every(({ isPassed }) => isPassed)),
  };
}

/** The backend that programs run on here, or why none can be chosen (`MYELIN_BACKEND` names one that is missing). */
function chosen(): { name: BackendName; reason?: string } | { name: null; reason: string } {
  try {
    const name = currentBackend().name as BackendName;
    return process.env.MYELIN_BACKEND ? { name, reason: "as MYELIN_BACKEND says" } : { name };
  } catch (error) {
    if (error instanceof MyelinError) return { name: null, reason: error.message };
    throw error;
  }
}

function reasonFor(inUse: string | null, backends: readonly BackendReport[]): string {
  const at = backends.findIndex(({ name }) => name === inUse);
  if (at <= 0) return "the fastest there is";
  return `the fastest available: no ${backends
    .slice(0, at)
    .map(({ name }) => name)
    .join(" and no ")} backend here`;
}

/** Without the addon Linux is asked; other systems say it in ways of their own. */
function featuresFromSystem(): string[] {
  if (process.platform !== "linux") return [];
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  return line
    .split(" ")
    .filter((flag) => /^(sse4_2|avx|avx2|fma|f16c|avx512\w+|asimd\w*|sve\w*)$/.test(flag));
}

function measureSpeed(threads: number | undefined): DoctorReport["speed"] {
  const { addon } = loadAddon();
  if (!addon) return null;
  const team = threads ?? addon.info().threads;
  return {
    threads: team,
    flopsPerSecond: addon.peak(team, measured),
    bytesPerSecond: addon.bandwidth(team, measured),
  };
}

async function findDataset(name: DatasetName): Promise<DatasetReport> {
  try {
    const places = await datasetPlaces(name);
    return { name, places, foundIn: places.find(({ isComplete }) => isComplete)?.location ?? null };
  } catch (error) {
    // A folder that can't be looked into is no reason to say nothing about the rest.
    if (error instanceof MyelinError) return { name, places: [], foundIn: null, error: error.message };
    throw error;
  }
}

function formatReport(report: DoctorReport, { unicode = true }: ChartOptions): string {
  const [good, bad, absent] = unicode ? ["✓", "✗", "–"] : ["ok", "BAD", "-"];
  const { node, processor, backends, inUse, speed, data } = report;
  const gigabytes = (bytes: number) => (bytes / 1e9).toFixed(1);
  const tested = backends.flatMap(({ name, selfTest }) =>
    selfTest.map(({ kernel, isPassed, difference, error }): [string, string] => [
      `${isPassed ? good : bad} ${name}`,
      `${kernel}: ${error ?? (difference === 0 ? "equal" : `within ${difference?.toExponential(1)}`)}`,
    ]),
  );
  const cores = `${processor.cores} core${processor.cores === 1 ? "" : "s"}`;
  const found = data.datasets.flatMap(({ name, places, foundIn, error }): (readonly [string, string])[] => {
    if (error !== undefined) return [[`${bad} ${name}`, error]];
    const folders = places.filter(({ kind }) => kind !== "download");
    const rows = folders.map(({ kind, location, isComplete }): [string, string] => [
      `${isComplete ? good : absent} ${name}`,
      `${location} (${kind === "cache" ? "cache folder" : kind})`,
    ]);
    const homes = places.filter(({ kind }) => kind === "download").map(({ location }) => location);
    return foundIn ? rows : [...rows, [`  ${name}`, `downloaded at first use from ${homes[0]}`]];
  });
  const lines = [
    `Myelin ${report.version}`,
    "",
    "Machine",
    ...columns([
      ["Node", `${node.version}, ${node.platform} ${node.arch}`],
      ["Processor", processor.model],
      ["Features", processor.features.join(" ") || "unknown"],
      ["Resources", `${cores}, ${gigabytes(processor.memoryBytes)} GB of memory`],
    ]),
    "",
    "Backends",
    ...columns(
      backends.map(({ name, isAvailable, isInUse, description }) => [
        `${isAvailable ? good : absent} ${name}`,
        `${description}${isInUse ? " (in use)" : ""}`,
      ]),
    ),
    inUse.name === null ? `  In use: none. ${inUse.reason}` : `  In use: ${inUse.name}, ${inUse.reason}.`,
    "",
    "Self-test against the reference",
    ...(tested.length > 0 ? columns(tested) : ["  no other backend to test"]),
  ];
  if (speed) {
    const threads = `${speed.threads} thread${speed.threads === 1 ? "" : "s"}`;
    lines.push(
      "",
      `Speed, measured just now on ${threads}`,
      ...columns([
        ["arithmetic", `${(speed.flopsPerSecond / 1e9).toFixed(0)} GFLOP/s (float32 multiply-adds)`],
        ["memory", `${gigabytes(speed.bytesPerSecond)} GB/s (beyond the caches)`],
      ]),
    );
  }
  const variable = data.MYELIN_DATA === null ? "not set" : data.MYELIN_DATA;
  lines.push("", `Data (MYELIN_DATA is ${variable})`, ...columns(found));
  return lines.join("\n");
}
