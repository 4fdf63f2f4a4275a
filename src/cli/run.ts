/** From the words on the command line to an exit status. */

import { AbortedError, MyelinError, nearestName } from "../base/errors.js";
import { type Command, type Context, columns, commandHelp, parseOptions, UsageError } from "./command.js";
import { doctor } from "./doctor.js";
import { quickstart } from "./quickstart.js";
import { version } from "./version.js";

const commands: readonly Command[] = [quickstart, doctor];

/** Exit statuses; those for signals are 128 + the signal's number, as shells have it. */
export const status = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * Runs one command.
 *
 * @param words what stands after `myelin`
 * @returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted
 */
export async function runCommand(words: readonly string[], context: Context): Promise<number> {
  try {
    return await dispatch(words, context);
  } catch (error) {
    const { stderr, signal } = context;
    if (error instanceof AbortedError && signal.aborted) {
      stderr.write("interrupted\n");
      return status.interrupted;
    }
    // What Myelin throws on purpose explains itself; anything else is a defect and needs its stack.
    const text = error instanceof MyelinError ? error.message : error instanceof Error ? error.stack : error;
    stderr.write(`${text}\n`);
    return error instanceof UsageError ? status.usage : status.failed;
  }
}

async function dispatch(words: readonly string[], context: Context): Promise<number> {
  const [name, ...rest] = words;
  const print = (text: string) => {
    context.stdout.write(`${text}\n`);
    return status.done;
  };
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const topic = rest[0] === undefined ? undefined : find(rest[0]);
    return print(topic ? commandHelp(topic) : help());
  }
  if (name === "--version" || name === "-v") return print(version());
  const command = find(name);
  if (rest.includes("--help") || rest.includes("-h")) return print(commandHelp(command));
  return command.run(parseOptions(command, rest), context);
}

function find(name: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found) return found;
  const names = commands.map((command) => command.name);
  const near = nearestName(name, names);
  throw new UsageError({
    who: "myelin",
    expected: `a command (${names.join(", ")})`,
    received: JSON.stringify(name),
    fix: near ? `Did you mean "myelin ${near}"?` : 'Run "myelin --help".',
  });
}

function help(): string {
  return [
    `Myelin ${version()}: deep learning for TypeScript`,
    "",
    "myelin <command> [options]",
    "",
    "Commands",
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    "",
    "Options",
    ...columns([
      ["--help", "this page; after a command: its options"],
      ["--version", "the version of the package"],
    ]),
  ].join("\n");
}
