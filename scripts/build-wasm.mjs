// Builds the WASM backend, prebuilds/wasm/myelin-{simd,threads,relaxed}.wasm, with the clang that the
// development dependency `@yowasp/clang` carries (itself a WASM program, so nothing has to be installed).
//
// The sources are those of the native addon: cpp/bindings/wasm.cc, cpp/runtime/*.cc that are portable or *.wasm.cc, and
// cpp/kernels/*.cc.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
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

const threads = ["-matomics", "-mbulk-memory", "-DMYELIN_THREADS=1"];
const sharedMemory = ["-Wl,--shared-memory", "-Wl,--max-memory=4294967296"];

/** One module per set of features; the backend probes at load which of them runs, and which is fastest. */
const variants = [
  { name: "simd", isa: "wasm", compile: ["-mbulk-memory"], link: [] },
  { name: "threads", isa: "wasm", compile: threads, link: sharedMemory },
  { name: "relaxed", isa: "wasm_relaxed", compile: [...threads, "-mrelaxed-simd"], link: sharedMemory },
];

const commonFlags = [
  "--target=wasm32-unknown-unknown",
  "-std=c++20",
  "-O3",
  "-ffreestanding",
  "-nostdlib",
  "-nostdinc++",
  "-msimd128",
  "-fvisibility=hidden",
  "-fno-exceptions",
  "-fno-rtti",
  "-fno-threadsafe-statics",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-ffp-contract=off",
  "-Wall",
  "-Wextra",
  "-Wno-unused-function", // Headers of kernels hold more than each unit uses.
  "-Icpp",
];

const linkFlags = [
  "--target=wasm32-unknown-unknown",
  "-nostdlib",
  "-Wl,--no-entry",
  "-Wl,--import-memory",
  "-Wl,--export=__stack_pointer", // Each worker sets its own before it enters.
  "-Wl,--export=__heap_base",
  "-Wl,--stack-first",
  "-Wl,-z,stack-size=1048576",
  "-Wl,--gc-sections",
  "-Wl,--strip-all",
];

const outputOf = (variant) => join(root, "prebuilds", "wasm", `myelin-${variant.name}.wasm`);

/** Builds what is out of date and says in one line what there is now. */
export async function buildWasm() {
  if (!existsSync(join(root, "cpp/bindings/wasm.cc"))) return "WASM: not built (no sources).";
  return withLock("wasm", async () => {
    const started = performance.now();
    const require = createRequire(import.meta.url);
    const manifest = join(dirname(require.resolve("@yowasp/clang")), "..", "package.json");
    const compiler = JSON.parse(readFileSync(manifest, "utf8")).version;
    const outdated = variants
      .map((variant) => plan(variant, compiler))
      .filter((variant) => !variant.isCurrent);
    if (outdated.length === 0) return "WASM: up to date.";
    await parallel(outdated.map((variant) => () => inWorker(variant)));
    const sizes = outdated.map((variant) => `${variant.name} ${kibibytes(statSync(outputOf(variant)).size)}`);
    return `WASM: ${sizes.join(", ")}, clang ${compiler} in ${seconds(started)}.`;
  });
}

/** The objects of one module, and whether the module is up to date. */
function plan(variant, compiler) {
  const flags = [
    ...commonFlags,
    ...variant.compile,
    `-DMYELIN_ISA=${variant.isa}`,
    `-DMYELIN_ISA_${variant.isa.toUpperCase()}=1`,
    `-DMYELIN_ISAS(X)=X(${variant.isa})`,
  ];
  const runtime = sourcesIn("cpp/runtime").filter((source) => /\/\w+(\.wasm)?\.cc$/.test(source));
  const objects = ["cpp/bindings/wasm.cc", ...runtime, ...sourcesIn("cpp/kernels")].map((source) => {
    const closure = includeClosure(source);
    const stamp = fingerprint(compiler, flags, closure);
    const folder = join(root, "build", "wasm", variant.name);
    return { source, closure, stamp, path: join(folder, `${source.replaceAll("/", "-").slice(0, -3)}.o`) };
  });
  const link = [...linkFlags, ...variant.link];
  const stamp = fingerprint(compiler, [link, objects.map((object) => object.stamp)]);
  return { ...variant, flags, objects, link, stamp, isCurrent: isCurrent(outputOf(variant), stamp) };
}

/** The compiler computes on the thread that calls it, so each module gets a thread of its own. */
function inWorker(variant) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { variant } });
    worker.on("message", (failure) => (failure ? reject(new CompileError(failure)) : resolve()));
    worker.on("error", reject);
  });
}

async function buildVariant(variant) {
  const files = {};
  for (const { source, closure, stamp, path } of variant.objects) {
    const name = basename(path);
    if (!isCurrent(path, stamp)) {
      await makeObject(path, stamp, async (to) => {
        writeFileSync(to, await clang([...variant.flags, "-c", source, "-o", name], tree(closure), name));
      });
    }
    files[name] = new Uint8Array(readFileSync(path));
  }
  const output = basename(outputOf(variant));
  const module = await clang([...Object.keys(files), ...variant.link, "-o", output], files, output);
  install(outputOf(variant), variant.stamp, (to) => writeFileSync(to, module));
}

/** Runs the compiler on a virtual file system that holds `files`, and returns the file it made. */
async function clang(args, files, output) {
  const { commands, runLLVM, Exit } = await import("@yowasp/clang");
  // Reads the compiler into memory, once; left to itself it would print how far it has got.
  await runLLVM(undefined, {}, { fetchProgress: () => {} });
  const chunks = [];
  const collect = (bytes) => bytes && chunks.push(Buffer.from(bytes));
  const text = () => Buffer.concat(chunks).toString();
  try {
    const result = await commands["clang++"](args, files, {
      stdout: collect,
      stderr: collect,
    });
    if (text()) process.stderr.write(text()); // Warnings.
    return result[output];
  } catch (error) {
    if (error instanceof Exit) throw new CompileError(text() || `clang++ failed with status ${error.code}.`);
    throw error;
  }
}

/** `{ "cpp/simd.h": text }` as the nested folders that the compiler's file system takes. */
function tree(closure) {
  const top = {};
  for (const [path, text] of closure) {
    const folders = path.split("/");
    const file = folders.pop();
    let folder = top;
    for (const name of folders) folder = folder[name] ??= {};
    folder[file] = text;
  }
  return top;
}

if (isMainThread) {
  await runAsScript(import.meta.url, buildWasm);
} else {
  try {
    await buildVariant(workerData.variant);
    parentPort.postMessage(null);
  } catch (error) {
    parentPort.postMessage(error instanceof CompileError ? error.message : String(error.stack ?? error));
  }
}
