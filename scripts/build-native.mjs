// Builds the native addon, prebuilds/<platform>-<arch>/myelin.node, with whatever C++ compiler is there.
//
// cpp/bindings/node.cc and cpp/runtime/*.cc are compiled once for the oldest processor supported;
// cpp/kernels/*.cc once per instruction set, each object exporting one symbol, myelin_<unit>_<isa>. Nothing but libc is linked, and Node's headers come from `node-api-headers`.
//
//   CXX=clang++             picks the compiler
//   MYELIN_CXXFLAGS="-g"    adds flags (and keeps symbols in the addon)
import { spawn, spawnSync } from "node:child_process";
import { existsSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  CompileError,
  fingerprint,
  includeClosure,
  install,
  isCurrent,
  kibibytes,
  makeObject,
  parallel,
  root,
  runAsScript,
  seconds,
  sourcesIn,
  withLock,
} from "./compilation.mjs";

const target = `${process.platform}-${process.arch}`;
const isMac = process.platform === "darwin";

/** Instruction sets per architecture, oldest first: the first also serves the runtime and the binding. */
const instructionSets = {
  x64: {
    baseline: ["-march=x86-64-v2"],
    avx2: ["-march=x86-64-v3"],
    avx512: ["-march=x86-64-v4", "-mprefer-vector-width=512"],
  },
  arm64: { neon: isMac ? ["-mcpu=apple-m1"] : ["-march=armv8-a"] },
}[process.arch];

const extraFlags = (process.env.MYELIN_CXXFLAGS ?? "").split(" ").filter(Boolean);

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

const linkFlags = isMac
  ? ["-dynamiclib", "-undefined", "dynamic_lookup", "-nodefaultlibs", "-lSystem"]
  : [
      "-shared",
      "-nodefaultlibs",
      // Node unloads an addon with the last worker that uses it, while pool threads still run in it.
      "-Wl,-z,nodelete",
      "-Wl,-z,now",
      "-Wl,--gc-sections",
      "-lc",
      "-lpthread",
      "-lm",
      "-lgcc",
    ];

/** Builds what is out of date and says in one line what there is now. */
export async function buildNative() {
  const compiler = findCompiler();
  if (typeof compiler === "string")
    return `native addon: not built (${compiler}); the WASM backend will be used.`;
  return withLock("native", () => build(compiler));
}

async function build(compiler) {
  const started = performance.now();
  const objects = plan();
  const output = join(root, "prebuilds", target, "myelin.node");
  const outdated = [];
  for (const object of objects) {
    object.stamp = fingerprint(compiler.identity, object.flags, includeClosure(object.source));
    if (!isCurrent(object.path, object.stamp)) outdated.push(object);
  }
  const linkStamp = fingerprint(compiler.identity, [
    linkFlags,
    extraFlags,
    objects.map((object) => [object.name, object.stamp]),
  ]);
  if (isCurrent(output, linkStamp)) return `native addon: up to date (${target}).`;

  await parallel(outdated.map((object) => () => compile(compiler, object)));
  await link(compiler, objects, output, linkStamp);
  const sets = Object.keys(instructionSets).join(", ");
  const size = kibibytes(statSync(output).size);
  return `native addon: ${target}, ${sets}, ${size}, ${compiler.name} in ${seconds(started)}.`;
}

/** The objects of the addon with their sources and flags. */
function plan() {
  const headers = createRequire(import.meta.url)("node-api-headers").include_dir;
  const names = Object.keys(instructionSets);
  // For sources that name every table: MYELIN_ISAS(declare) expands to declare(baseline) declare(avx2) …
  const list = `-DMYELIN_ISAS(X)=${names.map((name) => `X(${name})`).join(" ")}`;
  const portable = instructionSets[names[0]];
  const object = (name, source, flags) => ({
    name,
    source,
    flags: [...commonFlags, list, ...flags, ...extraFlags],
    path: join(root, "build", "native", target, `${name}.o`),
  });
  return [
    object("node", "cpp/bindings/node.cc", [...portable, `-isystem${headers}`]),
    ...sourcesIn("cpp/runtime")
      .filter((source) => !source.endsWith(".wasm.cc"))
      .map((source) => object(`runtime-${source.slice("cpp/runtime/".length, -3)}`, source, portable)),
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

/** The addon may take nothing from libstdc++. (Loading it proves nothing: the process of Node has one.) */
function checkImports(addon) {
  const foreign = symbolsOf(addon, isMac ? ["-u"] : ["-D", "-u"])
    .map(([name]) => name)
    .filter((name) => /^_Z|^__gxx_|^__cxa_(?!finalize|atexit|thread_atexit)/.test(name));
  if (foreign.length > 0) {
    throw new CompileError(
      `The addon is linked without libstdc++, but needs ${foreign.slice(0, 10).join(", ")}.`,
    );
  }
}

/** `[name, type]` of an object's symbols as `nm` lists them; empty where there is no `nm`. */
function symbolsOf(path, options) {
  const { status, stdout } = spawnSync("nm", [...options, "-P", path], { encoding: "utf8" });
  if (status !== 0) return [];
  return stdout
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([name, type]) => name && type)
    .map(([name, type]) => [(isMac ? name.replace(/^_/, "") : name).replace(/@.*/, ""), type]);
}

async function link(compiler, objects, output, stamp) {
  const paths = objects.map((object) => object.path);
  const strip = extraFlags.length === 0 && !isMac ? ["-s"] : [];
  const temporary = join(root, "build", "native", target, "myelin.node");
  await execute([...compiler.command, ...paths, ...linkFlags, ...strip, "-o", temporary]);
  checkImports(temporary);
  // A symbol that is nowhere fails the build, not the first import.
  await execute([process.execPath, "-e", `require(${JSON.stringify(temporary)})`]);
  install(output, stamp, (to) => renameSync(temporary, to));
}

/** The first usable compiler, or the reason why there is none. */
function findCompiler() {
  if (!existsSync(join(root, "cpp/bindings/node.cc"))) return "no sources";
  if (!instructionSets) return `no kernels for ${process.arch}`;
  if (process.platform === "win32") return "not supported on Windows";
  const fromEnvironment = process.env.CXX?.split(" ").filter(Boolean);
  const candidates = fromEnvironment?.length ? [fromEnvironment] : [["c++"], ["g++"], ["clang++"]];
  let reason = fromEnvironment?.length ? `CXX=${process.env.CXX} does not run` : "no C++ compiler found";
  for (const command of candidates) {
    const version = spawnSync(command[0], [...command.slice(1), "--version"], { encoding: "utf8" });
    if (version.status !== 0) continue;
    const name = version.stdout.split("\n", 1)[0].trim();
    const newest = Object.values(instructionSets).at(-1);
    const probe = ["-std=c++20", ...newest, "-x", "c++", "-fsyntax-only", "-"];
    if (spawnSync(command[0], [...command.slice(1), ...probe], { input: "" }).status === 0) {
      return { command, name, identity: [command, version.stdout] };
    }
    reason = `${name} lacks C++20 or ${newest[0].slice(1)}`;
  }
  return reason;
}

function execute([program, ...args]) {
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

await runAsScript(import.meta.url, buildNative);
