import { findBackend } from "../../src/engine/backends.js";
import { useBackend } from "../../src/engine/device.js";
import { backends } from "./backends.js";

/** Each backend under test with a way to use it on a number of threads. */
export const backendsByThreads = backends.map((backend) => ({
  name: backend.name,
  threads: [1, 2, 4],
  use: (threads: number) => {
    const found = findBackend(backend.name as "native", { threads });
    if ("reason" in found) throw new Error(found.reason);
    useBackend(found);
  },
}));
