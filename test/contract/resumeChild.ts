/** A process of its own that trains with a backup and may be killed: `node resumeChild.js <backup> <result>`. */
import { writeFileSync } from "node:fs";
import { callbacks } from "../../src/index.js";
import { BATCH, bitsOf, hostileData, hostileModel } from "./hostileModel.js";

const [backup, result] = process.argv.slice(2);
const { x, y } = hostileData();
const model = hostileModel();
await model.fit(x, y, {
  epochs: 60,
  batchSize: BATCH,
  verbose: 0,
  seed: 11,
  callbacks: [
    ...(backup === "none" ? [] : [callbacks.backupAndRestore(backup!, { saveFreq: 3 })]),
    { onEpochEnd: () => void process.stdout.write(".") },
  ],
});
writeFileSync(result!, (await bitsOf(model)).join());
