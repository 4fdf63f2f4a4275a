import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contour, type GridPoint } from "../../src/charts/contour.js";
import { contourChartSvg } from "../../src/charts/contourChartSvg.js";
import { DataError, ShapeError } from "../../src/index.js";

const cone = [
  [2, 1, 2],
  [1, 0, 1],
  [2, 1, 2],
];

/** Whether a ray from the point crosses the rims an odd number of times. */
function encloses(paths: readonly (readonly GridPoint[])[], [x, y]: GridPoint): boolean {
  let odd = false;
  for (const path of paths) {
    for (const [i, [x1, y1]] of path.entries()) {
      const [x2, y2] = path[(i + 1) % path.length]!;
      if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) odd = !odd;
    }
  }
  return odd;
}

describe("contour", () => {
  it("runs between the grid points where the height says", () => {
    const [rim, ...others] = contour(cone, 0.25);
    expect(others).toEqual([]);
    const sorted = [...rim!].sort(([x1, y1], [x2, y2]) => x1 - x2 || y1 - y2);
    expect(sorted).toEqual([
      [0.75, 1],
      [1, 0.75],
      [1, 1.25],
      [1.25, 1],
    ]);
  });

  it("closes along the edge of the grid", () => {
    const [rim, ...others] = contour(cone, 5);
    expect(others).toEqual([]);
    for (const corner of [
      [0, 0],
      [2, 0],
      [2, 2],
      [0, 2],
    ])
      expect(rim).toContainEqual(corner);
  });

  it("takes what is not finite for outside", () => {
    expect(
      contour(
        [
          [0, Number.NaN],
          [Number.NaN, Number.NaN],
        ],
        1,
      ),
    ).toEqual([
      [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    ]);
  });

  it("encloses the grid points that are low, and no others", () => {
    const grids = fc.array(fc.array(fc.constantFrom(0, 1), { minLength: 5, maxLength: 5 }), {
      minLength: 2,
      maxLength: 5,
    });
    fc.assert(
      fc.property(grids, (values) => {
        const paths = contour(values, 0.5);
        for (const [row, line] of values.entries()) {
          for (const [column, value] of line.entries()) {
            // A little to the inside of the grid: along the edge the rim runs through the points.
            const shift = (k: number, last: number) => k + (k === 0 ? 0.01 : k === last ? -0.01 : 0.003);
            const point = [shift(column, 4), shift(row, values.length - 1)] as const;
            expect(encloses(paths, point)).toBe(value <= 0.5);
          }
        }
      }),
    );
  });
});

describe("contourChartSvg", () => {
  const axis = [-1, 0, 1];

  it("draws a region for each level and a way with its end", () => {
    const svg = contourChartSvg({
      values: cone,
      x: axis,
      y: axis,
      levels: [0.5, 1.5],
      title: "a < b",
      paths: [{ name: "way & end", x: [-1, 0], values: [1, 0] }],
    });
    expect(svg.match(/fill-rule="evenodd"/g)).toHaveLength(2);
    expect(svg.match(/<polyline/g)).toHaveLength(2); // the line and its rim
    expect(svg).toContain("a &lt; b");
    expect(svg).toContain("way &amp; end");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("spaces its own levels like those of a parabola", () => {
    expect(contourChartSvg({ values: cone, x: axis, y: axis }).match(/fill-rule="evenodd"/g)).toHaveLength(
      12,
    );
  });

  it("refuses heights of another shape, and flat ones", () => {
    expect(() => contourChartSvg({ values: cone, x: axis, y: [0, 1] })).toThrow(ShapeError);
    expect(() => contourChartSvg({ values: [[1]], x: [0], y: [0] })).toThrow(/\[1, 1\]/);
    expect(() =>
      contourChartSvg({
        values: [
          [1, 1],
          [1, Number.NaN],
        ],
        x: [0, 1],
        y: [0, 1],
      }),
    ).toThrow(DataError);
  });
});
