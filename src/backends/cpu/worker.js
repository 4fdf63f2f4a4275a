// A thread of the WASM engine, in Node and in browsers. It stays inside: a member of the team waits in WASM for work,
// the driver waits here for programs to run as member 0 while JavaScript goes on elsewhere. Plain JavaScript, because
// tests, dist and browsers all start this very file.

/** Words of the control block; wasmRunner.ts has the same list. */
const COMMAND = 0;
const DONE = 1;
const OK = 2;
const PROGRAM = 3;
const BINDINGS = 4;
const STOP = 5;
const RESUME = 6;
const RESULT = 7;
const PROFILE = 12;
const PROFILE_LENGTH = 13;

const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads");
if (threads?.parentPort) {
  const { parentPort, workerData } = threads;
  start(workerData, (message) => parentPort.postMessage(message));
} else {
  globalThis.onmessage = ({ data }) => start(data, (message) => globalThis.postMessage(message));
}

/** @param post reports `{ ready }`, `{ done: number of the command }` or `{ failure: text }` */
function start({ module, memory, member, stack, control, cores, origin }, post) {
  let team;
  try {
    // Threads compare times: all count from the origin of the one that started them (a browser's worker has its own).
    const shift = performance.timeOrigin - origin;
    const now = () => performance.now() + shift;
    const { exports } = new WebAssembly.Instance(module, { env: { memory, now } });
    exports.__stack_pointer.value = member > 0 ? exports.workerStack(member) : stack | 0;
    post({ ready: true });
    team = exports;
    if (member > 0) exports.workerMain(member);
    else drive(exports, memory, control, cores, post);
  } catch (error) {
    team?.breakTeam(); // Others may be waiting for this thread.
    post({ failure: String(error?.message ?? error) });
  }
}

function drive(exports, memory, control, cores, post) {
  const words = new Int32Array(memory.buffer, control, 16);
  const numbers = new Float64Array(memory.buffer, control + 32, 2); // steps, budget
  for (let served = 0; ; ) {
    Atomics.wait(words, COMMAND, served);
    const command = Atomics.load(words, COMMAND);
    if (command === served) continue;
    served = command;
    let failure;
    try {
      exports.startTeam(1, cores, 1); // This caller may block.
      words[OK] = exports.run(
        words[PROGRAM],
        words[BINDINGS],
        numbers[0],
        numbers[1],
        words[STOP],
        words[RESUME],
        words[RESULT],
        words[PROFILE],
        words[PROFILE_LENGTH],
      );
    } catch (error) {
      exports.breakTeam();
      words[OK] = 0;
      failure = String(error?.message ?? error);
    }
    Atomics.store(words, DONE, command);
    Atomics.notify(words, DONE);
    post({ done: command, failure });
  }
}
