// Installs the package the way a user does, from its tarball into an empty folder with no scripts run, and
// trains a small model there.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { kibibytes, root } from "./compilation.mjs";

const training = `
import assert from "node:assert/strict";
import { layers, sequential, tensor } from "myelin";

const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]]);
const y = tensor([[0], [1], [1], [0]]);
const model = sequential([layers.dense(16, { activation: "tanh", inputShape: [2] }), layers.dense(1)]);
model.compile({ optimizer: "adam", loss: "meanSquaredError" });
const before = await model.evaluate(x, y, { verbose: 0 });
await model.fit(x, y, { epochs: 300, batchSize: 4, verbose: 0 });
const after = await model.evaluate(x, y, { verbose: 0 });
assert.ok(after.loss < before.loss / 2, \`loss \${before.loss} before, \${after.loss} after training\`);
console.log(\`trained: loss \${before.loss.toFixed(3)} before, \${after.loss.toFixed(3)} after\`);
`;

const typed = `
import { layers, sequential } from "myelin";
export const model = sequential([layers.dense(1, { inputShape: [2] })]);
`;

// A page's project, with the libraries that come by default, and one for Node, with the types of Node alone.
const strict = { target: "es2022", module: "nodenext", strict: true, noEmit: true };
const consumers = {
  page: { compilerOptions: { ...strict, types: [] }, files: ["typed.ts"] },
  node: { compilerOptions: { ...strict, lib: ["es2022"], types: ["node"] }, files: ["typed.ts"] },
};

function execute(program, args, cwd) {
  const result = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (result.error) throw result.error;
  assert.equal(result.status, 0, `${program} ${args.join(" ")} failed:\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

const folder = mkdtempSync(join(tmpdir(), "myelin-pack-"));
try {
  execute("npm", ["pack", "--pack-destination", folder], root);
  const [tarball, ...others] = readdirSync(folder);
  assert.ok(tarball?.endsWith(".tgz") && others.length === 0, "npm pack makes one tarball");

  const user = join(folder, "user");
  mkdirSync(user);
  writeFileSync(join(user, "package.json"), JSON.stringify({ private: true, type: "module" }));
  execute("npm", ["install", "--ignore-scripts", join(folder, tarball)], user);

  const installed = join(user, "node_modules", "myelin");
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  for (const name of ["preinstall", "install", "postinstall"]) {
    assert.ok(!(name in manifest.scripts), `the package runs no ${name} script`);
  }
  const targets = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === "string" ? [entry] : Object.values(entry),
  );
  for (const path of [...targets, ...Object.values(manifest.bin)]) {
    assert.ok(existsSync(join(installed, path)), `${path}, which package.json names, is in the package`);
  }
  for (const variant of ["simd", "threads", "relaxed"]) {
    assert.ok(
      existsSync(join(installed, "prebuilds", "wasm", `myelin-${variant}.wasm`)),
      `${variant} module`,
    );
  }

  for (const folder of readdirSync(join(root, "prebuilds"))) {
    const addon = join("prebuilds", folder, "myelin.node");
    assert.ok(
      !existsSync(join(root, addon)) || existsSync(join(installed, addon)),
      `${addon} is in the package`,
    );
  }

  writeFileSync(join(user, "train.js"), training);
  const output = execute(process.execPath, ["train.js"], user);

  // The declarations stand without `skipLibCheck`.
  writeFileSync(join(user, "typed.ts"), typed);
  const { resolve } = createRequire(import.meta.url);
  const typescript = dirname(resolve("typescript/package.json"));
  for (const name of ["@types/node", "undici-types"]) {
    const source = dirname(resolve(`${name}/package.json`));
    cpSync(source, join(user, "node_modules", name), { recursive: true });
  }
  for (const [name, configuration] of Object.entries(consumers)) {
    writeFileSync(join(user, `tsconfig.${name}.json`), JSON.stringify(configuration));
    execute(process.execPath, [join(typescript, "bin", "tsc"), "-p", `tsconfig.${name}.json`], user);
  }

  const size = kibibytes(readFileSync(join(folder, tarball)).length);
  console.log(`package: ${tarball}, ${size}; ${output.trim()}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
