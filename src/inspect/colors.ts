import type { NodeKind } from "./diagram.js";

export interface BoxColors {
  readonly fill: string;
  readonly stroke: string;
  readonly ink: string;
}

/** Colours of a page: its ground, its text, lines, and the boxes of each kind. */
export type Theme = Readonly<Record<NodeKind, BoxColors>> & {
  readonly ground: string;
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
};

/** Text stands out from its ground by 4.5 : 1 and more in both. */
export const colors: { readonly light: Theme; readonly dark: Theme } = {
  light: {
    ground: "#ffffff",
    ink: "#1f2328",
    faint: "#57606a",
    line: "#8c959f",
    input: { fill: "#ddf4ff", stroke: "#54aeff", ink: "#0a3069" },
    parameter: { fill: "#fbefff", stroke: "#c297ff", ink: "#3e1f79" },
    constant: { fill: "#f6f8fa", stroke: "#afb8c1", ink: "#424a53" },
    operation: { fill: "#ffffff", stroke: "#6e7781", ink: "#1f2328" },
    hot: { fill: "#fff1e5", stroke: "#fb8f44", ink: "#762c00" },
    result: { fill: "#dafbe1", stroke: "#4ac26b", ink: "#044f1e" },
  },
  dark: {
    ground: "#0d1117",
    ink: "#e6edf3",
    faint: "#9ea7b3",
    line: "#6e7681",
    input: { fill: "#0c2d4f", stroke: "#388bfd", ink: "#cae8ff" },
    parameter: { fill: "#2e1a4f", stroke: "#a371f7", ink: "#eddeff" },
    constant: { fill: "#21262d", stroke: "#6e7681", ink: "#c9d1d9" },
    operation: { fill: "#161b22", stroke: "#8b949e", ink: "#e6edf3" },
    hot: { fill: "#4a2008", stroke: "#db6d28", ink: "#ffdfb6" },
    result: { fill: "#0b3a1c", stroke: "#2ea043", ink: "#aff5b4" },
  },
};
