export type { Callback, Logs, TrainingRun } from "../models/callback.js";
export { type BackupOptions, backupAndRestore } from "./backupAndRestore.js";
