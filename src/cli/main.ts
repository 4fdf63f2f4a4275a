#!/usr/bin/env node
import { runCommand } from "./run.js";

// Ctrl-C asks once: work ends at the next step and cleans up. The second time the default ends the process.
const controller = new AbortController();
process.once("SIGINT", () => controller.abort(new Error("SIGINT")));

// A reader that has seen enough (`myelin doctor | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

const { stdout, stderr } = process;
process.exitCode = await runCommand(process.argv.slice(2), { stdout, stderr, signal: controller.signal });
