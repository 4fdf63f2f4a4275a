/** Views and what moves elements. */
import { type Case, everything, numbers } from "./case.js";

export const movementCases: Readonly<Record<string, readonly Case[]>> = {
  reshape: [
    { inputs: [{ shape: [2, 6] }], attributes: { shape: [3, 4] }, dtypes: everything },
    { inputs: [{ shape: [6] }], attributes: { shape: [1, 2, 3, 1] } },
    { inputs: [{ shape: [1] }], attributes: { shape: [] } },
    { inputs: [{ shape: [0, 3] }], attributes: { shape: [2, 0] } },
    {
      inputs: [{ shape: [4, 3], transposed: true }],
      attributes: { shape: [12] },
      name: "of a transposed matrix, which copies",
    },
    {
      inputs: [{ shape: [1, 3], broadcastTo: [2, 3] }],
      attributes: { shape: [6] },
      name: "of a stretched row, which copies",
    },
  ],
  transpose: [
    { inputs: [{ shape: [3, 5] }], attributes: { permutation: [1, 0] }, dtypes: everything },
    { inputs: [{ shape: [2, 3, 4] }], attributes: { permutation: [2, 0, 1] } },
    { inputs: [{ shape: [2, 3, 4, 5] }], attributes: { permutation: [0, 2, 1, 3] } },
    { inputs: [{ shape: [0, 3] }], attributes: { permutation: [1, 0] } },
    { inputs: [{ shape: [65, 130] }], attributes: { permutation: [1, 0] } },
  ],
  broadcastTo: [
    { inputs: [{ shape: [] }], attributes: { shape: [2, 3] }, dtypes: everything },
    { inputs: [{ shape: [4] }], attributes: { shape: [3, 4] } },
    { inputs: [{ shape: [3, 1] }], attributes: { shape: [2, 3, 5] } },
    { inputs: [{ shape: [1] }], attributes: { shape: [0] } },
  ],
  slice: [
    {
      inputs: [{ shape: [4, 5] }],
      attributes: { start: [1, 2], size: [2, 3], step: [1, 1] },
      dtypes: everything,
    },
    { inputs: [{ shape: [9] }], attributes: { start: [1], size: [4], step: [2] } },
    { inputs: [{ shape: [3, 4] }], attributes: { start: [2, 3], size: [3, 2], step: [-1, -3] } },
    { inputs: [{ shape: [3, 4] }], attributes: { start: [0, 0], size: [0, 4], step: [1, 1] } },
    {
      inputs: [{ shape: [5, 4], transposed: true }],
      attributes: { start: [1, 1], size: [3, 2], step: [1, 2] },
      name: "of a transposed matrix",
    },
  ],
  concat: [
    { inputs: [{ shape: [2, 3] }, { shape: [1, 3] }], attributes: { axis: 0 }, dtypes: everything },
    { inputs: [{ shape: [2, 3] }, { shape: [2, 1] }, { shape: [2, 4] }], attributes: { axis: 1 } },
    { inputs: [{ shape: [2, 0] }, { shape: [2, 3] }], attributes: { axis: 1 } },
    {
      inputs: [
        { shape: [3, 2], transposed: true },
        { shape: [1, 3], broadcastTo: [2, 3] },
      ],
      attributes: { axis: 0 },
      name: "of views",
    },
  ],
  embed: [
    {
      inputs: [{ shape: [2, 3] }],
      attributes: { shape: [4, 5], start: [1, 2], step: [1, 1], value: 0 },
      dtypes: everything,
    },
    {
      inputs: [{ shape: [3] }],
      attributes: { shape: [8], start: [1], step: [3], value: 7 },
      dtypes: numbers,
    },
    { inputs: [{ shape: [2, 2] }], attributes: { shape: [3, 3], start: [2, 2], step: [-1, -2], value: 0 } },
    { inputs: [{ shape: [0, 2] }], attributes: { shape: [2, 2], start: [0, 0], step: [1, 1], value: 1 } },
  ],
  iota: [
    { inputs: [], attributes: { shape: [7], strides: [1] } },
    { inputs: [], attributes: { shape: [3, 4], strides: [4, 1] } },
    { inputs: [], attributes: { shape: [3, 4], strides: [0, 1] } },
    { inputs: [], attributes: { shape: [0, 4], strides: [4, 1] } },
  ],
};
