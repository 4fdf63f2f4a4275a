import { arch, availableParallelism, cpus, totalmem } from "node:os";
import { loadAddon } from "../backends/cpu/addon.js";
import { type ChartOptions, terminalOf } from "../charts/index.js";
import { type DatasetName, type DatasetPlace, datasetPlaces } from "../datasets/index.js";
import { type BackendName, currentBackend, findBackend, setBackend } from "../engine/index.js";
import { columns, defineCommand } from "./command.js";
import { type KernelCheck, selfTest } from "./selfTest.js";
import { version } from "./version.js";

/** Those a user runs on, best first; the reference is the oracle and the last resort. */
const backendNames = ["native", "wasm", "reference"] as const satisfies readonly BackendName[];
const datasetNames = ["fashion-mnist", "mnist"] as const satisfies readonly DatasetName[];
/** Seconds of each measurement: long enough for the clock of the processor to settle, short enough to wait for. */
const measured = 0.2;

interface BackendReport {
  readonly name: BackendName;
  readonly isAvailable: boolean;
  readonly isInUse: boolean;
  /** What it is, or why it can't be had. */
  readonly description: string;
  readonly selfTest: readonly KernelCheck[];
}

interface DatasetReport {
  readonly name: DatasetName;
  /** The first place that has all files, or null: then it is downloaded at first use. */
  readonly foundIn: string | null;
  readonly places: readonly DatasetPlace[];
}

/** What `myelin doctor --json` prints. */
export interface DoctorReport {
  readonly version: string;
  readonly node: { readonly version: string; readonly platform: string; readonly arch: string };
  readonly processor: {
    readonly model: string;
    /** Instruction sets that the native kernels know; empty without the native backend. */
    readonly features: readonly string[];
    readonly cores: number;
    readonly memoryBytes: number;
  };
  readonly backends: readonly BackendReport[];
  readonly inUse: { readonly name: string; readonly description: string; readonly reason: string };
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
    threads: { kind: "integer", least: 1, help: "threads of the native backend (default: the cores)" },
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
  const { name: inUse } = currentBackend();
  const backends: BackendReport[] = [];
  for (const name of backendNames) {
    const found = find(name, options);
    const isAvailable = "description" in found;
    backends.push({
      name,
      isAvailable,
      isInUse: name === inUse,
      description: isAvailable ? found.description : found.reason,
      selfTest: isAvailable && name !== "reference" ? await selfTest(name) : [],
    });
  }
  await setBackend(inUse as BackendName, options);
  const native = loadAddon().addon?.info();
  return {
    version: version(),
    node: { version: process.versions.node, platform: process.platform, arch: arch() },
    processor: {
      model: native?.processor ?? cpus()[0]?.model.trim() ?? "unknown",
      features: native?.features.split(" ").filter(Boolean) ?? [],
      cores: native?.cores ?? availableParallelism(),
      memoryBytes: totalmem(),
    },
    backends,
    inUse: { ...currentBackend(), reason: reasonFor(inUse, backends) },
    speed: measureSpeed(threads),
    data: {
      MYELIN_DATA: process.env.MYELIN_DATA || null,
      datasets: await Promise.all(datasetNames.map(findDataset)),
    },
    isHealthy: backends.every(({ selfTest }) => selfTest.every(({ isPassed }) => isPassed)),
  };
}

function find(name: BackendName, options: { readonly threads?: number }) {
  try {
    return findBackend(name, options);
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

function reasonFor(inUse: string, backends: readonly BackendReport[]): string {
  const missing = backends.slice(
    0,
    backends.findIndex(({ name }) => name === inUse),
  );
  if (missing.length === 0) return "the fastest there is";
  return `the fastest available; ${missing.map(({ name, description }) => `${name}: ${description}`).join("; ")}`;
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
  const places = await datasetPlaces(name);
  return { name, places, foundIn: places.find(({ isComplete }) => isComplete)?.location ?? null };
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
  const found = data.datasets.flatMap(({ name, places, foundIn }) => {
    const folders = places.filter(({ kind }) => kind !== "download");
    const rows = folders.map(({ kind, location, isComplete }): [string, string] => [
      `${isComplete ? good : absent} ${name}`,
      `${location} (${kind === "cache" ? "cache folder" : kind})`,
    ]);
    const homes = places.filter(({ kind }) => kind === "download").map(({ location }) => location);
    return foundIn ? rows : [...rows, [`  ${name}`, `downloaded at first use from ${homes[0]}`] as const];
  });
  const lines = [
    `Myelin ${report.version}`,
    "",
    "Machine",
    ...columns([
      ["Node", `${node.version}, ${node.platform} ${node.arch}`],
      ["Processor", processor.model],
      ["Features", processor.features.join(" ") || "unknown without the native backend"],
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
    `  In use: ${inUse.name} (${inUse.description}), ${inUse.reason}.`,
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
