// What the native and the WASM build share: which files an object depends on, whether it is up to date,
// a lock so that two builds in one checkout don't collide, and running compilers side by side.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, homedir } from "node:os";
import { dirname, join, posix, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Names of the `.cc` files in a folder under `cpp/`, sorted so that the order of linking is fixed. */
export function sourcesIn(folder) {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((name) => name.endsWith(".cc"))
    .sort()
    .map((name) => `${folder}/${name}`);
}

/**
 * The file and everything it includes, as `path → text`. Reads `#include "…"` lines without evaluating
 * conditions: more files than one target needs, never fewer. Quoted paths are looked up beside the
 * including file, then in `cpp/`.
 */
export function includeClosure(file, closure = new Map()) {
  if (closure.has(file)) return closure;
  const text = readFileSync(join(root, file), "utf8");
  closure.set(file, text);
  for (const [, name] of text.matchAll(/^[ \t]*#[ \t]*include[ \t]+"([^"]+)"/gm)) {
    const candidates = [posix.join(posix.dirname(file), name), posix.join("cpp", name)];
    const found = candidates.find((path) => existsSync(join(root, path)));
    if (found) includeClosure(found, closure);
  }
  return closure;
}

/** Fingerprint of an object: the texts it is made from, the compiler and the flags. */
export function fingerprint(compiler, flags, closure = new Map()) {
  const hash = createHash("sha256").update(JSON.stringify([compiler, flags]));
  for (const file of [...closure.keys()].sort()) hash.update(`\0${file}\0${closure.get(file)}`);
  return hash.digest("hex");
}

/** Where the fingerprint of a built file is kept: under `build/`, so that none reaches the package. */
const stampOf = (path) => join(root, "build", "stamps", relative(root, path));

/** True where `path` was made from exactly these inputs. */
export function isCurrent(path, stamp) {
  return existsSync(path) && existsSync(stampOf(path)) && readFileSync(stampOf(path), "utf8") === stamp;
}

/** Notes that `path` was made from these inputs; `forget` comes before it is made again. */
export function remember(path, stamp) {
  mkdirSync(dirname(stampOf(path)), { recursive: true });
  writeFileSync(stampOf(path), stamp);
}

export function forget(path) {
  rmSync(stampOf(path), { force: true });
}

/** Puts a finished file in place in one step: a process that has the old one open keeps it. */
export function install(path, stamp, write) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    write(temporary);
    forget(path);
    renameSync(temporary, path);
    remember(path, stamp);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * Makes an object, or takes it from the cache that all checkouts of this user share: what was compiled once from the
 * same texts with the same flags is not compiled again. Who comes while another process makes it waits for that.
 *
 * `MYELIN_BUILD_CACHE` names the folder (default ~/.cache/myelin/objects); empty: no cache.
 *
 * @param make writes the object to a path
 */
export async function makeObject(path, stamp, make) {
  const folder = process.env.MYELIN_BUILD_CACHE ?? join(homedir(), ".cache", "myelin", "objects");
  if (folder === "") return makeAlone(path, stamp, make);
  try {
    mkdirSync(folder, { recursive: true });
  } catch {
    return makeAlone(path, stamp, make); // a home that can't be written to
  }
  const kept = join(folder, `${stamp}.o`);
  await whileLocked(join(folder, `${stamp}.lock`), async () => {
    if (!existsSync(kept)) {
      const temporary = `${kept}.${process.pid}.tmp`;
      await make(temporary);
      renameSync(temporary, kept);
      dropOldest(folder);
    }
    const now = new Date();
    utimesSync(kept, now, now);
    install(path, stamp, (to) => copyFileSync(kept, to));
  });
}

async function makeAlone(path, stamp, make) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  await make(temporary);
  install(path, stamp, (to) => renameSync(temporary, to));
}

/** Objects in the cache: some builds of all targets. */
const KEPT = 200;

function dropOldest(folder) {
  const objects = readdirSync(folder).filter((name) => name.endsWith(".o"));
  if (objects.length <= KEPT) return;
  const byAge = objects
    // Another build may drop it meanwhile.
    .map((name) => ({ name, time: statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => a.time - b.time);
  for (const { name } of byAge.slice(0, objects.length - KEPT)) rmSync(join(folder, name), { force: true });
}

/** Runs `tasks`, as many at a time as there are cores. After a failure none is started; it is thrown at the end. */
export async function parallel(tasks) {
  const queue = [...tasks];
  const failures = [];
  const work = async () => {
    while (queue.length > 0 && failures.length === 0) {
      try {
        await queue.shift()();
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  if (failures.length > 0) throw failures[0];
}

/** Runs `body` while no other process of this checkout does so under the same name. */
export async function withLock(name, body) {
  const path = join(root, "build", `${name}.lock`);
  mkdirSync(dirname(path), { recursive: true });
  return whileLocked(path, body);
}

async function whileLocked(path, body) {
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (isAbandoned(path)) rmSync(path, { force: true });
    else await delay(100);
  }
  try {
    return await body();
  } finally {
    rmSync(path, { force: true });
  }
}

function isAbandoned(path) {
  let owner;
  try {
    owner = Number(readFileSync(path, "utf8"));
  } catch {
    return false; // Released between the two calls.
  }
  if (!(owner > 0)) return false; // Just created, its owner is about to write its number.
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

/** A failed compilation: the message is the compiler's own. */
export class CompileError extends Error {}

export const kibibytes = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`;
export const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Entry of a build script: prints its one line, or the compiler's message and exit status 1. */
export async function runAsScript(url, build) {
  if (process.argv[1] !== fileURLToPath(url)) return;
  try {
    console.log(await build());
  } catch (error) {
    console.error(error instanceof CompileError ? error.message : error);
    process.exitCode = 1;
  }
}
