/** A backend in a process of another platform, under an emulator: cpp/bindings/pipe.cc at the other end of two pipes. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Executable, RunResult } from "../../src/backends/backend.js";
import { RESULT } from "../../src/backends/cpu/addon.js";
import { encode, type KernelNames } from "../../src/backends/cpu/encode.js";
import { faultOf, rejectedProgram } from "../../src/backends/cpu/runs.js";
import { type HostStorage, ReferenceBackend } from "../../src/backends/reference/reference.js";
import type { DType } from "../../src/base/dtype.js";
import type { Program } from "../../src/compile/program.js";
import type { Storage } from "../../src/graph/tensor.js";

/** Words of a result that cpp/runtime/executable.h writes. */
const RESULT_WORDS = 9;

/** Memory and host are the reference's; what runs are programs of the other process. */
export class EmulatedBackend extends ReferenceBackend {
  override readonly name = "emulated";
  override readonly description: string;
  override readonly dtypes: readonly DType[] = ["bool", "uint8", "int32", "float32"];
  private readonly names: KernelNames;
  private readonly toProcess: number;
  private readonly fromProcess: number;

  /** @param command a shell command that starts `pipe` */
  constructor(command: string) {
    super();
    // Named pipes: a test computes without waiting, which the streams of a child process cannot.
    const folder = mkdtempSync(join(tmpdir(), "myelin-emulated-"));
    const [input, output] = [join(folder, "in"), join(folder, "out")];
    execFileSync("mkfifo", [input, output]);
    spawn("sh", ["-c", `exec ${command} < '${input}' > '${output}'`], { stdio: "inherit" }).unref();
    this.toProcess = openSync(input, "w");
    this.fromProcess = openSync(output, "r");
    rmSync(folder, { recursive: true });
    const [isa, kernels, opcodes] = this.readText().split("\n");
    this.description = isa!;
    this.names = { backend: "emulated", kernels: kernels!.split("\t"), opcodes: opcodes!.split("\t") };
  }

  override load(program: Program): Executable {
    const { words, flat } = encode(program, this.names);
    const runSync = (bindings: readonly Storage[], steps: number): RunResult => {
      const buffers = bindings.map((storage) => new Uint8Array((storage as HostStorage).buffer));
      this.write32(Int32Array.of(words.length, buffers.length, steps));
      this.write32(words);
      for (const buffer of buffers) {
        this.write32(Int32Array.of(buffer.length));
        this.send(buffer);
      }
      const message = this.readText();
      if (message) throw rejectedProgram("emulated", message);
      const result = new Int32Array(this.receive(4 * RESULT_WORDS).buffer);
      for (const buffer of buffers) buffer.set(this.receive(buffer.length));
      if (result[RESULT.yield]! >= 0) throw new Error("calls into JavaScript are not emulated");
      return { steps: result[RESULT.iterations]!, fault: faultOf(result, flat) };
    };
    return { runSync, run: async (bindings, steps) => runSync(bindings, steps) };
  }

  private write32(words: Int32Array): void {
    this.send(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  }

  private send(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.toProcess, bytes, at);
  }

  private receive(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const count = readSync(this.fromProcess, bytes, at, length - at, null);
      if (count === 0) throw new Error("the emulated process has ended");
      at += count;
    }
    return bytes;
  }

  private readText(): string {
    const [length] = new Int32Array(this.receive(4).buffer);
    return new TextDecoder().decode(this.receive(length!));
  }
}
