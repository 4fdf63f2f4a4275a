/** The main job in headless Chromium, from the built package: with threads and without, bundled and as plain modules. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, type Rollup } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumFlags, findChromium } from "./chromium.js";
import { serveSite } from "./server.js";

interface Trained {
  readonly backend: string;
  readonly description: string;
  readonly images: number;
  readonly losses: readonly number[];
  readonly loss: number;
  readonly accuracy: number;
  readonly predictedAccuracy: number;
  readonly sums: number;
  readonly isReloaded: boolean;
  readonly bits: number;
  readonly seconds: number;
  readonly longestWait: number;
  readonly turns: number;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = fileURLToPath(new URL("page", import.meta.url));
const executablePath = findChromium();
const given = process.env.MYELIN_DATA;
const fashion = [join(given ?? "", "images", "fashion-mnist"), join(given ?? "", "fashion-mnist")].find(
  (folder) => given && existsSync(join(folder, "train-images-idx3-ubyte.gz")),
);
/** Epochs, and the accuracy on test data that the classifier reaches after them with room to spare. */
const { epochs, least } = fashion ? { epochs: 2, least: 0.84 } : { epochs: 5, least: 0.85 };

if (!executablePath) {
  test("NOT TESTED IN A BROWSER: no Chromium was found", (context) => {
    const advice = "no Chromium on the path: install chromium, or set MYELIN_CHROMIUM";
    console.warn(`Nothing was tested in a browser: ${advice}.`);
    if (process.env.CI) throw new Error(advice);
    context.skip(advice);
  });
}

describe.runIf(executablePath)("in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), "myelin-browser-"));
  const site = join(folder, "site");
  const warnings: string[] = [];
  let browser: Browser;

  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, "scripts", "build-ts.mjs")], { stdio: "inherit" });
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(root, join(folder, "node_modules", "myelin"), "junction");
    symlinkSync(page, join(folder, "page"), "junction");
    await bundle(folder, site, warnings);
    browser = await chromium.launch({ executablePath: executablePath!, args: chromiumFlags });
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a page of a site, and closes both afterwards. */
  async function visit<T>(
    isIsolated: boolean,
    path: string,
    work: (page: Page, problems: string[]) => Promise<T>,
  ) {
    const folders = {
      "/data/": fashion ?? folder,
      "/myelin/dist/": join(root, "dist"),
      "/myelin/prebuilds/": join(root, "prebuilds"),
      "/myelin/node_modules/": join(root, "node_modules"),
      "/": site,
    };
    const { address, close } = await serveSite({
      isIsolated,
      folders,
      pages: { "/plain.html": plainPage(), "/main.js": readFileSync(join(page, "main.js"), "utf8") },
    });
    const context = await browser.newContext();
    const problems: string[] = [];
    try {
      const opened = await context.newPage();
      opened.on("console", (message) => problems.push(message.text()));
      opened.on("pageerror", (error) => problems.push(String(error)));
      await opened.goto(address + path);
      await opened.waitForFunction(() => "trainClassifier" in window, undefined, { timeout: 60_000 });
      return await work(opened, problems);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${problems.join("\n")}`, {
        cause: error,
      });
    } finally {
      await context.close();
      await close();
    }
  }

  function train(page: Page, backend: readonly unknown[] | null): Promise<Trained> {
    const settings = { backend, epochs, baseUrl: fashion ? "/data/" : null };
    return page.evaluate((given) => {
      const { trainClassifier } = window as unknown as {
        trainClassifier: (settings: unknown) => Promise<Trained>;
      };
      return trainClassifier(given);
    }, settings);
  }

  function expectTrained(trained: Trained): void {
    console.log(
      `  ${trained.description}: ${trained.images} images, ${epochs} epochs in ${trained.seconds.toFixed(2)} s, accuracy ${trained.accuracy}; the page waited ${trained.longestWait.toFixed(0)} ms at most, ${trained.turns} turns`,
    );
    expect(trained.backend).toBe("wasm");
    expect(trained.losses.at(-1)).toBeLessThan(trained.losses[0]!);
    expect(trained.accuracy).toBeGreaterThan(least);
    expect(trained.predictedAccuracy).toBeCloseTo(trained.accuracy, 6);
    expect(trained.isReloaded).toBe(true);
    expect(trained.sums).toBeLessThan(1e-5);
    expect(trained.turns).toBeGreaterThan(1);
  }

  let single: Trained;

  test("bundles without a word about modules of Node", () => {
    expect(warnings).toEqual([]);
  });

  test("trains on the page's own thread where memory can't be shared", async () => {
    await visit(false, "/index.html", async (page, problems) => {
      single = await train(page, null);
      expectTrained(single);
      expect(single.description).toBe("SIMD, 1 thread");
      expect(problems).toEqual([]);
    });
  }, 120_000);

  test("trains on threads where the page is isolated, with the same bits", async () => {
    await visit(true, "/index.html", async (page, problems) => {
      const chosen = await train(page, null);
      expectTrained(chosen);
      expect(chosen.description).toMatch(/threads$/);
      expect(chosen.accuracy).toBeCloseTo(single.accuracy, 1.5);
      const threads = await train(page, ["wasm", { variant: "threads", threads: 2 }]);
      expectTrained(threads);
      expect(threads.bits).toBe(single.bits);
      expect(threads.accuracy).toBe(single.accuracy);
      expect(problems).toEqual([]);
    });
  }, 180_000);

  test("runs as plain modules with an import map, without a bundler", async () => {
    await visit(true, "/plain.html", async (page, problems) => {
      const trained = await train(page, ["wasm", { variant: "threads", threads: 2 }]);
      expect(trained.bits).toBe(single.bits);
      expect(problems).toEqual([]);
    });
  }, 120_000);
});

/** The page as a user builds it; warnings are collected. */
async function bundle(folder: string, outDir: string, warnings: string[]): Promise<void> {
  const note = (message: string) => warnings.push(message);
  await build({
    root: join(folder, "page"),
    configFile: false,
    logLevel: "warn",
    clearScreen: false,
    resolve: { preserveSymlinks: true },
    customLogger: {
      info: () => {},
      warn: note,
      warnOnce: note,
      error: note,
      clearScreen: () => {},
      hasErrorLogged: () => false,
      hasWarned: false,
    },
    build: {
      outDir,
      emptyOutDir: true,
      chunkSizeWarningLimit: 4096,
      rollupOptions: { onwarn: (warning: Rollup.RollupLog) => note(warning.message) },
    },
  });
}

function plainPage(): string {
  const imports = { myelin: "/myelin/dist/browser.js", fflate: "/myelin/node_modules/fflate/esm/browser.js" };
  const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`;
  return readFileSync(join(page, "index.html"), "utf8").replace("<!-- plain.html: import map -->", map);
}
