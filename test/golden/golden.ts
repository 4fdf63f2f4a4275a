import { readFileSync } from "node:fs";

/** An array of a golden file; NaN and the infinities are strings, since JSON has no numbers for them. */
export interface GoldenArray {
  readonly shape: number[];
  readonly dtype: "float32" | "int32" | "uint8" | "bool";
  readonly data: (number | boolean | "NaN" | "Infinity" | "-Infinity")[];
}

export type GoldenArrays = Record<string, GoldenArray>;

/** The cases of `test/golden/<name>.golden.json`. `Case` is written out by the test that reads them. */
export function golden<Case extends { name: string }>(name: string): Case[] {
  const file = new URL(`${name}.golden.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { cases: Case[] }).cases;
}

/** The values as numbers, in row-major order. */
export const goldenNumbers = ({ data }: GoldenArray): number[] => data.map(Number);
