/** Matrix product. */
import type { Case } from "./case.js";

const matmuls: Case[] = [
  { inputs: [{ shape: [3, 4] }, { shape: [4, 5] }] },
  { inputs: [{ shape: [1, 7] }, { shape: [7, 9] }] },
  { inputs: [{ shape: [9, 7] }, { shape: [7, 1] }] },
  { inputs: [{ shape: [5, 1] }, { shape: [1, 6] }] },
  { inputs: [{ shape: [4, 3], transposed: true }, { shape: [4, 5] }], name: "transposed on the left" },
  { inputs: [{ shape: [3, 4] }, { shape: [5, 4], transposed: true }], name: "transposed on the right" },
  {
    inputs: [
      { shape: [4, 3], transposed: true },
      { shape: [5, 4], transposed: true },
    ],
    name: "transposed on both sides",
  },
  { inputs: [{ shape: [2, 3, 4] }, { shape: [2, 4, 5] }], name: "a batch" },
  {
    inputs: [{ shape: [1, 3, 4], broadcastTo: [2, 3, 4] }, { shape: [2, 4, 5] }],
    name: "one left matrix for a batch",
  },
  {
    inputs: [{ shape: [2, 3, 3, 4] }, { shape: [1, 3, 4, 2], broadcastTo: [2, 3, 4, 2] }],
    name: "two batch axes",
  },
  { inputs: [{ shape: [3, 4], flipped: true }, { shape: [4, 5] }], name: "flipped" },
  { inputs: [{ shape: [3, 1], broadcastTo: [3, 4] }, { shape: [4, 5] }], name: "a stretched column" },
  { inputs: [{ shape: [0, 4] }, { shape: [4, 5] }] },
  { inputs: [{ shape: [3, 0] }, { shape: [0, 5] }] },
  { inputs: [{ shape: [33, 65] }, { shape: [65, 47] }], absolute: 2e-5 },
  { inputs: [{ shape: [70, 300] }, { shape: [300, 130] }], absolute: 1e-4 },
  { inputs: [{ shape: [6, 900] }, { shape: [900, 6] }], absolute: 1e-4 },
];

export const matmulCases: Readonly<Record<string, readonly Case[]>> = {
  matmul: matmuls,
};
