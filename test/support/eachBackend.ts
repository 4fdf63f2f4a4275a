import "../../src/index.js"; // attaches the methods of tensors and models
import { beforeAll, describe } from "vitest";
import { useBackend } from "../../src/engine/device.js";
import { setSeed } from "../../src/engine/seed.js";
import { backends } from "./backends.js";
import { referenceBackend } from "./evaluate.js";

/** The same tests on the reference and on every backend this machine has, from seed 0. */
export function describeOnEachBackend(title: string, tests: (backendName: string) => void): void {
  describe.each([referenceBackend, ...backends].map((b) => [b.name, b] as const))(
    `${title} (%s)`,
    (name, backend) => {
      beforeAll(() => {
        useBackend(backend);
        setSeed(0);
      });
      tests(name);
    },
  );
}
