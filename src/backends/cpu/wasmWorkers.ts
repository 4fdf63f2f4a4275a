/** Threads that run worker.js: `worker_threads` in Node, Web Workers in a browser. */

/** Where Node gives its modules; undefined elsewhere. */
const node: typeof process.getBuiltinModule | undefined = globalThis.process?.getBuiltinModule;

export interface WorkerTask {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** 1 …: a member of the team; 0: the driver. */
  readonly member: number;
  /** Of the driver: the end of its stack, its control block. */
  readonly stack?: number;
  readonly control?: number;
  readonly cores: number;
  /** Where the clock of the engine's times starts: `performance.timeOrigin` of the thread that made it. */
  readonly origin: number;
}

export interface WorkerMessage {
  /** It is about to join in. */
  readonly ready?: boolean;
  /** The driver has served this command. */
  readonly done?: number;
  /** What kept it from starting, or what ended it. */
  readonly failure?: string | undefined;
}

export interface WorkerHandle {
  /** Whether the process waits for this worker (Node); it does not at first. */
  keepAlive(isNeeded: boolean): void;
}

/** Starts a worker. `receive` also hears of a worker that could not start or that died: maybe before this returns. */
export function startWorker(task: WorkerTask, receive: (message: WorkerMessage) => void): WorkerHandle {
  try {
    return node ? startThread(node, task, receive) : startWebWorker(task, receive);
  } catch (error) {
    receive({ failure: error instanceof Error ? error.message : String(error) });
    return { keepAlive: () => {} };
  }
}

function startThread(
  builtin: typeof process.getBuiltinModule,
  task: WorkerTask,
  receive: (message: WorkerMessage) => void,
): WorkerHandle {
  const { Worker: Thread } = builtin("node:worker_threads");
  const here = import.meta.url; // Not in one expression with the name: bundlers for browsers would copy the file.
  const thread = new Thread(new URL("./worker.js", here), { workerData: task, execArgv: [] });
  thread.on("message", receive);
  thread.on("error", (error: Error) => receive({ failure: error.message }));
  thread.unref(); // Behind the listeners: adding one refs the port.
  return { keepAlive: (isNeeded) => (isNeeded ? thread.ref() : thread.unref()) };
}

function startWebWorker(task: WorkerTask, receive: (message: WorkerMessage) => void): WorkerHandle {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "myelin" });
  worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => receive(data);
  worker.onerror = (event) => receive({ failure: event.message || "the worker can't be loaded" });
  worker.postMessage(task);
  return { keepAlive: () => {} };
}

/** Cores of the machine that this process may use. */
export function countCores(): number {
  return node ? node("node:os").availableParallelism() : (globalThis.navigator?.hardwareConcurrency ?? 1);
}

/** Whether this is the thread that draws a page and answers its user. */
export function isPage(): boolean {
  return !node && typeof document !== "undefined";
}

/** Whether this thread may sleep: a browser's page may not. */
export function mayBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves in a task of its own: what waits for the event loop has been served by then. */
export function nextTask(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
