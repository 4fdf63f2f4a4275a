import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { NDArray } from "../../src/base/array.js";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  cond,
  DataError,
  grad,
  greater,
  jit,
  mul,
  realize,
  scan,
  stopGradient,
  sum,
  type Tensor,
  tensor,
  variable,
  zeros,
} from "../../src/index.js";
import { allReduce, type Communicator, oneRank } from "../../src/ops/allReduce.js";
import { hostCall } from "../../src/ops/hostCall.js";
import { backends } from "../support/backends.js";
import { referenceBackend } from "../support/evaluate.js";
import { useCounted } from "./counting.js";

const vector = { shape: [2], dtype: "float32" } as const;
const doubled = (inputs: readonly NDArray[]): NDArray[] =>
  inputs.map(({ shape, dtype, data }) => ({ shape, dtype, data: data.map((v: number) => 2 * v) }) as NDArray);

afterAll(() => useBackend(referenceBackend));

describe.each([referenceBackend, ...backends])("a call of the host on $name", (on) => {
  beforeEach(() => useBackend(on));

  it("receives the inputs' elements and gives the outputs'", () => {
    let received: readonly NDArray[] = [];
    const [sums, count] = hostCall(
      (inputs) => {
        received = inputs;
        const [a, b] = inputs;
        return [
          { ...vector, data: Float32Array.of(a!.data[0]! + b!.data[0]!, a!.data[1]! + b!.data[1]!) },
          { shape: [], dtype: "int32", data: Int32Array.of(7) },
        ];
      },
      [mul(tensor([1, 2]), 10), tensor([3, 4], { dtype: "int32" })],
      [vector, { shape: [], dtype: "int32" }],
    );
    expect(add(sums!, count!).arraySync()).toEqual([20, 31]);
    expect(received.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual([
      { shape: [2], dtype: "float32" },
      { shape: [2], dtype: "int32" },
    ]);
    expect(received.map(({ data }) => Array.from(data))).toEqual([
      [10, 20],
      [3, 4],
    ]);
  });

  it("sees views as dense arrays", () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    let seen: number[] = [];
    const [y] = hostCall(
      ([a]) => {
        seen = Array.from(a!.data);
        return [a!];
      },
      [x.transpose()],
      [{ shape: [3, 2], dtype: "float32" }],
    );
    expect(y!.arraySync()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    expect(seen).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it("may be asynchronous where the value is awaited, and only there", async () => {
    const later = async (inputs: readonly NDArray[]) => {
      await new Promise((resolve) => setImmediate(resolve));
      return doubled(inputs);
    };
    const build = () => add(hostCall(later, [add(tensor([1, 2]), 1)], [vector])[0]!, 1);
    expect(await build().array()).toEqual([5, 7]);
    const both = [build(), build()];
    await realize(both);
    expect(both.map((t) => t.arraySync())).toEqual([
      [5, 7],
      [5, 7],
    ]);
    expect(() => build().arraySync()).toThrow(DataError);
    expect(() => build().arraySync()).toThrow(/await/);
  });

  it("may compute with the engine itself", async () => {
    const busy = (inputs: readonly NDArray[]) => {
      // Larger than what the waiting program needs, so that shared memory would be overwritten.
      const noise = mul(add(zeros([300, 300]), 5), add(zeros([300, 300]), 7));
      expect(sum(noise.matmul(noise)).itemSync()).toBeGreaterThan(0);
      return doubled(inputs);
    };
    const x = tensor([1, 2]);
    const build = (fn: typeof busy | ((inputs: readonly NDArray[]) => Promise<NDArray[]>)) => {
      const before = sum(mul(x, x)); // needed again behind the call
      const called = hostCall(fn, [add(x, before)], [vector])[0]!;
      return add(mul(called, before), before);
    };
    // x·x summed: 5; (x + 5) doubled: 12, 14; times 5 plus 5
    expect(build(busy).arraySync()).toEqual([65, 75]);
    expect(
      await build(async (inputs) => {
        await Promise.resolve();
        return busy(inputs);
      }).array(),
    ).toEqual([65, 75]);
  });

  it("happens in each run of a compiled function, in order with the others", async () => {
    const calls: number[] = [];
    const note = (inputs: readonly NDArray[]) => {
      calls.push(inputs[0]!.data[0]!);
      return inputs;
    };
    const counter = variable(zeros([2]));
    const step = jit((x: Tensor) => {
      const first = hostCall(note, [add(x, counter.value)], [vector])[0]!;
      const second = hostCall(note, [mul(first, 10)], [vector])[0]!;
      counter.assign(add(counter.value, 1));
      return second;
    });
    expect(step(tensor([1, 2])).arraySync()).toEqual([10, 20]);
    const { steps, value } = await step.repeat(3, [tensor([1, 2])]);
    expect(steps).toBe(3);
    expect(value.arraySync()).toEqual([40, 50]);
    expect(calls).toEqual([1, 10, 2, 20, 3, 30, 4, 40]);
    expect(counter.value.arraySync()).toEqual([4, 4]);
  });

  it("that throws ends the run with its error; variables written behind it stay", async () => {
    const w = variable(tensor([1, 1]));
    const step = jit(() => {
      const [y] = hostCall(
        () => {
          throw new RangeError("the network is down");
        },
        [w.value],
        [vector],
      );
      w.assign(add(w.value, y!));
      return w.value;
    });
    expect(() => step()).toThrow("the network is down");
    await expect(step.repeat(2, [])).rejects.toThrow("the network is down");
    expect(w.value.arraySync()).toEqual([1, 1]);
    expect(add(w.value, 1).arraySync()).toEqual([2, 2]); // the engine works on
  });

  it("is refused where a scan or a cond would have to call", () => {
    const call = (x: Tensor) => hostCall(doubled, [x], [{ shape: [], dtype: "float32" }])[0]!;
    const loop = () =>
      scan((state: Tensor, x: Tensor) => [call(add(state, x)), x], tensor(0), tensor([1, 2, 3]));
    expect(loop).toThrow(/\[scan\].*calls the host.*before or behind/s);
    const choice = () =>
      cond(
        greater(tensor(1), 0),
        () => call(tensor(100)),
        () => tensor(-1),
      );
    expect(choice).toThrow(/\[cond\].*calls the host/s);
  });

  it("that does not depend on the state of a scan happens once, before it", () => {
    let calls = 0;
    const step = hostCall(
      (inputs) => {
        calls++;
        return doubled(inputs);
      },
      [tensor(5)],
      [{ shape: [], dtype: "float32" }],
    )[0]!;
    const [last] = scan(
      (state: Tensor, x: Tensor) => [add(state, mul(x, step)), x],
      tensor(0),
      tensor([1, 2]),
    );
    expect(last.itemSync()).toBe(30);
    expect(calls).toBe(1);
  });

  it("has no derivative, which is said by name; stopGradient treats it as a constant", () => {
    const call = (x: Tensor) => hostCall(doubled, [x], [vector])[0]!;
    expect(() => grad((x: Tensor) => sum(call(x)))(tensor([1, 2]))).toThrow(/hostCall.*stopGradient/s);
    const gradient = grad((x: Tensor) => sum(mul(x, stopGradient(call(x)))))(tensor([1, 2]));
    expect(gradient.arraySync()).toEqual([2, 4]);
  });
});

describe.each([referenceBackend, ...backends])("allReduce on $name", (on) => {
  beforeEach(() => useBackend(on));

  const parts = () => [
    tensor([
      [1, 2],
      [3, 4],
    ]),
    tensor(5),
    tensor([6, 7, 8]),
  ];

  it("on one rank gives the tensors themselves, without a step", () => {
    const counted = useCounted(on);
    expect(allReduce(parts()).map((t) => t.arraySync())).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      5,
      [6, 7, 8],
    ]);
    for (const { steps } of counted.programs) expect(steps.every(({ kind }) => kind === "loop")).toBe(true);
    expect(allReduce([])).toEqual([]);
  });

  it("hands the communicator all tensors as one array and spreads its sums", async () => {
    const buckets: number[][] = [];
    const twoRanks: Communicator = {
      size: 2,
      allReduce: async (data) => {
        buckets.push(Array.from(data));
        for (let i = 0; i < data.length; i++) data[i] = data[i]! * 3;
      },
    };
    const sums = allReduce(parts(), twoRanks);
    await realize(sums);
    expect(sums.map((t) => t.arraySync())).toEqual([
      [
        [3, 6],
        [9, 12],
      ],
      15,
      [18, 21, 24],
    ]);
    expect(buckets).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  it("on one rank hands gradients on", () => {
    const gradient = grad((x: Tensor) => sum(mul(allReduce([x, mul(x, 2)], oneRank)[1]!, x)))(tensor([1, 2]));
    expect(gradient.arraySync()).toEqual([4, 8]);
  });
});
