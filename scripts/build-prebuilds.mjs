// Cross-builds the native addon for every platform, prebuilds/<platform>-<arch>[-musl]/myelin.node, with the clang of
// `ziglang` from PyPI, which carries the headers and libraries of all of them. Python 3 with `venv` must be there; the
// compiler goes into build/zig and nowhere else.
//
//   npm run build:prebuilds                          all of them
//   npm run build:prebuilds -- win32-x64 linux-arm64  these
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compileObjects, execute, planObjects, stampObjects } from "./addon.mjs";
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

const ZIG = "0.17.1";

const x64 = {
  baseline: ["-mcpu=x86_64_v2"],
  avx2: ["-mcpu=x86_64_v3"],
  avx512: ["-mcpu=x86_64_v4", "-mprefer-vector-width=512"],
};
const arm64 = { neon: ["-mcpu=generic"] };

// Node unloads an addon with the last worker that uses it, while pool threads still run in it.
const elf = ["-shared", "-Wl,-z,nodelete", "-Wl,-z,now", "-Wl,--gc-sections", "-s"];
const machO = ["-dynamiclib", "-Wl,-undefined,dynamic_lookup", "-s"];
const dll = ["-shared", "-lapi-ms-win-core-synch-l1-2-0", "-s"];

/** Each folder's platform as Node names it, the compiler's name of it, and how its kernels are compiled. */
const targets = {
  "linux-x64": { platform: "linux", triple: "x86_64-linux-gnu.2.17", instructionSets: x64, link: elf },
  "linux-x64-musl": { platform: "linux", triple: "x86_64-linux-musl", instructionSets: x64, link: elf },
  "linux-arm64": { platform: "linux", triple: "aarch64-linux-gnu.2.17", instructionSets: arm64, link: elf },
  "linux-arm64-musl": { platform: "linux", triple: "aarch64-linux-musl", instructionSets: arm64, link: elf },
  "darwin-x64": { platform: "darwin", triple: "x86_64-macos.11.0", instructionSets: x64, link: machO },
  "darwin-arm64": {
    platform: "darwin",
    triple: "aarch64-macos.11.0",
    instructionSets: { neon: ["-mcpu=apple_m1"] },
    link: machO,
  },
  "win32-x64": { platform: "win32", triple: "x86_64-windows-gnu", instructionSets: x64, link: dll },
};

/** Builds the named targets, or all. */
export async function buildPrebuilds(wanted = process.argv.slice(2)) {
  const names = wanted.length > 0 ? wanted : Object.keys(targets);
  for (const name of names) {
    if (name in targets) continue;
    throw new CompileError(`Unknown target "${name}"; there are ${Object.keys(targets).join(", ")}.`);
  }
  return withLock("prebuilds", async () => {
    const zig = findZig();
    const lines = [];
    for (const name of names) lines.push(await build(zig, name));
    return lines.join("\n");
  });
}

async function build(zig, name) {
  const started = performance.now();
  const { platform, triple, instructionSets, link } = targets[name];
  const compiler = {
    command: [zig, "c++", "-target", triple],
    identity: ["zig", ZIG, triple],
  };
  const headers = createRequire(import.meta.url)("node-api-headers");
  const objects = planObjects({
    folder: `prebuilds/${name}`,
    platform,
    instructionSets,
    main: "cpp/bindings/node.cc",
    mainFlags: [`-isystem${headers.include_dir}`],
    extraFlags: ["-fno-sanitize=all"],
  });
  const output = join(root, "prebuilds", name, "myelin.node");
  const stamp = stampObjects(compiler, objects, link);
  if (isCurrent(output, stamp)) return `${name}: up to date.`;
  await compileObjects(compiler, objects);
  const temporary = join(root, "build", "prebuilds", name, "myelin.node");
  const imports = platform === "win32" ? await importLibrary(zig, headers.def_paths.node_api_def, name) : [];
  const paths = objects.map((object) => object.path);
  // Linked as C: nothing of a C++ library.
  await execute([zig, "cc", "-target", triple, ...paths, ...imports, ...link, "-o", temporary]);
  install(output, stamp, (to) => renameSync(temporary, to));
  return `${name}: ${Object.keys(instructionSets).join(", ")}, ${kibibytes(statSync(output).size)}, ${seconds(started)}.`;
}

/** Windows wants a library that says what node.exe exports. */
async function importLibrary(zig, definitions, name) {
  const path = join(root, "build", "prebuilds", name, "node.lib");
  await execute([zig, "dlltool", "-m", "i386:x86-64", "-d", definitions, "-l", path]);
  return [path];
}

/** The compiler, installed once into build/zig. */
function findZig() {
  const folder = join(root, "build", "zig");
  const python = join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const where = () => {
    const script = "import os, ziglang; print(os.path.dirname(ziglang.__file__))";
    const found = spawnSync(python, ["-c", script], { encoding: "utf8" });
    return found.status === 0 ? join(found.stdout.trim(), "zig") : undefined;
  };
  const known = existsSync(python) ? where() : undefined;
  if (known) return known;
  mkdirSync(dirname(folder), { recursive: true });
  const host = process.platform === "win32" ? "python" : "python3";
  const made = spawnSync(host, ["-m", "venv", folder], { encoding: "utf8" });
  if (made.status !== 0) {
    const why = made.error ? `${host} is not found` : made.stderr || made.stdout;
    throw new CompileError(
      `Cross-building needs Python 3 with venv (Debian: apt-get install python3-venv), which gets the compiler from PyPI: ${why}`,
    );
  }
  const got = spawnSync(python, ["-m", "pip", "install", "--quiet", `ziglang==${ZIG}`], { encoding: "utf8" });
  const installed = where();
  if (!installed) throw new CompileError(`ziglang ${ZIG} could not be installed from PyPI: ${got.stderr}`);
  return installed;
}

await runAsScript(import.meta.url, buildPrebuilds);
