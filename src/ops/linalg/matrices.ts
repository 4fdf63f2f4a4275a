/** What the operations on batches of matrices `[…, rows, columns]` share: checks, broadcasting, and their references. */
import type { NDArray } from "../../base/array.js";
import { allocateArray } from "../../base/dtype.js";
import { DataError, type ErrorParts, ShapeError } from "../../base/errors.js";
import { broadcastShapes, formatShape, type Shape, sizeOf } from "../../base/shape.js";
import type { Extent, TensorType } from "../../graph/primitive.js";
import type { Tensor } from "../../graph/tensor.js";
import { add, mul, sub } from "../arithmetic.js";
import { broadcastTo } from "../broadcast.js";
import { eye } from "../create.js";
import { commonExtent } from "../define.js";
import { matrixTranspose } from "../movement.js";
import { tril } from "../triangle.js";

/** Throws where the tensor has no two last axes to be rows and columns. */
export function checkMatrices(
  who: string,
  { shape }: TensorType,
  what = "matrices […, rows, columns]",
): void {
  if (shape.length >= 2) return;
  throw new ShapeError({ who, expected: what, received: `shape ${formatShape(shape)}` });
}

/** Throws where the matrices are not square. */
export function checkSquare(who: string, type: TensorType): void {
  checkMatrices(who, type, "square matrices […, n, n]");
  const [rows, columns] = type.shape.slice(-2);
  if (rows === columns) return;
  throw new ShapeError({
    who,
    expected: "square matrices […, n, n]",
    received: `shape ${formatShape(type.shape)}`,
    fix: "For more equations than unknowns, or fewer, use lstsq(a, b).",
  });
}

/** The run-time length of a batch axis of the inputs; the two axes of the matrices have none. */
export function batchExtent(who: string, inputs: readonly TensorType[]): Extent | undefined {
  for (const { shape, extent } of inputs) {
    if (!extent || extent.axis < shape.length - 2) continue;
    throw new ShapeError({
      who,
      expected: "matrices whose numbers of rows and columns are known",
      received: `axis ${extent.axis} of ${formatShape(shape)}, whose length is known at run time only`,
      fix: "Only the axes before the last two may be a batch of run-time length.",
    });
  }
  return commonExtent(who, inputs);
}

/** Two operands with the same batch axes, a run-time length included. */
export function sameBatch(who: string, a: Tensor, b: Tensor): [Tensor, Tensor] {
  const batch = broadcastShapes(who, a.shape.slice(0, -2), b.shape.slice(0, -2));
  const extent = extentWithin(a, batch.length + 2) ?? extentWithin(b, batch.length + 2);
  return [
    broadcastTo(a, [...batch, ...a.shape.slice(-2)], extent),
    broadcastTo(b, [...batch, ...b.shape.slice(-2)], extent),
  ];
}

function extentWithin({ extent, rank }: Tensor, among: number): Extent | undefined {
  return extent && { ...extent, axis: extent.axis + among - rank };
}

/** The identity beside matrices of this dtype. */
export function identityLike(x: Tensor): Tensor {
  return eye(x.shape.at(-1)!, x.shape.at(-1)!, { dtype: x.dtype });
}

/** `x` with its diagonal halved and zeros above it: of a symmetric matrix, the half that is counted once. */
export function lowerHalf(x: Tensor): Tensor {
  return mul(tril(x), halfDiagonal(x));
}

/** The gradient to a matrix of which only the lower triangle is read, from that to the symmetric matrix. */
export function toLowerTriangle(x: Tensor): Tensor {
  return mul(tril(add(x, matrixTranspose(x))), halfDiagonal(x));
}

/** ½ on the diagonal, 1 elsewhere. */
function halfDiagonal(x: Tensor): Tensor {
  return sub(1, mul(identityLike(x), 0.5));
}

/** The nearest symmetric matrix, `(x + xᵀ) / 2`. */
export function symmetric(who: string, x: Tensor): Tensor {
  checkSquare(who, x);
  batchExtent(who, [x]);
  return mul(add(x, matrixTranspose(x)), 0.5);
}

// ---- References ----------------------------------------------------------------------------------------------------

/** A matrix of the reference: rows × columns, row-major, in double. */
export class Matrix {
  readonly data: Float64Array;
  constructor(
    readonly rows: number,
    readonly columns: number,
    data?: ArrayLike<number>,
  ) {
    this.data = data ? Float64Array.from(data) : new Float64Array(rows * columns);
  }
  at(row: number, column: number): number {
    return this.data[row * this.columns + column]!;
  }
  set(row: number, column: number, value: number): void {
    this.data[row * this.columns + column] = value;
  }
  column(column: number): number[] {
    return Array.from({ length: this.rows }, (_, row) => this.at(row, column));
  }
  /** Columns (i, j) ← (c · i − s · j, s · i + c · j). */
  rotateColumns(i: number, j: number, c: number, s: number): void {
    for (let row = 0; row < this.rows; row++) {
      const [x, y] = [this.at(row, i), this.at(row, j)];
      this.set(row, i, c * x - s * y);
      this.set(row, j, s * x + c * y);
    }
  }
  rotateRows(i: number, j: number, c: number, s: number): void {
    for (let column = 0; column < this.columns; column++) {
      const [x, y] = [this.at(i, column), this.at(j, column)];
      this.set(i, column, c * x - s * y);
      this.set(j, column, s * x + c * y);
    }
  }
}

/** −1 where the component of largest magnitude, the first among those equal but for rounding, is negative. */
export function signOf(vector: readonly number[]): number {
  let largest = 0;
  let sign = 1;
  for (const x of vector) {
    if (Math.abs(x) <= largest * (1 + 1e-6)) continue;
    largest = Math.abs(x);
    sign = x < 0 ? -1 : 1;
  }
  return sign;
}

/** Applies a function to each matrix of the batch; what it gives for each are the parts of the results. */
export function eachMatrix(
  inputs: readonly NDArray[],
  outputs: readonly TensorType[],
  compute: (matrices: readonly Matrix[], index: number) => readonly ArrayLike<number>[],
): NDArray[] {
  const count = sizeOf(inputs[0]!.shape.slice(0, -2));
  const results = outputs.map(({ shape, dtype }) => ({
    shape,
    dtype,
    data: allocateArray(dtype, sizeOf(shape)),
  }));
  for (let index = 0; index < count; index++) {
    const parts = compute(
      inputs.map(({ shape, data }) => {
        const [rows, columns] = shape.slice(-2) as [number, number];
        const size = rows * columns;
        return new Matrix(rows, columns, data.subarray(index * size, (index + 1) * size));
      }),
      index,
    );
    results.forEach(({ data }, i) => {
      data.set(parts[i]!, index * parts[i]!.length);
    });
  }
  return results;
}

/** What the record says about a matrix it does not take, as an error that carries the numbers for the run's report. */
export function matrixFault(
  who: string,
  fault: (index: number, value: number) => Omit<ErrorParts, "who">,
  index: number,
  value: number,
): DataError {
  return new DataError({ who, ...fault(index, value) }, { cause: { kind: "matrix", index, value } });
}

/** The shape without the two axes of the matrices. */
export const batchOf = (shape: Shape): Shape => shape.slice(0, -2);

/** How many matrices there are, for estimates. */
export const matricesOf = ({ shape }: TensorType): number => sizeOf(batchOf(shape));
