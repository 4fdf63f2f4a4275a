/** Movement and creation made of other operations. */
import * as ops from "../../../src/ops/index.js";
import { everything, numbers } from "../cases/case.js";
import type { Input } from "../cases.js";
import type { Composite } from "../composites.js";

const x35: Input = { shape: [3, 5] };
const x234: Input = { shape: [2, 3, 4] };

export const movementComposites: Readonly<Record<string, readonly Composite[]>> = {
  permute: [{ inputs: [x234], build: (x) => ops.permute(x!, [-1, 0, 1]) }],
  stack: [
    { inputs: [x35, x35], dtypes: everything, build: (a, b) => ops.stack([a!, b!], -1) },
    { name: "of one", inputs: [x35], build: (x) => ops.stack([x!], 1) },
    { name: "of scalars", inputs: [{ shape: [] }, { shape: [] }], build: (a, b) => ops.stack([a!, b!]) },
  ],
  concat: [
    {
      name: "of dtypes that differ",
      inputs: [x35, { shape: [3, 2], dtype: "uint8" }],
      build: (a, b) => ops.concat([a!, b!], 1),
    },
  ],
  unstack: [
    { inputs: [x234], dtypes: everything, build: (x) => ops.unstack(x!, 1)[2]! },
    { name: "and stacked again", inputs: [x234], build: (x) => ops.stack(ops.unstack(x!, -1), 0) },
  ],
  split: [
    { inputs: [{ shape: [2, 6] }], build: (x) => ops.split(x!, 3, 1)[1]! },
    { inputs: [x35], build: (x) => ops.concat([...ops.split(x!, [2, 0, 3], -1)].reverse(), -1) },
  ],
  at: [
    { inputs: [x234], dtypes: everything, build: (x) => ops.at(x!, -1, [1], [null, null, -2]) },
    { inputs: [x234], build: (x) => ops.at(x!, "...", 2) },
    { name: "nothing", inputs: [x35], build: (x) => ops.at(x!, [2, 1]) },
  ],
  pad: [
    ...(["edge", "reflect", "symmetric"] as const).flatMap((mode): Composite[] => [
      {
        name: mode,
        inputs: [x35],
        dtypes: everything,
        build: (x) =>
          ops.pad(
            x!,
            [
              [2, 1],
              [3, 4],
            ],
            { mode },
          ),
      },
      {
        name: `${mode}, wider than the axis`,
        inputs: [{ shape: [3] }],
        build: (x) => ops.pad(x!, [[8, 10]], { mode }),
      },
      {
        name: `${mode} of one element`,
        inputs: [{ shape: [1] }],
        build: (x) => ops.pad(x!, [[2, 1]], { mode }),
      },
    ]),
    {
      name: "with a value",
      inputs: [x35],
      dtypes: numbers,
      build: (x) =>
        ops.pad(
          x!,
          [
            [0, 1],
            [2, 0],
          ],
          { value: 7 },
        ),
    },
  ],
  roll: [
    { inputs: [x35], dtypes: everything, build: (x) => ops.roll(x!, 7) },
    { inputs: [x234], build: (x) => ops.roll(x!, [1, -6], [0, -1]) },
    { name: "of nothing", inputs: [{ shape: [0, 3] }], build: (x) => ops.roll(x!, 2, 0) },
  ],
  diag: [
    { inputs: [{ shape: [4] }], dtypes: everything, build: (x) => ops.diag(x!) },
    { inputs: [{ shape: [3] }], build: (x) => ops.diag(x!, { offset: -2 }) },
    { inputs: [x35], dtypes: everything, build: (x) => ops.diag(x!, { offset: 3 }) },
    { name: "beside the matrix", inputs: [x35], build: (x) => ops.diag(x!, { offset: -3 }) },
    { name: "of nothing", inputs: [{ shape: [0] }], build: (x) => ops.diag(x!, { offset: 1 }) },
  ],
  diagEmbed: [
    { inputs: [x234], build: (x) => ops.diagEmbed(x!) },
    { inputs: [x35], build: (x) => ops.diagEmbed(x!, { offset: 2 }) },
  ],
  tril: [
    { inputs: [x234], dtypes: everything, build: (x) => ops.tril(x!) },
    { inputs: [x35], build: (x) => ops.tril(x!, { offset: 2 }) },
    { name: "of nothing", inputs: [{ shape: [0, 3] }], build: (x) => ops.tril(x!) },
  ],
  triu: [
    { inputs: [x234], dtypes: everything, build: (x) => ops.triu(x!) },
    { inputs: [x35], build: (x) => ops.triu(x!, { offset: -1 }) },
  ],
  meshgrid: [
    { inputs: [{ shape: [3] }, { shape: [4] }], build: (a, b) => ops.meshgrid([a!, b!])[0]! },
    {
      name: "ij",
      inputs: [{ shape: [3] }, { shape: [4] }, { shape: [2] }],
      dtypes: ["float32", "int32"],
      build: (a, b, c) => ops.stack(ops.meshgrid([a!, b!, c!], { indexing: "ij" })),
    },
    {
      name: "xy of three",
      inputs: [{ shape: [3] }, { shape: [4] }, { shape: [2] }],
      build: (a, b, c) => ops.stack(ops.meshgrid([a!, b!, c!])),
    },
  ],
  tile: [
    { inputs: [x35], build: (x) => ops.tile(x!, [2, 3]) },
    { name: "no times", inputs: [x35], build: (x) => ops.tile(x!, [2, 0]) },
  ],
  repeat: [
    { inputs: [x35], build: (x) => ops.repeat(x!, 2, -1) },
    { name: "all elements", inputs: [x35], build: (x) => ops.repeat(x!, 2) },
    {
      name: "each its own number",
      inputs: [x35],
      dtypes: everything,
      build: (x) => ops.repeat(x!, [2, 0, 3], 0),
    },
  ],
  fullLike: [{ inputs: [x35], dtypes: everything, build: (x) => ops.fullLike(x!, 3) }],
  zerosLike: [{ inputs: [x35], build: (x) => ops.zerosLike(x!, "int32") }],
  onesLike: [{ inputs: [x35], build: (x) => ops.onesLike(x!) }],
};
