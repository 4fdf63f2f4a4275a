// The matrix product alone, outside of the engine, for each instruction set of this processor:
//
//   npm run check:gemm                            cpp/gemm/check.cc: against a naive product, with the address sanitizer
//   npm run measure:gemm -- 512x512x512 …         cpp/gemm/measure.cc: times and shares of the peak, of the best set only
//
//   CXX=clang++    picks the compiler;  MYELIN_ISA=avx2  one instruction set
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./compilation.mjs";

const [what, ...shapes] = process.argv.slice(2);
const programs = {
  check: ["-O2", "-fsanitize=address"],
  measure: ["-O3", "-lpthread"],
};
const instructionSets = {
  x64: {
    avx512: ["-march=x86-64-v4", "-mprefer-vector-width=512"],
    avx2: ["-march=x86-64-v3"],
    baseline: ["-march=x86-64-v2"],
  },
  arm64: { neon: ["-march=armv8-a"] },
}[process.arch];

/** What this processor has, best first. Linux says so; elsewhere nothing beyond the oldest is taken for granted. */
function supported() {
  const names = Object.keys(instructionSets);
  const flags = process.platform === "linux" ? readFileSync("/proc/cpuinfo", "latin1") : "";
  return names.filter(
    (name) =>
      name === names.at(-1) || new RegExp(`\\b${name === "avx512" ? "avx512vl" : name}\\b`).test(flags),
  );
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

if (!(what in programs))
  throw new Error(`Expected one of ${Object.keys(programs).join(", ")}, received ${what}.`);
const all = supported();
const wanted = process.env.MYELIN_ISA;
if (wanted && !all.includes(wanted))
  throw new Error(`MYELIN_ISA=${wanted}: this processor has ${all.join(", ")}.`);
const folder = join(root, "build", "gemm");
mkdirSync(folder, { recursive: true });
for (const isa of wanted ? [wanted] : what === "check" ? all : all.slice(0, 1)) {
  const program = join(folder, `${what}-${isa}`);
  const [compiler, ...first] = (process.env.CXX ?? "c++").split(" ");
  const flags = [
    "-std=c++20",
    "-ffp-contract=off",
    "-w",
    "-Icpp",
    ...instructionSets[isa],
    ...programs[what],
  ];
  run(compiler, [...first, `cpp/gemm/${what}.cc`, ...flags, "-o", program]);
  console.log(`${isa}:`);
  run(program, shapes);
}
