// Builds the native addon, prebuilds/<platform>-<arch>/myelin.node, with whatever C++ compiler is there.
//
// Nothing but libc is linked, and Node's headers come from `node-api-headers`.
//
//   CXX=clang++             picks the compiler
//   MYELIN_CXXFLAGS="-g"    adds flags (and keeps symbols in the addon)
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { compileObjects, execute, planObjects, stampObjects, symbolsOf } from "./addon.mjs";
import {
  CompileError,
  install,
  isCurrent,
  kibibytes,
  root,
  runAsScript,
  seconds,
  withLock,
} from "./compilation.mjs";

// As src/backends/cpu/addon.ts looks for it: this process runs on the C library that it has mapped.
const maps = process.platform === "linux" ? readFileSync("/proc/self/maps", "latin1") : "";
const target = `${process.platform}-${process.arch}${/\/(ld-musl-|libc\.musl-)/.test(maps) ? "-musl" : ""}`;
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
  const objects = planObjects({
    folder: `native/${target}`,
    platform: process.platform,
    instructionSets,
    main: "cpp/bindings/node.cc",
    mainFlags: [`-isystem${createRequire(import.meta.url)("node-api-headers").include_dir}`],
    extraFlags,
  });
  const output = join(root, "prebuilds", target, "myelin.node");
  const linkStamp = stampObjects(compiler, objects, [linkFlags, extraFlags]);
  if (isCurrent(output, linkStamp)) return `native addon: up to date (${target}).`;
  await compileObjects(compiler, objects);
  await link(compiler, objects, output, linkStamp);
  const sets = Object.keys(instructionSets).join(", ");
  const size = kibibytes(statSync(output).size);
  return `native addon: ${target}, ${sets}, ${size}, ${compiler.name} in ${seconds(started)}.`;
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
  if (process.platform === "win32") return "a Windows addon is cross-built: npm run build:prebuilds";
  if (!["linux", "darwin"].includes(process.platform)) return `no runtime for ${process.platform}`;
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

await runAsScript(import.meta.url, buildNative);
