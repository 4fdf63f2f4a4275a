/** What a classifier said about a test set: which classes it takes for which, and where it was most wrong. */

export interface Mistake {
  /** Row in the test set. */
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  /** Probability given to the predicted class, and to the true one. */
  readonly confidence: number;
  readonly probability: number;
}

export interface Judgement {
  /** `confusion[true][predicted]` counts. */
  readonly confusion: readonly (readonly number[])[];
  /** All mistakes, the one with the least probability for the true class first. */
  readonly mistakes: readonly Mistake[];
  readonly accuracy: number;
}

/**
 * Compares probabilities with labels.
 *
 * @param probabilities `[rows, classes]`, row-major
 * @param labels `[rows]`, 0 to classes − 1
 */
export function judge(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): Judgement {
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const mistakes: Mistake[] = [];
  for (let index = 0; index < labels.length; index++) {
    const of = (k: number) => probabilities[index * classes + k]!;
    const label = labels[index]!;
    let predicted = 0;
    for (let k = 1; k < classes; k++) if (of(k) > of(predicted)) predicted = k;
    confusion[label]![predicted]!++;
    if (predicted === label) continue;
    mistakes.push({ index, label, predicted, confidence: of(predicted), probability: of(label) });
  }
  mistakes.sort((a, b) => a.probability - b.probability);
  return { confusion, mistakes, accuracy: 1 - mistakes.length / labels.length };
}

/** The first row of each class, up to `count` rows, in the order of the test set. */
export function firstOfEachClass(labels: ArrayLike<number>, count: number): number[] {
  const seen = new Set<number>();
  const rows: number[] = [];
  for (let i = 0; i < labels.length && rows.length < count; i++) {
    if (seen.has(labels[i]!)) continue;
    seen.add(labels[i]!);
    rows.push(i);
  }
  return rows;
}
