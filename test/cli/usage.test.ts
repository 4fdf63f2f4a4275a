import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { run } from "./run.js";

describe("myelin", () => {
  it("without a command, or with --help, lists the commands", async () => {
    for (const words of [[], ["--help"], ["-h"], ["help"]]) {
      const { status, stdout } = await run(words);
      expect(status).toBe(0);
      for (const name of ["quickstart", "doctor", "--version"]) expect(stdout).toContain(name);
    }
  });

  it("shows the options of a command, with their defaults", async () => {
    for (const words of [
      ["quickstart", "--help"],
      ["help", "quickstart"],
    ]) {
      const { status, stdout } = await run(words);
      expect(status).toBe(0);
      expect(stdout).toMatch(/--epochs <n> .*\(5\)/);
      expect(stdout).toMatch(/--batch-size <n> .*\(32\)/);
      expect(stdout).toContain("--backend <native|wasm|reference>");
    }
  });

  it("prints the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(await run(["--version"])).toMatchObject({ status: 0, stdout: `${version}\n` });
  });

  it("suggests the nearest command", async () => {
    const { status, stdout, stderr } = await run(["docter"]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain('received "docter". Did you mean "myelin doctor"?');
    expect((await run(["xyzzyxyzzy"])).stderr).toContain('Run "myelin --help".');
  });

  const wrong: readonly (readonly [words: string[], message: string])[] = [
    [["quickstart", "--epoch", "3"], "received --epoch. Did you mean --epochs?"],
    [["quickstart", "--frobnicate"], 'Run "myelin quickstart --help" to see them.'],
    [["quickstart", "-e", "3"], "received -e."],
    [
      ["quickstart", "--epochs", "0"],
      '[myelin quickstart --epochs] expected an integer from 1 on, received "0"',
    ],
    [["quickstart", "--epochs", "-1"], 'received "-1"'],
    [["quickstart", "--epochs", "2.5"], 'received "2.5"'],
    [["quickstart", "--epochs"], "received nothing"],
    [["quickstart", "--seed", "many"], 'expected an integer, received "many"'],
    [["quickstart", "--backend", "nativ"], "Did you mean native?"],
    [["quickstart", "--backend"], "expected one of native, wasm, reference, received nothing"],
    [["quickstart", "--output="], "expected file, received nothing"],
    [["quickstart", "--json=yes"], 'expected no value, received "yes"'],
    [["doctor", "please"], 'expected options only, received "please"'],
    [["help", "doktor"], 'Did you mean "myelin doctor"?'],
  ];
  it.each(wrong)("%j is wrong usage, and says how it is meant", async (words, message) => {
    const { status, stderr } = await run(words);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
