/** What Node's `console.log` shows of the library's objects. */
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { add, layers, sequential, setBackend, tensor, variable, zeros } from "../../src/index.js";

describe("console.log shows", () => {
  it("a tensor as toString does", async () => {
    await setBackend("reference");
    const x = tensor([1, 2]);
    expect(inspect(x)).toBe("[1., 2.]  float32 [2]");
    expect(inspect({ x })).toContain("[1., 2.]  float32 [2]");
    expect(inspect(add(x, 1))).toBe("Tensor(float32 [2], not computed yet: await print(x) shows it)");
  });

  it("a variable by name, dtype and shape", () => {
    expect(inspect(variable(zeros([2, 3]), { name: "gain" }))).toBe('Variable "gain" float32 [2, 3]');
  });

  it("a layer and a model by name and number of parameters", () => {
    const hidden = layers.dense(128, { name: "hidden" });
    expect(inspect(hidden)).toBe('Dense "hidden" (not built)');
    const input = layers.input({ shape: [784] });
    const model = sequential([input, hidden, layers.dense(1, { name: "end" })], { name: "net" });
    expect(inspect(hidden)).toBe('Dense "hidden" (100,480 parameters)');
    expect(inspect(model)).toBe('Sequential "net" (100,609 parameters)');
  });
});
