import { AbortedError, DataError, MyelinError } from "../base/errors.js";

/** No address served the file; `cause` is the last failure. */
export class DownloadError extends DataError {}

/** How far the download of one file has come, in bytes. */
export interface DownloadProgress {
  readonly file: string;
  readonly loaded: number;
  /** Undefined as long as the server does not say; equal to `loaded` at the end. */
  readonly total: number | undefined;
}

export interface DownloadOptions {
  /** Ends the download; what has arrived is kept for the next time. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Longest wait for a server's answer; 15 seconds unless told. */
  connectSeconds?: number | undefined;
  /** How often all addresses are tried; 2 unless told. */
  rounds?: number | undefined;
}

/** Where the bytes of a download go. A broken transfer goes on behind what is already there. */
export interface DownloadSink {
  readonly length: number;
  append(chunk: Uint8Array): Promise<void>;
  restart(): Promise<void>;
}

/** A transfer that brings nothing for this long is given up and taken up again. */
const stallSeconds = 30;
/** No file of a data set here is larger; more is not what was asked for. */
const maxBytes = 2 ** 28;

/**
 * Downloads a file from the first address that serves it, going on where an earlier attempt stopped.
 *
 * @returns the address that served it
 * @throws {DownloadError} naming each address and what went wrong there
 * @throws {AbortedError} where `signal` ended it
 */
export async function download(
  who: string,
  file: string,
  addresses: readonly string[],
  sink: DownloadSink,
  options: DownloadOptions = {},
): Promise<string> {
  const failures = new Map<string, string>();
  let cause: unknown;
  for (let round = 0; round < (options.rounds ?? 2); round++) {
    for (const address of addresses) {
      throwIfAborted(who, options.signal);
      try {
        await transfer(file, address, sink, options);
        return address;
      } catch (error) {
        throwIfAborted(who, options.signal);
        if (error instanceof MyelinError) throw error; // the disk, not the network
        cause = error;
        failures.set(new URL(address).host, reasonOf(error));
      }
    }
  }
  const list = [...failures].map(([host, reason]) => `${host}: ${reason}`).join("; ");
  throw new DownloadError({ who, expected: `to download ${file}`, received: list }, { cause });
}

/** Throws where the signal has fired. */
export function throwIfAborted(who: string, signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new AbortedError(
    {
      who,
      expected: "to load the data set",
      received: "an abort signal",
      fix: "Run it again: what arrived is kept.",
    },
    { cause: signal.reason },
  );
}

/** The bytes in memory: for browsers. */
export class MemorySink implements DownloadSink {
  length = 0;
  private chunks: Uint8Array[] = [];

  async append(chunk: Uint8Array): Promise<void> {
    this.chunks.push(chunk);
    this.length += chunk.length;
  }

  async restart(): Promise<void> {
    this.chunks = [];
    this.length = 0;
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }
}

async function transfer(
  file: string,
  address: string,
  sink: DownloadSink,
  options: DownloadOptions,
): Promise<void> {
  const stall = new AbortController();
  const giveUp = (seconds: number, reason: string) =>
    setTimeout(() => stall.abort(new Error(reason)), 1000 * seconds);
  const connectSeconds = options.connectSeconds ?? 15;
  let timer = giveUp(connectSeconds, `no answer within ${connectSeconds} s`);
  const signal = options.signal ? AbortSignal.any([stall.signal, options.signal]) : stall.signal;
  try {
    const start = sink.length;
    const headers = { "accept-encoding": "identity", ...(start > 0 ? { range: `bytes=${start}-` } : {}) };
    const response = await fetch(address, { headers, signal });
    if (response.status === 416) await sink.restart(); // what is there is longer than the file
    if (!response.ok || response.body === null) throw new Error(`HTTP status ${response.status}`);
    if (response.status === 206 && rangeStart(response) !== start) {
      await sink.restart();
      throw new Error("the server sent another range than asked for");
    }
    if (response.status !== 206 && start > 0) await sink.restart();

    // A body that the server compressed on its way has another length than its header says.
    const length = response.headers.has("content-encoding") ? null : response.headers.get("content-length");
    const total = length === null ? undefined : sink.length + Number(length);
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) break;
      if (sink.length + value.length > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
      await sink.append(value);
      options.onProgress?.({ file, loaded: sink.length, total });
      timer = giveUp(stallSeconds, `nothing arrived for ${stallSeconds} s`);
    }
    if (total !== undefined && sink.length < total)
      throw new Error(`ended after ${sink.length} of ${total} bytes`);
  } finally {
    clearTimeout(timer);
    stall.abort(); // lets go of the connection where the body was not read to its end
  }
}

function rangeStart(response: Response): number | undefined {
  const match = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "");
  return match ? Number(match[1]) : undefined;
}

/** Node hides the reason of a failed fetch in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause as (Error & { code?: string }) | undefined;
  return cause?.message ? cause.message : error.message;
}
