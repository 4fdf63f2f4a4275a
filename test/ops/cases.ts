/**
 * The table the operation tests are generated from: for each record a list of inputs and attributes. A record without a
 * line here fails the completeness test; a line is all a new record needs to be compared with the reference on every
 * backend (parity.test.ts) and to have its derivatives checked (gradcheck.test.ts).
 */
import type { Case } from "./cases/case.js";
import { convolutionCases } from "./cases/convolution.js";
import { cumulativeCases } from "./cases/cumulative.js";
import { elementwiseCases } from "./cases/elementwise.js";
import { fourierCases } from "./cases/fourier.js";
import { indexingCases } from "./cases/indexing.js";
import { linalgCases } from "./cases/linalg.js";
import { matmulCases } from "./cases/matmul.js";
import { movementCases } from "./cases/movement.js";
import { normalizationCases } from "./cases/normalization.js";
import { randomCases } from "./cases/random.js";
import { reductionCases } from "./cases/reductions.js";
import { rowsCases } from "./cases/rows.js";
import { sortingCases } from "./cases/sorting.js";

export { type Case, describeCase, elementsOf, type Input } from "./cases/case.js";

/** Records that cannot be tested one node at a time, and where they are tested instead. */
export const testedElsewhere: Readonly<Record<string, string>> = {
  data: "a leaf: every test reads one",
  scalar: "a leaf: test/engine",
  constant: "a leaf: test/engine",
  placeholder: "a leaf: test/engine/jit",
  variable: "a leaf: test/engine/variable",
  pick: "selects a result of scan and cond: test/engine/scan, cond",
  scan: "test/engine/scan",
  cond: "test/engine/cond",
  whileLoop: "test/engine/whileLoop",
  checkpoint: "test/engine/checkpoint",
  after: "orders what a checkpoint computes again: test/engine/checkpoint",
  customGradient: "test/engine/customGradient",
  hostCall: "test/engine/hostCall",
  allReduce: "test/engine/hostCall",
};

export const cases: Readonly<Record<string, readonly Case[]>> = {
  ...elementwiseCases,
  ...randomCases,
  ...reductionCases,
  ...movementCases,
  ...cumulativeCases,
  ...matmulCases,
  ...linalgCases,
  ...rowsCases,
  ...normalizationCases,
  ...indexingCases,
  ...sortingCases,
  ...fourierCases,
  ...convolutionCases,
};
