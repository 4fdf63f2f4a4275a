import { describe, expect, it } from "vitest";
import {
  add,
  ConfigError,
  explainProgram,
  greater,
  type Jitted,
  jit,
  matmul,
  mul,
  profile,
  relu,
  scan,
  softmax,
  type Tensor,
  tanh,
  tensor,
  variable,
  whileLoop,
  zeros,
} from "../../src/index.js";
import { describeOnEachBackend } from "../support/eachBackend.js";

describe("explainProgram", () => {
  const layer = jit((x: Tensor, w: Tensor, b: Tensor) => softmax(relu(add(matmul(x, w), b))));
  const args = [zeros([4, 8]), zeros([8, 16]), zeros([16])] as const;

  it("shows which operations were fused into which step, and what each costs", () => {
    const { steps, cost } = explainProgram(layer, ...args);
    expect(steps).toEqual([
      {
        kind: "matmul",
        computes: "matmul → add → relu",
        depth: 0,
        results: ["float32 [4, 16]"],
        flop: 2 * 4 * 8 * 16 + 2 * 64,
        bytesRead: 4 * (32 + 128 + 16),
        bytesWritten: 256,
      },
      {
        kind: "kernel",
        computes: "softmax",
        depth: 0,
        results: ["float32 [4, 16]"],
        flop: 5 * 64,
        bytesRead: 256,
        bytesWritten: 256,
      },
    ]);
    expect(cost).toEqual({ flop: 1152 + 320, bytesRead: 704 + 256, bytesWritten: 512 });
  });

  it("lists the memory with the steps that use it", () => {
    const { buffers, arenaBytes } = explainProgram(layer, ...args);
    expect(arenaBytes).toBe(256);
    const byName = Object.fromEntries(buffers.map(({ name, bytes, steps }) => [name, [bytes, ...steps]]));
    expect(byName).toEqual({
      "argument 0": [128, 0, 0],
      "argument 1": [512, 0, 0],
      "argument 2": [64, 0, 0],
      "arena + 0": [256, 0, 1],
      "result 0": [256, 1, 1],
    });
  });

  it("draws what flows from arguments and variables through the steps to results and new values", () => {
    const state = variable(tensor([0, 0]), { name: "state" });
    const step = jit((x: Tensor) => {
      state.assign(add(state.value, x));
      return mul(x, 2);
    });
    const { diagram } = explainProgram(step, tensor([1, 2]));
    const labels = new Map(diagram.nodes.map(({ id, label }) => [id, label.replace(/^\d+ +/, "")]));
    const edges = diagram.edges.map(({ from, to }) => `${labels.get(from)} → ${labels.get(to)}`);
    expect([...edges].sort()).toEqual([
      'add → new variable "state"',
      "argument 0 → add",
      "argument 0 → mul",
      "mul → result 0",
      'variable "state" → add',
    ]);
  });

  it("prints the recorded graph and tables, and draws in every format", () => {
    const explanation = explainProgram(layer, ...args);
    expect(explanation.graph).toContain("matmul(");
    const text = String(explanation);
    for (const part of [
      "Program of 2 steps",
      "arena 256 B",
      "1.47 kFLOP",
      "matmul → add → relu",
      "argument 2",
    ])
      expect(text).toContain(part);
    expect(explanation.toMermaid()).toContain("matmul → add → relu");
    expect(explanation.toDot()).toMatch(/^digraph/);
    expect(explanation.toSvg()).toMatch(/^<svg/);
    expect(explanation.toHtml()).toContain("Used by steps");
  });

  it("shows the steps of a body below their scan", () => {
    const sums = jit(
      (xs: Tensor) => scan((state: Tensor, x: Tensor) => [tanh(add(state, x)), []], zeros([5]), xs)[0],
    );
    const { steps } = explainProgram(sums, zeros([9, 5]));
    const body = steps.find(({ computes }) => computes.includes("tanh"))!;
    expect(body.depth).toBe(1);
    expect(body.flop).toBe(2 * 5);
    expect(steps.find(({ kind }) => kind === "scan")!.flop).toBe(0);
  });

  it("says in the picture how often a loop runs its steps", () => {
    const halved = (maxIterations?: number) =>
      jit((x: Tensor) =>
        whileLoop(
          (y) => greater(y, 1),
          (y) => mul(y, 0.5),
          x,
          maxIterations === undefined ? {} : { maxIterations },
        ),
      );
    expect(explainProgram(halved(), tensor(8)).toMermaid()).toMatch(/while its condition holds: \d+ steps/);
    expect(explainProgram(halved(7), tensor(8)).toMermaid()).toMatch(
      /while its condition holds, up to 7 times: \d+ steps/,
    );
  });

  it("counts the rows that a batch shorter than its bound has", () => {
    const scaled = jit((x: Tensor) => mul(x, 3), { batchBound: 8 });
    expect(explainProgram(scaled, zeros([2, 10])).cost.flop).toBe(20);
    expect(explainProgram(scaled, zeros([8, 10])).cost.flop).toBe(80);
  });

  it("says what to do with a function that is not compiled", () => {
    const plain = ((x: Tensor) => x) as Jitted<[Tensor], Tensor>;
    expect(() => explainProgram(plain, zeros([2]))).toThrow(ConfigError);
    expect(() => explainProgram(plain, zeros([2]))).toThrow(/Wrap it: explainProgram\(jit\(fn\), …\)/);
  });
});

describeOnEachBackend("after a profile", (name) => {
  it("each step has its calls, its time and, where the machine's limits are known, its bound", async () => {
    const layer = jit((x: Tensor, w: Tensor) => softmax(matmul(x, w)));
    const [x, w] = [
      tensor(new Float32Array(32 * 64), { shape: [32, 64] }),
      tensor(new Float32Array(64 * 16), { shape: [64, 16] }),
    ];
    expect(explainProgram(layer, x, w).steps[0]).not.toHaveProperty("calls");
    await profile(() => {
      for (let i = 0; i < 3; i++) layer(x, w);
    });
    const explanation = explainProgram(layer, x, w);
    expect(explanation.steps.map((step) => step.calls)).toEqual([3, 3]);
    for (const step of explanation.steps) {
      expect(step.milliseconds).toBeGreaterThan(0);
      if (name === "reference") expect(step).not.toHaveProperty("bound");
      else expect(step.bound).toBeGreaterThan(0);
    }
    expect(String(explanation)).toContain("Of bound");
    expect(explanation.diagram.nodes.some(({ kind }) => kind === "hot")).toBe(true);
  });
});
