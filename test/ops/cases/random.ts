/** Random numbers: bit for bit. */
import type { Case } from "./case.js";
import { elementwise } from "./elementwise.js";

export const randomCases: Readonly<Record<string, readonly Case[]>> = {
  randomBits: elementwise(3, { dtypes: ["int32"], low: -2147483648, high: 2147483647 }),
  unitFloat: elementwise(1, {
    dtypes: ["int32"],
    low: -2147483648,
    high: 2147483647,
    relative: 0,
    absolute: 0,
  }),
  rejected: elementwise(1),
  permutedIndex: [1, 2, 5, 16, 17, 1000, 65537].map((n) => ({
    name: `n = ${n}`,
    inputs: [
      { shape: [], dtype: "int32" as const, values: [-123456789], broadcastTo: [Math.min(n, 1000)] },
      {
        shape: [Math.min(n, 1000)],
        dtype: "int32" as const,
        values: Array.from({ length: Math.min(n, 1000) }, (_, i) => i),
      },
      { shape: [], dtype: "int32" as const, values: [n], broadcastTo: [Math.min(n, 1000)] },
    ],
  })),
};
