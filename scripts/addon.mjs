// What every build of the native code shares: its objects with their sources and flags, compiled once for the oldest
// processor supported (cpp/bindings, cpp/runtime) or once per instruction set (cpp/kernels/*.cc, each object exporting one
// symbol, myelin_<unit>_<isa>), and what they may not take from elsewhere. Which compiler does it is the caller's business.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import {
  CompileError,
  fingerprint,
  includeClosure,
  isCurrent,
  makeObject,
  parallel,
  root,
  sourcesIn,
} from "./compilation.mjs";

const isMac = process.platform === "darwin";

const commonFlags = [
  "-std=c++20",
  "-O3",
  "-fPIC",
  "-fvisibility=hidden",
  "-fno-exceptions",
  "-fno-rtti",
  "-fno-threadsafe-statics", // Its guards live in libstdc++, which is not linked.
  "-fno-math-errno",
  "-fno-trapping-math",
  "-ffp-contract=off", // The same bits from every compiler: FMA is written out.
  "-Wall",
  "-Wextra",
  "-Wno-unused-function", // Headers of kernels hold more than each unit uses.
  "-Wno-psabi", // Vector types never cross an object's boundary.
  "-Icpp",
];

/** The runtime's sources are portable, or carry the name of what they are for. */
const runtimeParts = {
  linux: ["native", "posix", "linux"],
  darwin: ["native", "posix", "macos"],
  win32: ["native", "windows"],
};

function runtimeSources(platform) {
  return sourcesIn("cpp/runtime").filter((source) => {
    const part = /\.(\w+)\.cc$/.exec(source)?.[1];
    return part === undefined || runtimeParts[platform].includes(part);
  });
}

/**
 * The objects of runtime and kernels with their sources and flags.
 *
 * @param folder where the objects go, below build/
 * @param platform as `process.platform` names it
 * @param instructionSets flags by name, oldest first: the first also serves the runtime
 * @param main the source that JavaScript, or a test, enters by
 */
export function planObjects({ folder, platform, instructionSets, main, mainFlags = [], extraFlags = [] }) {
  const names = Object.keys(instructionSets);
  // For sources that name every table: MYELIN_ISAS(declare) expands to declare(baseline) declare(avx2) …
  const list = `-DMYELIN_ISAS(X)=${names.map((name) => `X(${name})`).join(" ")}`;
  const portable = instructionSets[names[0]];
  const object = (name, source, flags) => ({
    name,
    source,
    flags: [...commonFlags, list, ...flags, ...extraFlags],
    path: join(root, "build", folder, `${name}.o`),
  });
  return [
    object("main", main, [...portable, ...mainFlags]),
    ...runtimeSources(platform).map((source) =>
      object(`runtime-${source.slice("cpp/runtime/".length, -3)}`, source, portable),
    ),
    ...names.flatMap((isa) =>
      sourcesIn("cpp/kernels").map((source) => {
        const unit = source.slice("cpp/kernels/".length, -3);
        return {
          ...object(`kernels-${unit}-${isa}`, source, [
            ...instructionSets[isa],
            "-ffreestanding",
            `-DMYELIN_ISA=${isa}`,
            `-DMYELIN_ISA_${isa.toUpperCase()}=1`,
          ]),
          symbol: `myelin_${unit === "table" ? "kernels" : unit}_${isa}`,
        };
      }),
    ),
  ];
}

/** Notes what each object is made from, and returns the fingerprint of what is linked from them with `linkFlags`. */
export function stampObjects(compiler, objects, linkFlags) {
  for (const object of objects) {
    object.stamp = fingerprint(compiler.identity, object.flags, includeClosure(object.source));
  }
  return fingerprint(compiler.identity, [linkFlags, objects.map((object) => [object.name, object.stamp])]);
}

/** Compiles what is out of date. */
export async function compileObjects(compiler, objects) {
  const outdated = objects.filter((object) => !isCurrent(object.path, object.stamp));
  await parallel(outdated.map((object) => () => compile(compiler, object)));
}

async function compile(compiler, { source, flags, path, stamp, symbol }) {
  await makeObject(path, stamp, async (to) => {
    await execute([...compiler.command, ...flags, "-c", source, "-o", to]);
    if (symbol) checkExports(to, source, symbol);
  });
}

/**
 * A kernel object may export its list and nothing else. An inline function of two objects would be
 * merged by the linker, and an AVX-512 copy could end up on the path of an old processor.
 */
function checkExports(object, source, symbol) {
  const defined = symbolsOf(object, ["-g"])
    .filter(([, type]) => type !== "U")
    .map(([name]) => name);
  if (defined.length === 0) return; // No binutils: the check is made where they are.
  const others = defined.filter((name) => name !== symbol);
  if (!defined.includes(symbol)) throw new CompileError(`${source} exports no symbol ${symbol}.`);
  if (others.length > 0) {
    throw new CompileError(
      `Kernel objects export only ${symbol}; make these static or put them into an anonymous namespace: ${others.slice(0, 10).join(", ")}`,
    );
  }
}

/** `[name, type]` of an object's symbols as `nm` lists them; empty where there is no `nm`. */
export function symbolsOf(path, options) {
  const { status, stdout } = spawnSync("nm", [...options, "-P", path], { encoding: "utf8" });
  if (status !== 0) return [];
  return stdout
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([name, type]) => name && type)
    .map(([name, type]) => [(isMac ? name.replace(/^_/, "") : name).replace(/@.*/, ""), type]);
}

export function execute([program, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (status) => {
      const text = Buffer.concat(chunks).toString();
      if (status !== 0) return reject(new CompileError(text || `${program} failed with status ${status}.`));
      if (text) process.stderr.write(text); // Warnings.
      resolve();
    });
  });
}
