// Adds up Vitest's JSON reports (of Node versions, of instruction sets) and prints "N passed, N failed" as the last line.
// A test counts once: failed where it failed in any report, skipped where every report that has it skipped it.
import { existsSync, readFileSync } from "node:fs";

const weight = (status) => ["passed", "failed"].indexOf(status);
const verdicts = new Map();
for (const path of process.argv.slice(2).filter((path) => existsSync(path))) {
  for (const file of JSON.parse(readFileSync(path, "utf8")).testResults) {
    const tests = file.assertionResults.map(({ fullName, status }) => [`${file.name} > ${fullName}`, status]);
    if (tests.length === 0 && file.status === "failed") tests.push([file.name, "failed"]); // It did not load.
    for (const [test, status] of tests) {
      if (!verdicts.has(test) || weight(status) > weight(verdicts.get(test))) verdicts.set(test, status);
    }
  }
}

const having = (...statuses) => [...verdicts].filter(([, status]) => statuses.includes(status));
for (const [test] of having("failed")) console.log(`failed: ${test}`);
const skipped = having("pending", "skipped", "todo");
for (const [test] of skipped) console.log(`skipped: ${test}`);
console.log(`${having("passed").length} passed, ${having("failed").length} failed`);
