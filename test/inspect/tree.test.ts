import { beforeEach, describe, expect, it } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import {
  add,
  argMax,
  cast,
  cond,
  equal,
  explainGradient,
  GradientError,
  greater,
  jit,
  matmul,
  mean,
  mul,
  neg,
  relu,
  reshape,
  ShapeError,
  scan,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  TraceError,
  tensor,
  toTree,
  transpose,
  variable,
} from "../../src/index.js";
import { valueText } from "../../src/inspect/valueText.js";
import { referenceBackend } from "../support/evaluate.js";

beforeEach(() => useBackend(referenceBackend));

const lines = (...text: string[]) => text.join("\n");

describe("toTree", () => {
  it("tells (a + 7) + y from a + (7 + y), which have the same value", async () => {
    const first = toTree((a, y) => add(add(a, 7), y), 1, 2);
    const second = toTree((a, y) => add(a, add(7, y)), 1, 2);
    expect(String(first)).toBe(lines("+", "├─ +", "│  ├─ a", "│  └─ 7", "└─ y"));
    expect(String(second)).toBe(lines("+", "├─ a", "└─ +", "   ├─ 7", "   └─ y"));
    const [left, right] = [await first.withValues(), await second.withValues()];
    expect(String(left)).toBe(lines("+  = 10", "├─ +  = 8", "│  ├─ a  = 1", "│  └─ 7", "└─ y  = 2"));
    expect(String(right)).toBe(lines("+  = 10", "├─ a  = 1", "└─ +  = 9", "   ├─ 7", "   └─ y  = 2"));
  });

  it("prints what is shared once", () => {
    const tree = toTree(
      (a, x) => {
        const inner = add(a, x);
        return mul(inner, neg(inner));
      },
      1,
      2,
    );
    expect(String(tree)).toBe(lines("*", "├─ + #1", "│  ├─ a", "│  └─ x", "└─ neg", "   └─ + ↑1"));
  });

  it("names leaves by keys, places and variables, and hides stretching", async () => {
    const w = variable(tensor([[1], [-1]]), { name: "w" });
    const tree = toTree(
      ({ x, more }: { x: Tensor; more: readonly Tensor[] }) =>
        sum(relu(add(matmul(x, w.value), more[1]!)), 0),
      {
        x: tensor([
          [1, 2],
          [4, 3],
          [0, 0],
        ]),
        more: [tensor(0), tensor([5])],
      },
    );
    expect(String(await tree.withValues())).toBe(
      lines(
        "sum  = 15",
        "└─ relu  [3, 1]  = [[4], [6], [5]]",
        "   └─ +  [3, 1]  = [[4], [6], [5]]",
        "      ├─ matmul  [3, 1]  = [[-1], [1], [0]]",
        "      │  ├─ x  [3, 2]  = [[1, 2], [4, 3], [0, 0]]",
        "      │  └─ w  [2, 1]  = [[1], [-1]]",
        "      └─ more[1]  = 5",
      ),
    );
  });

  it("stops at tensors that were there before, sees into compiled functions, and shows dtypes", () => {
    const before = mul(tensor([1, 2]), 3);
    const tree = toTree(
      (i: Tensor) => jit((j: Tensor) => add(j, before))(cast(i, "float32")),
      tensor([1, 2], { dtype: "int32" }),
    );
    expect(String(tree)).toBe(lines("+  [2]", "├─ cast float32  [2]", "│  └─ i  int32 [2]", "└─ data  [2]"));
  });

  it("names the axes of a reduction that leaves some", () => {
    expect(String(toTree((x: Tensor) => sum(x, 0), tensor([[1, 2]])))).toBe(
      lines("sum axis 0  [2]", "└─ x  [1, 2]"),
    );
    expect(
      String(
        toTree(
          (x: Tensor) => sum(x, 1),
          tensor([
            [1, 2],
            [3, 4],
          ]),
        ),
      ),
    ).toBe(lines("sum axis 1  [2]", "└─ x  [2, 2]"));
  });

  it("tells a reshape after a reduction from the dropping of its axes", () => {
    const outside = sum(
      tensor([
        [1, 2],
        [3, 4],
      ]),
      0,
      { keepDims: true },
    );
    const tree = toTree(
      (x: Tensor) => add(reshape(sum(x, 0), [2, 2]), reshape(outside, [2])),
      tensor([[1, 2, 3, 4]]),
    );
    expect(String(tree)).toBe(
      lines(
        "+  [2, 2]",
        "├─ reshape  [2, 2]",
        "│  └─ sum axis 0  [4]",
        "│     └─ x  [1, 4]",
        "└─ data  [1, 2]",
      ),
    );
  });

  it("shows conditions and loops as one node with what goes in", async () => {
    const chosen = toTree(
      (x: Tensor, y: Tensor) =>
        cond(
          greater(sum(x), 0),
          () => add(x, y),
          () => sub(x, y),
        ),
      tensor([1, 2]),
      tensor([3, 4]),
    );
    expect(String(await chosen.withValues())).toBe(
      lines(
        "cond  [2]  = [4, 6]",
        "├─ greater  bool  = true",
        "│  ├─ sum  = 3",
        "│  │  └─ x  [2]  = [1, 2]",
        "│  └─ 0",
        "├─ x  [2]  = [1, 2]",
        "└─ y  [2]  = [3, 4]",
      ),
    );
    const sums = toTree(
      (x: Tensor) => scan((c, v) => [add(c, v), mul(c, 2)], tensor(0), x),
      tensor([1, 2, 3]),
    );
    expect(String(await sums.withValues())).toBe(
      lines(
        "output 0  = 6",
        "└─ scan #1",
        "   ├─ data  = 0",
        "   └─ x  [3]  = [1, 2, 3]",
        "output 1  [3]  = [0, 2, 6]",
        "└─ scan ↑1",
      ),
    );
  });

  it("leaves the arguments and variables as they were", async () => {
    const w = variable(tensor([1, 2]));
    const x = mul(tensor([3, 4]), 1);
    await toTree((y: Tensor) => mul(y, w.value), x).withValues();
    w.assign(add(w.value, 1));
    expect([x.arraySync(), w.value.arraySync()]).toEqual([
      [3, 4],
      [2, 3],
    ]);
  });

  it("goes by letters where the source has no names", () => {
    expect(
      String(toTree(((...all: Tensor[]) => sub(all[0]!, all[1]!)) as (p: Tensor, q: Tensor) => Tensor, 1, 2)),
    ).toBe(lines("-", "├─ a", "└─ b"));
  });

  it("refuses a function that reads a value or returns no tensor", () => {
    expect(() => toTree((() => 3) as unknown as () => Tensor)).toThrow(/toTree.*returns a tensor.*number/);
    expect(() => toTree((x) => add(x, x.itemSync() as number), 1)).toThrow(TraceError);
  });

  it("is drawn with the result on top", () => {
    const tree = toTree((a, y) => add(a, y), 1, 2);
    expect(tree.toMermaid()).toBe(
      lines(
        "flowchart BT",
        '  n0(["a"]):::input',
        '  n1(["y"]):::input',
        '  n2(["#43;"]):::result',
        "  n0 --> n2",
        "  n1 --> n2",
        "  classDef input fill:#ddf4ff,stroke:#54aeff,color:#0a3069",
        "  classDef result fill:#dafbe1,stroke:#4ac26b,color:#044f1e",
        "",
      ),
    );
    expect(tree.toDot()).toContain("n0 -> n2");
    expect(tree.toSvg()).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(tree.toHtml()).toMatch(/^<!doctype html>.*<svg .*<\/html>\n$/s);
  });
});

