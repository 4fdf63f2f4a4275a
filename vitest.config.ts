import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Examples and tests may import the package by its name; here that is the source, not dist.
    alias: [
      { find: /^myelin$/, replacement: source("index.ts") },
      { find: /^myelin\/([a-z]+)$/, replacement: source("$1/index.ts") },
    ],
  },
  oxc: { target: "es2023" },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    retry: 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    globalSetup: ["scripts/test-setup.mjs"],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text-summary", "html", "json-summary"],
    },
  },
});
