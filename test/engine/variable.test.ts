import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { backend, useBackend } from "../../src/engine/device.js";
import {
  add,
  ConfigError,
  cond,
  DTypeError,
  grad,
  jit,
  mul,
  ones,
  ShapeError,
  scan,
  sin,
  square,
  sum,
  type Tensor,
  TraceError,
  tensor,
  transpose,
  Variable,
  valueAndGrad,
  variable,
  zeros,
} from "../../src/index.js";
import { backends } from "../support/backends.js";
import { referenceBackend } from "../support/evaluate.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Lets the collector find what nobody holds, and its callbacks run. */
async function collected(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  await new Promise((resolve) => setImmediate(resolve));
}

/** Counts copies between memories of the backend in use. */
function countCopies(fn: () => void): number {
  const on = backend();
  const { copy } = on;
  let copies = 0;
  on.copy = (from, to) => {
    copies++;
    copy.call(on, from, to);
  };
  try {
    fn();
  } finally {
    on.copy = copy;
  }
  return copies;
}

afterAll(() => useBackend(referenceBackend));

describe.each([referenceBackend, ...backends])("a variable on $name", (on) => {
  beforeEach(() => useBackend(on));

  it("has the type of its first value, a name and whether it is trained", () => {
    const w = variable(zeros([2, 3]), { name: "w", trainable: false });
    expect([w.name, w.shape, w.dtype, w.trainable]).toEqual(["w", [2, 3], "float32", false]);
    const step = variable(3, { dtype: "int32" });
    expect([step.shape, step.dtype, step.trainable, step.value.itemSync()]).toEqual([[], "int32", true, 3]);
    const converted = variable(tensor([1.5, -2]), { dtype: "int32" });
    expect([converted.dtype, converted.value.dtype, converted.value.arraySync()]).toEqual([
      "int32",
      "int32",
      [1, -2],
    ]);
    expect(variable(tensor([1], { dtype: "int32" })).dtype).toBe("int32");
    expect(variable(tensor([true, false]), { dtype: "float32" }).value.arraySync()).toEqual([1, 0]);
    expect(() => variable(tensor([1]), { dtype: "float" as "float32" })).toThrow(/float32/);
    expect(variable(1).name).not.toBe(variable(1).name);
    expect(new Variable(ones([2])).value.arraySync()).toEqual([1, 1]);
  });

  it("can be assigned tensors and numbers", () => {
    const w = variable(tensor([1, 2]));
    w.assign(mul(w.value, 10));
    w.assign(add(w.value, 1));
    expect(w.value.arraySync()).toEqual([11, 21]);
    w.assign(0.5);
    expect(w.value.arraySync()).toEqual([0.5, 0.5]);
    w.assign(tensor([3, 4], { dtype: "int32" })); // becomes float32
    expect([w.value.dtype, w.value.arraySync()]).toEqual(["float32", [3, 4]]);
  });

  it("shows a snapshot: what was read stays whatever happens later", async () => {
    const w = variable(tensor([1, 2]));
    const step = jit(() => w.assign(add(w.value, 1)));
    const held = [w.value];
    for (let i = 0; i < 3; i++) {
      step();
      held.push(w.value);
    }
    await step.repeat(5, []);
    w.assign(tensor([0, 0]));
    expect(held.map((t) => t.arraySync())).toEqual([
      [1, 2],
      [2, 3],
      [3, 4],
      [4, 5],
    ]);
    expect(w.value.arraySync()).toEqual([0, 0]);
  });

  it("shows a snapshot of a value that was not computed yet, too", () => {
    const w = variable(mul(tensor([1, 2]), 2));
    const held = w.value;
    const view = transpose(add(w.value, 1));
    const step = jit(() => w.assign(mul(w.value, 100)));
    step();
    step();
    expect(held.arraySync()).toEqual([2, 4]);
    expect(view.arraySync()).toEqual([3, 5]);
    expect(w.value.arraySync()).toEqual([20000, 40000]);
  });

  it("copies once for a snapshot and not at all without one", async () => {
    const w = variable(tensor(new Float32Array(3000).fill(1)));
    const step = jit(() => w.assign(add(w.value, 1)));
    step();
    await collected();
    expect(countCopies(() => step())).toBe(0);
    const held = w.value;
    expect(countCopies(() => step())).toBe(1);
    expect(countCopies(() => step())).toBe(0);
    expect(held.dataSync()[0]).toBe(3);
    const stepped = w.value.dataSync()[0];
    await collected();
    expect(stepped).toBe(5);
    expect(countCopies(() => step())).toBe(0); // the snapshot was collected
  });

  it("needs no copy for a start value that nobody else has", async () => {
    const w = variable(mul(ones([3000]), 3));
    const step = jit(() => w.assign(add(w.value, 1)));
    expect(countCopies(() => step())).toBe(0);
    expect(w.value.dataSync()[2999]).toBe(4);
  });

  it("shares its memory with no other one", async () => {
    // One tensor that nobody holds afterwards; one variable assigned another's value; the same unread value twice.
    const make = () => {
      const x = tensor(new Float32Array(2000).fill(1));
      const [a, b] = [variable(x), variable(x)];
      const c = variable(zeros([2000]));
      c.assign(a.value);
      const y = mul(x, 5);
      const [d, e] = [variable(y), variable(y)];
      return { a, b, c, d, e };
    };
    const { a, b, c, d, e } = make();
    await collected();
    const step = jit(() => {
      a.assign(add(a.value, 1));
      d.assign(add(d.value, 1));
    });
    step();
    await collected();
    step();
    expect([a, b, c, d, e].map((v) => v.value.dataSync()[1999])).toEqual([3, 1, 1, 7, 5]);
  });

  it("may be exchanged with another one in a trace", () => {
    const [a, b] = [variable(tensor([1, 2])), variable(tensor([3, 4]))];
    const swap = jit(() => {
      const before = a.value;
      a.assign(b.value);
      b.assign(before);
    });
    swap();
    expect([a.value.arraySync(), b.value.arraySync()]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    swap();
    swap();
    expect([a.value.arraySync(), b.value.arraySync()]).toEqual([
      [3, 4],
      [1, 2],
    ]);
  });

  it("is read and assigned in order inside a trace", () => {
    const n = variable(tensor([1, 2]));
    const step = jit(() => {
      const first = n.value;
      n.assign(add(n.value, 1));
      const second = n.value;
      n.assign(mul(n.value, 10));
      return { first, second, third: n.value };
    });
    const { first, second, third } = step();
    expect([first, second, third].map((t) => t.arraySync())).toEqual([
      [1, 2],
      [2, 3],
      [20, 30],
    ]);
    expect(n.value.arraySync()).toEqual([20, 30]);
  });

  it("may be replaced by a view of itself or of another one", () => {
    const square2 = variable(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    );
    const row = variable(tensor([0, 0]));
    const turn = jit(() => {
      square2.assign(transpose(square2.value));
      row.assign(square2.value.at(0));
    });
    turn();
    expect(square2.value.arraySync()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(row.value.arraySync()).toEqual([1, 3]);
  });

  it("is a state of a scan that assigns it", () => {
    const total = variable(tensor([10]), { name: "total" });
    const count = variable(0, { dtype: "int32" });
    const untouched = variable(tensor([2]));
    const run = (xs: Tensor) => {
      const [last, seen] = scan(
        (s: Tensor, x: Tensor) => {
          count.assign(add(count.value, 1));
          const before = total.value;
          total.assign(add(total.value, mul(x, untouched.value)));
          return [add(s, total.value), [before, count.value]];
        },
        zeros([1]),
        xs,
      );
      return { last, totals: seen[0]!, counts: seen[1]!, after: total.value };
    };
    const check = ({ last, totals, counts, after }: ReturnType<typeof run>, start: number, from: number) => {
      expect(totals.arraySync()).toEqual([[start], [start + 2], [start + 6]]);
      expect(after.arraySync()).toEqual([start + 12]);
      expect(last.arraySync()).toEqual([3 * start + 2 + 6 + 12]);
      expect(counts.arraySync()).toEqual([from + 1, from + 2, from + 3]);
    };
    const xs = tensor([[1], [2], [3]]);
    check(run(xs), 10, 0); // as it is
    expect(total.value.arraySync()).toEqual([22]);
    const compiled = jit(run);
    check(compiled(xs), 22, 3);
    check(compiled(xs), 34, 6);
    expect([total.value.arraySync(), count.value.itemSync()]).toEqual([[46], 9]);
    expect(untouched.value.arraySync()).toEqual([2]);
  });

  it("is assigned in loops inside loops", () => {
    const count = variable(0);
    scan(
      (s: Tensor, _: Tensor) => {
        scan(
          (t: Tensor, x: Tensor) => {
            count.assign(add(count.value, x));
            return [t, []];
          },
          s,
          tensor([1, 2]),
        );
        count.assign(mul(count.value, 2));
        return [s, []];
      },
      tensor(0),
      zeros([3]),
    );
    expect(count.value.itemSync()).toBe(((0 + 3) * 2 + 3) * 2 * 2 + 3 * 2);
  });

  it("is assigned on the chosen side of a cond only", () => {
    const [a, b] = [variable(tensor([1])), variable(tensor([1]))];
    const step = jit((x: Tensor) =>
      cond(
        x,
        () => {
          a.assign(add(a.value, 10));
          return a.value;
        },
        () => {
          b.assign(add(b.value, 100));
          a.assign(mul(a.value, 2));
          return a.value;
        },
      ),
    );
    expect(step(tensor(true)).arraySync()).toEqual([11]);
    expect([a.value.arraySync(), b.value.arraySync()]).toEqual([[11], [1]]);
    expect(step(tensor(false)).arraySync()).toEqual([22]);
    expect([a.value.arraySync(), b.value.arraySync()]).toEqual([[22], [101]]);
    cond(
      tensor(false),
      () => {
        a.assign(0);
        return [];
      },
      () => [],
    );
    expect(a.value.arraySync()).toEqual([22]);
  });

  it("hands gradients through the loop that assigns it", () => {
    const w = variable(tensor(2));
    const loss = () => {
      const state = variable(w.value);
      scan(
        (s: Tensor, x: Tensor) => {
          state.assign(mul(state.value, x));
          return [s, []];
        },
        tensor(0),
        tensor([3, 5]),
      );
      return square(state.value); // (15 w)²
    };
    const { value, gradients } = valueAndGrad(loss, [w])();
    expect(value.itemSync()).toBe(900);
    expect(gradients[0]!.itemSync()).toBe(2 * 225 * 2);
  });
});

describe("a variable", () => {
  beforeEach(() => useBackend(referenceBackend));

  it("is the same tensor while a derivative is taken, until it is assigned", () => {
    const w = variable(tensor([2]));
    w.value.dataSync();
    const { gradients } = valueAndGrad(() => sum(mul(w.value, sin(w.value))), [w])();
    expect(gradients[0]!.itemSync()).toBeCloseTo(Math.sin(2) + 2 * Math.cos(2), 6);
    const f = (x: Tensor) => {
      w.assign(mul(x, 3));
      return sum(square(w.value));
    };
    expect(grad(f)(tensor([2])).arraySync()).toEqual([36]);
  });

  it("keeps its value when a traced function fails", () => {
    const w = variable(tensor([1]));
    const broken = jit(() => {
      w.assign(add(w.value, 1));
      throw new RangeError("no");
    });
    expect(() => broken()).toThrow(RangeError);
    expect(w.value.arraySync()).toEqual([1]);
    w.assign(5);
    expect(w.value.arraySync()).toEqual([5]);
  });

  it("does not mind that a tensor it was made from is disposed of", () => {
    const x = tensor([1, 2]);
    const w = variable(x);
    x.dispose();
    const y = mul(tensor([3, 4]), 2);
    const v = variable(y);
    y.dispose();
    w.value.dispose();
    v.value.dispose();
    expect(add(w.value, 1).arraySync()).toEqual([2, 3]);
    expect(add(v.value, 1).arraySync()).toEqual([7, 9]);
  });

  it.each([
    ["another shape", () => variable(zeros([2])).assign(zeros([3])), ShapeError, /\[2\].*\[3\]/],
    ["another rank", () => variable(zeros([2])).assign(zeros([1, 2])), ShapeError, /\[2\].*\[1, 2\]/],
    [
      "floats where it holds integers",
      () => variable(0, { dtype: "int32", name: "step" }).assign(tensor(0.5)),
      DTypeError,
      /variable "step".*int32.*float32.*cast\(x, "int32"\)/,
    ],
    [
      "a fraction where it holds integers",
      () => variable(0, { dtype: "int32" }).assign(0.5),
      DTypeError,
      /int32.*0\.5/,
    ],
  ])("refuses %s", (_, assign, error, message) => {
    expect(assign).toThrow(error);
    expect(assign).toThrow(message);
  });

  it("is refused for arrays and nothing", () => {
    const make = (x: unknown) => () => variable(x as number);
    expect(make([1, 2])).toThrow(ConfigError);
    expect(make([1, 2])).toThrow(/variable\(tensor\(\[…\]\)\)/);
    expect(make(undefined)).toThrow(/undefined/);
    expect(() => new Variable(1 as unknown as Tensor)).toThrow(ConfigError);
  });

  it("that was assigned a value of a trace which leaked says so when it is read", () => {
    const w = variable(tensor([1]));
    let leaked: Tensor | undefined;
    jit((x: Tensor) => {
      leaked = mul(x, 2);
      return leaked;
    })(tensor([1]));
    w.assign(leaked!);
    expect(() => w.value.dataSync()).toThrow(TraceError);
    expect(() => w.value.dataSync()).toThrow(/leaked/);
  });
});
