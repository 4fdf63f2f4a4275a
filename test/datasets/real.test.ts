import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type CatalogueEntry, fashionMnistEntry, mnistEntry } from "../../src/datasets/catalogue.js";
import { fashionMnist, mnist } from "../../src/datasets/index.js";
import { folderPlaces } from "../../src/datasets/places.js";
import { gunzip } from "../../src/formats/index.js";

/** First labels of the training and the test set, as the authors published them. */
const sets = [
  { entry: fashionMnistEntry, load: fashionMnist, train: [9, 0, 0, 3, 0], test: [9, 2, 1, 1, 6] },
  { entry: mnistEntry, load: mnist, train: [5, 0, 4, 1, 9], test: [7, 2, 1, 0, 4] },
];

const placeOf = async (entry: CatalogueEntry) =>
  (await folderPlaces(entry)).find(({ isComplete }) => isComplete);

for (const { entry, load, train, test } of sets) {
  // Runs where the real files are at hand: in MYELIN_DATA or in the cache. Nothing is downloaded.
  const place = await placeOf(entry);
  describe.skipIf(!place)(`${entry.name} as published`, () => {
    it("has the known content", async () => {
      for (const { name, contentSha256 } of Object.values(entry.files)) {
        const content = await gunzip(new Uint8Array(readFileSync(`${place!.location}/${name}`)));
        expect(createHash("sha256").update(content).digest("hex")).toBe(contentSha256);
      }
    });

    it("is loaded whole", async () => {
      const data = await load({ offline: true });
      expect(data.train.images.shape).toEqual([60000, 28, 28]);
      expect(data.test.images.shape).toEqual([10000, 28, 28]);
      expect([...data.train.labels.dataSync().subarray(0, 5)]).toEqual(train);
      expect([...data.test.labels.dataSync().subarray(0, 5)]).toEqual(test);
      expect(data.classNames).toHaveLength(10);
    });
  });
}
