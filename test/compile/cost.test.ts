/** Costs of steps against numbers worked out by hand. */
import { describe, expect, it } from "vitest";
import { type CostOptions, costOfProgram } from "../../src/compile/cost.js";
import {
  add,
  cond,
  conv2d,
  gather,
  jit,
  matmul,
  mul,
  relu,
  scan,
  softmax,
  sum,
  type Tensor,
  tanh,
  zeros,
} from "../../src/index.js";

type Fn = (...args: Tensor[]) => Tensor;

function costOf(fn: Fn, args: Tensor[], options: CostOptions & { batchBound?: number } = {}) {
  const { batchBound } = options;
  const { program } = jit(fn, batchBound === undefined ? {} : { batchBound }).compile(...args);
  return costOfProgram(program, options);
}

describe("the cost of a step", () => {
  it("is 2·m·k·n for a matrix product, and an operation more per element for each one behind it", () => {
    const args = [zeros([4, 8]), zeros([8, 16]), zeros([16])];
    const cost = costOf((x, w, b) => relu(add(matmul(x, w!), b!)), args);
    expect(cost).toEqual({
      flop: 2 * 4 * 8 * 16 + 2 * 4 * 16,
      bytesRead: 4 * (4 * 8 + 8 * 16 + 16),
      bytesWritten: 4 * 4 * 16,
    });
  });

  it("counts the batches of a product", () => {
    const cost = costOf((a, b) => matmul(a, b!), [zeros([3, 4, 8]), zeros([3, 8, 16])]);
    expect(cost.flop).toBe(3 * 2 * 4 * 8 * 16);
  });

  it("is one operation per element and instruction in a loop; what is read twice or repeated moves once", () => {
    const args = [zeros([6, 100]), zeros([100])];
    const cost = costOf((x, b) => add(mul(x, x), b!), args);
    expect(cost).toEqual({ flop: 2 * 600, bytesRead: 4 * (600 + 100), bytesWritten: 4 * 600 });
  });

  it("counts what is done before and after a reduction", () => {
    const cost = costOf((x) => tanh(sum(mul(x, x), 1)), [zeros([6, 100])]);
    expect(cost).toEqual({ flop: 2 * 600 + 6, bytesRead: 4 * 600, bytesWritten: 4 * 6 });
  });

  it("is 2 · results · terms for a convolution", () => {
    const cost = costOf(
      (x, k) => conv2d(x, k!, { strides: 2, groups: 2 }),
      [zeros([2, 9, 9, 4]), zeros([3, 3, 2, 8])],
    );
    expect(cost.flop).toBe(2 * (2 * 4 * 4 * 8) * (3 * 3 * 2));
  });

  it("reads only the rows that are looked up", () => {
    const cost = costOf((table, rows) => gather(table, rows!), [zeros([1000, 16]), zeros([3], "int32")]);
    expect(cost).toEqual({ flop: 0, bytesRead: 3 * 16 * 4 + 3 * 4, bytesWritten: 3 * 16 * 4 });
  });

  it("takes what the record says for a kernel", () => {
    expect(costOf((x) => softmax(x), [zeros([3, 10])]).flop).toBe(5 * 30);
  });

  it("is the body's times the length for a scan", () => {
    const cost = costOf(
      (x, h) => scan((state: Tensor, row: Tensor) => [tanh(add(state, row)), []], h!, x)[0],
      [zeros([7, 5]), zeros([5])],
    );
    expect(cost.flop).toBe(7 * 2 * 5);
  });

  it("is that of the dearer side for a cond", () => {
    const cost = costOf(
      (p, x) =>
        cond(
          p.greater(0),
          () => tanh(mul(x!, x!)),
          () => mul(x!, 2),
        ),
      [zeros([]), zeros([50])],
    );
    expect(cost.flop).toBe(1 + 2 * 50);
  });

  it("shrinks with the part of a run-time length that is in use", () => {
    const args = [zeros([4, 10])];
    const full = costOf((x) => mul(x, 3), args, { batchBound: 8 });
    const half = costOf((x) => mul(x, 3), args, { batchBound: 8, fill: 0.5 });
    expect(full).toEqual({ flop: 80, bytesRead: 320, bytesWritten: 320 });
    expect(half).toEqual({ flop: 40, bytesRead: 160, bytesWritten: 160 });
  });
});
