import { runCommand } from "../../src/cli/run.js";

/** Runs `myelin …words` in this process; what it prints is collected. */
export async function run(
  words: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<{ status: number; stdout: string; stderr: string }> {
  let stdout = "";
  let stderr = "";
  const status = await runCommand(words, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    signal,
  });
  return { status, stdout, stderr };
}
