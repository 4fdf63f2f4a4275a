// A framework under measurement: a child process that stays alive and answers requests (bench/protocol.mjs).
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** CPU seconds that the whole machine has spent so far; undefined where the system doesn't tell. */
function machineSeconds() {
  try {
    const [user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8")
      .split("\n", 1)[0]
      .trim()
      .split(/\s+/)
      .slice(1)
      .map(Number);
    return (user + nice + system + irq + softirq + steal) / 100;
  } catch {
    return undefined;
  }
}

/** CPU seconds that one process has spent so far. */
function processSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop().split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100; // utime, stime
  } catch {
    return 0;
  }
}

export class Contender {
  /** @param description `{ id, label, command, arguments, environment }` */
  constructor(description) {
    Object.assign(this, description);
    this.complaints = "";
  }

  /** Starts the process and asks for its version; throws where that fails. */
  async start() {
    const environment = { ...process.env, ...this.environment };
    this.child = spawn(this.command, this.arguments, { env: environment, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr.on("data", (text) => {
      this.complaints = (this.complaints + text).slice(-2000);
    });
    this.waiting = [];
    this.gone = undefined;
    createInterface({ input: this.child.stdout }).on("line", (line) =>
      this.waiting.shift()?.(JSON.parse(line)),
    );
    const gone = (reason) => {
      this.gone = reason;
      for (const resolve of this.waiting.splice(0)) resolve({ error: reason });
    };
    this.child.on("error", (error) => gone(error.message));
    this.child.on("exit", (code, signal) =>
      gone(`process ended (${signal ?? code}): ${this.lastComplaint()}`),
    );
    this.child.stdin.on("error", () => {}); // the exit says it
    const info = await this.ask({ op: "info" });
    if (info.error) throw new Error(info.error);
    this.info = info;
    return info;
  }

  /** The line that says most of what went to standard error. */
  lastComplaint() {
    const lines = this.complaints.trim().split("\n");
    return lines.findLast((line) => /error/i.test(line)) ?? lines[lines.length - 1];
  }

  ask(request) {
    if (this.gone) return Promise.resolve({ error: this.gone });
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  prepare({ id, spec }) {
    return this.ask({ op: "prepare", workload: id, spec });
  }

  release({ id }) {
    return this.ask({ op: "release", workload: id });
  }

  /** One measurement, with the share of a core that other processes took meanwhile. */
  async run({ id, once }, { warm, seconds, minimum }) {
    const request = once ? { warm: 0, seconds: 0, minimum: 1 } : { warm, seconds, minimum };
    const before = {
      machine: machineSeconds(),
      own: processSeconds(this.child.pid),
      time: performance.now(),
    };
    const reply = await this.ask({ op: "run", workload: id, ...request });
    if (reply.error || before.machine === undefined) return reply;
    const elapsed = (performance.now() - before.time) / 1e3;
    const own = processSeconds(this.child.pid) - before.own;
    const foreign = Math.max(0, machineSeconds() - before.machine - own) / elapsed;
    return { ...reply, foreign };
  }

  async stop() {
    if (!this.child || this.gone) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    await ended;
    clearTimeout(timer);
  }
}
