// Builds the engine behind a pipe (cpp/bindings/pipe.cc) for a processor that is emulated here: build/pipe/<arch>, linked
// statically, so that it needs nothing of the other system. The tests run on it with
//
//   MYELIN_EMULATED="qemu-aarch64 build/pipe/arm64" npm test -- test/ops/parity.test.ts -t emulated
//
//   CXX="…"     picks the compiler; without it Debian's g++-aarch64-linux-gnu
//   npm run build:pipe -- x64    the processor, for CXX="zig c++ -target x86_64-linux-musl" and the like

import { spawnSync } from "node:child_process";
import { renameSync, statSync } from "node:fs";
import { join } from "node:path";
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

const processors = {
  arm64: { neon: "armv8-a" },
  x64: { baseline: "x86-64-v2", avx2: "x86-64-v3" },
};
const linkFlags = ["-static"];

async function buildPipe() {
  const arch = process.argv[2] ?? "arm64";
  if (!(arch in processors)) {
    throw new CompileError(`Unknown processor "${arch}"; there are ${Object.keys(processors).join(", ")}.`);
  }
  const command = (process.env.CXX ?? "aarch64-linux-gnu-g++").split(" ").filter(Boolean);
  const version = spawnSync(command[0], [...command.slice(1), "--version"], { encoding: "utf8" });
  if (version.status !== 0) {
    throw new CompileError(`${command.join(" ")} does not run; Debian has it in g++-aarch64-linux-gnu.`);
  }
  // Zig has names of its own for processors.
  const flag = (name) => (command.includes("c++") ? `-mcpu=${name.replaceAll("-", "_")}` : `-march=${name}`);
  const instructionSets = Object.fromEntries(
    Object.entries(processors[arch]).map(([isa, name]) => [isa, [flag(name)]]),
  );
  const compiler = { command, identity: [command, version.stdout] };
  return withLock(`pipe-${arch}`, async () => {
    const started = performance.now();
    const objects = planObjects({
      folder: `pipe-${arch}`,
      platform: "linux",
      instructionSets,
      main: "cpp/bindings/pipe.cc",
    });
    const output = join(root, "build", "pipe", arch);
    const stamp = stampObjects(compiler, objects, linkFlags);
    if (isCurrent(output, stamp)) return `build/pipe/${arch}: up to date.`;
    await compileObjects(compiler, objects);
    const temporary = join(root, "build", `pipe-${arch}`, "pipe");
    await execute([...command, ...objects.map((object) => object.path), ...linkFlags, "-o", temporary]);
    install(output, stamp, (to) => renameSync(temporary, to));
    return `build/pipe/${arch}: ${kibibytes(statSync(output).size)} in ${seconds(started)}.`;
  });
}

await runAsScript(import.meta.url, buildPipe);
