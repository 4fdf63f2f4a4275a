/** Types for the tests. */
export function runExample(
  code: string,
  scope: Readonly<Record<string, unknown>>,
): Promise<{ shown: string[]; faults: string[]; comments: number }>;
