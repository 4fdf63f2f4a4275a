// Tables of the results, as Markdown: readable on a terminal, and pasted into docs/performance.md.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { limitOf } from "./limits.mjs";

const digits = (value) => (value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
const times = (ratio) => `${ratio.toFixed(2)}×`;
const percent = (share) => `${Math.round(100 * share)} %`;

/** Milliseconds in the unit that reads best. */
function duration(ms) {
  if (ms >= 1000) return `${digits(ms / 1000)} s`;
  return ms < 0.1 ? `${digits(ms * 1000)} µs` : `${digits(ms)} ms`;
}

function table(header, rows) {
  const cells = [header, ...rows].map((row) => row.map(String));
  const widths = header.map((_, column) => Math.max(3, ...cells.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(cells[0]), rule, ...cells.slice(1).map(line)].join("\n");
}

/**
 * What a row says about Myelin: the fastest peer, how many times as fast Myelin is, and how near the limit.
 * Also kept in results.json's readers' interest: everything here follows from the rows.
 */
export function judge({ contenders, limits, threads }, { results, limitGbs }, workload) {
  const of = (id) => results.find((result) => result.contender === id && result.ms !== undefined);
  const peers = results.filter(
    ({ contender, ms }) => ms && !contenders.find(({ id }) => id === contender).own,
  );
  const fastest = peers.sort((a, b) => a.ms - b.ms)[0];
  const tfjs = of("tfjs");
  const share = (result, target, count) => {
    if (!result || !workload.limit) return undefined;
    const most = limitGbs ?? limitOf(limits, target, count, workload.limit);
    const amount = workload.limit === "flop" ? workload.flop : workload.bytes;
    return most && amount / result.ms / 1e6 / most;
  };
  const native = of(`native${threads}`);
  const wasm = of("wasm1");
  const wasmMany = of(`wasm${threads}`);
  return {
    native,
    fastest,
    ratio: native && fastest && fastest.ms / native.ms,
    share: share(native, "native", threads),
    wasm,
    wasmShare: share(wasm, "wasm", 1),
    wasmRatio: wasmMany && tfjs && tfjs.ms / wasmMany.ms,
    wasmScaling: wasm && wasmMany && threads > 1 ? wasm.ms / wasmMany.ms : undefined,
  };
}

/** "≥ 2.5×: met" and the like; empty where nothing was measured. */
function aims({ aim }, verdict) {
  const said = [];
  const check = (name, wanted, value, show, ok = value >= wanted) => {
    if (wanted !== undefined && value !== undefined)
      said.push(`${name}${show(wanted)}: ${ok ? "met" : "missed"}`);
  };
  check("≥ ", aim?.ratio, verdict.ratio, times);
  check("≥ ", aim?.share, verdict.share, percent);
  check("≤ ", aim?.ms, verdict.native?.ms, duration, verdict.native?.ms <= aim?.ms);
  check("WASM ≥ ", aim?.wasm?.ratio, verdict.wasmRatio, times);
  check("WASM ≥ ", aim?.wasm?.share, verdict.wasmShare, percent);
  return said.join("; ");
}

export function formatLimits({ machine, limits, threads, date, command }) {
  const of = (name, count) => limits.find((entry) => entry.name === name && entry.threads === count);
  const names = {
    peak128: "multiply-add, 128-bit vectors",
    peak256: "multiply-add, 256-bit vectors",
    peak512: "multiply-add, 512-bit vectors",
    wasmMultiplyAdd: "WASM, multiply and add",
    wasmRelaxedMultiplyAdd: "WASM, relaxed multiply-add",
    read: "reading memory",
    copy: "copying memory, streaming stores",
    triad: "a + 3b, streaming stores",
  };
  const counts = [...new Set([1, threads])];
  const rows = Object.entries(names)
    .filter(([name]) => of(name, 1))
    .map(([name, text]) => [
      text,
      ...counts.map((count) => {
        const entry = of(name, count);
        return entry ? `${digits(entry.gflops ?? entry.gbs)} ${entry.gflops ? "GFLOP/s" : "GB/s"}` : "";
      }),
    ]);
  const { cpu, cores, memoryGB, platform, node } = machine;
  return [
    `Measured ${date} by \`${command}\` on ${cpu}, ${cores} cores, ${memoryGB} GB, ${platform}, Node ${node}.`,
    "",
    table(["limit of this machine", ...counts.map((c) => `${c} thread${c > 1 ? "s" : ""}`)], rows),
    "",
  ].join("\n");
}

export function formatRows(results, workloads) {
  const taking = results.contenders.filter(({ id }) =>
    results.rows.some((row) => row.results.some(({ contender }) => contender === id)),
  );
  const label = (id) => results.contenders.find((contender) => contender.id === id)?.label;
  const notes = [];
  const rows = results.rows.map((row) => {
    const workload = workloads.find(({ id }) => id === row.workload);
    const verdict = judge(results, row, workload);
    const { native, fastest, ratio, share } = verdict;
    const cell = ({ id }) => {
      const result = row.results.find(({ contender }) => contender === id);
      if (!result) return "–";
      if (result.ms !== undefined) return duration(result.ms);
      notes.push(`${label(id)}, ${workload.title}: ${result.error}`);
      return "failed";
    };
    const speed = (result) =>
      workload.limit === "flop"
        ? `${digits(workload.flop / result.ms / 1e6)} GFLOP/s`
        : `${digits(workload.bytes / result.ms / 1e6)} GB/s`;
    return [
      workload.title,
      ...taking.map(cell),
      fastest ? label(fastest.contender) : "–",
      ratio ? times(ratio) : "–",
      native && workload.limit ? `${speed(native)}${share ? `, ${percent(share)}` : ""}` : "–",
      aims(workload, verdict),
    ];
  });
  const header = [
    "workload",
    ...taking.map((contender) => contender.label),
    "fastest peer",
    "Myelin is",
    "of the limit",
    "aim",
  ];
  const versions = results.contenders.filter(({ own }) => !own).map((c) => `${c.label}: ${c.version}`);
  const lines = [table(header, rows), "", `Versions: ${versions.join("; ") || "no peers"}.`];
  for (const { label: name, reason } of results.absent) lines.push(`Not measured: ${name} (${reason}).`);
  lines.push(...notes.map((note) => `Failed: ${note}.`));
  const noise = Math.max(0, ...results.rows.flatMap((row) => row.results.map(({ foreign }) => foreign ?? 0)));
  if (noise > 0.1) lines.push(`Other processes took up to ${percent(noise)} of a core meanwhile.`);
  return `${lines.join("\n")}\n`;
}

export function formatOverheads({ overheads }) {
  const rows = overheads.map(({ title, value, unit, limit, limitTitle }) => [
    title,
    value === undefined ? "–" : unit === "ms" ? duration(value) : `${digits(value)} ${unit}`,
    limit === undefined
      ? ""
      : `≤ ${unit === "ms" ? duration(limit) : `${digits(limit)} ${unit}`}${limitTitle ? ` (${limitTitle})` : ""}`,
    limit === undefined || value === undefined ? "" : value <= limit ? "met" : "missed",
  ]);
  return `${table(["overhead", "measured", "aim", ""], rows)}\n`;
}

const BEGIN = "<!-- bench: written by npm run bench -->";
const END = "<!-- bench: end -->";

/** Puts the tables between the two marks of docs/performance.md; the text around them stays. */
export function writeTable(results, workloads) {
  const file = new URL("../docs/performance.md", import.meta.url);
  const tables = [
    formatLimits(results),
    formatRows(results, workloads),
    ...(results.overheads.length > 0 ? [formatOverheads(results)] : []),
  ].join("\n");
  const block = `${BEGIN}\n\n${tables}\n${END}`;
  mkdirSync(new URL(".", file), { recursive: true });
  const old = existsSync(file) ? readFileSync(file, "utf8") : `# Performance\n\n${BEGIN}\n${END}\n`;
  const [from, to] = [old.indexOf(BEGIN), old.indexOf(END)];
  const next =
    from >= 0 && to > from ? old.slice(0, from) + block + old.slice(to + END.length) : `${old}\n${block}\n`;
  writeFileSync(file, next);
}