describe("explainGradient", () => {
  it("gives value and gradient of each node in the order of backpropagation", async () => {
    // y = a (a + b) at a = 2, b = 3: ∂y/∂(a + b) = a = 2, ∂y/∂a = (a + b) + a = 7
    const { steps } = await explainGradient((a, b) => mul(a, add(a, b)), 2, 3);
    expect(steps).toEqual([
      { name: "t2", computes: "a * t1", value: "10", gradient: "1" },
      { name: "t1", computes: "a + b", value: "5", gradient: "2" },
      { name: "b", computes: "", value: "3", gradient: "2" },
      { name: "a", computes: "", value: "2", gradient: "7" },
    ]);
  });

  it("is printed as a table", async () => {
    const explained = await explainGradient((x) => square(sub(x, 1)), 4);
    expect(String(explained)).toBe(
      lines(
        "┌──────┬──────┬────────────┬───────┬──────────┐",
        "│ Step │ Node │ Computes   │ Value │ Gradient │",
        "╞══════╪══════╪════════════╪═══════╪══════════╡",
        "│    1 │ t2   │ square(t1) │ 9     │ 1        │",
        "│    2 │ t1   │ x - 1      │ 3     │ 6        │",
        "│    3 │ x    │            │ 4     │ 6        │",
        "└──────┴──────┴────────────┴───────┴──────────┘",
      ),
    );
    expect(explained.toSvg()).toContain(">gradient 6<");
    expect(explained.toHtml()).toContain("<td>x - 1</td>");
    expect(explained.toMermaid()).toContain('n2("#45;<br/>t1 = 3<br/>gradient 6"):::operation');
  });

  it("sums over what was stretched, follows variables, and stops at stopGradient and integers", async () => {
    const w = variable(tensor([1, 2]), { name: "w" });
    const x = tensor([
      [1, 1],
      [2, 3],
      [0, 1],
    ]);
    const { steps } = await explainGradient((x: Tensor) => {
      const scaled = mul(x, w.value);
      return sum(mul(scaled, stopGradient(cast(cast(x, "int32"), "float32"))));
    }, x);
    const gradients = Object.fromEntries(steps.map(({ name, gradient }) => [name, gradient]));
    // w: Σ x · x over rows = [1 + 4, 1 + 9 + 1]; x: w · x, row by row
    expect(gradients.w).toBe("[5, 11]");
    expect(gradients.x).toBe("[[1, 2], [2, 6], [0, 2]]");
    expect(steps.find(({ computes }) => computes === "cast int32(x)")!.gradient).toBeUndefined();
  });

  it("summarizes what is long", async () => {
    const { steps } = await explainGradient((x: Tensor) => sum(square(x)), tensor([1, 2, 3, 4, 5, 6, 7]));
    expect(steps.at(-1)).toEqual({
      name: "x",
      computes: "",
      value: "1 … 7, mean 4",
      gradient: "2 … 14, mean 8",
    });
  });

  it("refuses what has no gradient, as grad does", async () => {
    const x = tensor([[1, 2]]);
    const labels = tensor([1], { dtype: "int32" });
    const accuracy = (logits: Tensor) => mean(cast(equal(argMax(logits, -1), labels), "float32"));
    await expect(explainGradient(accuracy, x)).rejects.toBeInstanceOf(GradientError);
    await expect(explainGradient((x: Tensor) => transpose(x), x)).rejects.toBeInstanceOf(ShapeError);
    expect(String(toTree(accuracy, x))).toMatch(/equal.*argMax/s); // to be seen all the same
  });
});

describe("a value as text", () => {
  it("has four digits and as many brackets as axes", () => {
    expect(valueText([1 / 3], [], "float32")).toBe("0.3333");
    expect(valueText([1.5e-7], [1], "float32")).toBe("1.5e-7");
    expect(valueText([1, 0], [2], "bool")).toBe("[true, false]");
    expect(valueText([1, 2, 3, 4], [2, 2], "int32")).toBe("[[1, 2], [3, 4]]");
    expect(valueText([], [0, 3], "float32")).toBe("[]");
  });

  it("is summarized beyond six elements, what is not finite apart", () => {
    expect(valueText([1, 2, 3, 4, 5, 6, Number.NaN], [7], "float32")).toBe("1 … 6, mean 3.5, 1 not finite");
    expect(valueText(new Float32Array(9), [3, 3], "float32")).toBe("all 0");
    expect(valueText(new Float32Array(9).fill(Number.NaN), [9], "float32")).toBe("9 not finite");
    expect(valueText([1, 0, 1, 0, 0, 0, 0], [7], "bool")).toBe("2 of 7 true");
  });
});
