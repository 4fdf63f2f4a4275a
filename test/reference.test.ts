import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { runExample } from "../scripts/reference/examples.mjs";
import * as myelin from "../src/index.js";

const root = fileURLToPath(new URL("..", import.meta.url));

describe("docs/reference", () => {
  it("is what the docstrings say, and every function has an example that gives what it says", () => {
    const run = spawnSync(process.execPath, ["scripts/reference.mjs", "--check"], {
      cwd: root,
      encoding: "utf8",
    });
    expect(run.stderr).toBe("");
    expect(run.status).toBe(0);
  });
});

describe("an example", () => {
  const run = (code: string) => runExample(code, { ...myelin });

  beforeAll(() => myelin.setBackend("reference"));

  it("shows the value of each line with a comment and of the last one, and what it logs", async () => {
    const { shown } = await run("const x = 1 + 1; // 2\nconsole.log('hi')\ntensor([3, 4])");
    expect(shown).toEqual(["2", "hi", "[3., 4.]  float32 [2]"]);
  });

  it("agrees with a comment as far as its digits go", async () => {
    const faultsOf = async (code: string) => (await run(code)).faults;
    expect(await faultsOf("div(tensor([1, 2]), 3) // [0.333, 0.667]")).toEqual([]);
    expect(await faultsOf("div(tensor([1, 2]), 3) // [0.333, 0.666]")).toHaveLength(1);
    expect(await faultsOf("tensor([1, 2]) // [1, 3]")).toHaveLength(1);
    expect(await faultsOf("tensor([1, 2]) // [[1, 2]]")).toHaveLength(1);
    expect(await faultsOf("tensor([1, 2]) // float32 [3]")).toHaveLength(1);
    expect(await faultsOf('"ab" // "ac"')).toHaveLength(1);
    expect(await faultsOf("less(tensor([1, 2]), 2) // [true, true]")).toHaveLength(1);
    expect(await faultsOf("1 / 0 // NaN")).toHaveLength(1);
    expect(await faultsOf("tensor(3) // in words: three")).toEqual([]);
  });

  it("may have types, classes and several statements", async () => {
    const code =
      "class Twice extends Layer {\n  call(x: Tensor): Tensor {\n    return mul(x, 2);\n  }\n}\nnew Twice().run(tensor([1, 2])) // [2, 4]";
    expect((await run(code)).faults).toEqual([]);
  });

  it("that throws is a failure", async () => {
    await expect(run("nothing(1)")).rejects.toThrow("nothing is not defined");
  });
});
