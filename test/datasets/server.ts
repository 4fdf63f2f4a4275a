import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A server on this machine that serves files from memory with byte ranges and remembers what was asked for. */
export class FileServer {
  readonly files = new Map<string, Uint8Array>();
  readonly requests: { path: string; range: string | undefined }[] = [];
  /** Cuts the connection after that many bytes of a body, that many times. */
  cut: { after: number; times: number } = { after: 0, times: 0 };
  /** Extra headers of every answer. */
  headers: Record<string, string> = {};
  /** Never answers. */
  isSilent = false;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => this.answer(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/data/`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "").replace("/data/", "");
    const range = request.headers.range;
    this.requests.push({ path, range });
    if (this.isSilent) return;
    const file = this.files.get(path);
    if (!file) return void response.writeHead(404).end();
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    if (start >= file.length) return void response.writeHead(416).end();
    const body = file.subarray(start);
    const placed = start > 0 ? { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` } : {};
    response.writeHead(start > 0 ? 206 : 200, { ...this.headers, ...placed, "content-length": body.length });
    if (this.cut.times > 0 && body.length > this.cut.after) {
      this.cut.times--;
      response.write(body.subarray(0, this.cut.after), () => setImmediate(() => response.destroy()));
      return;
    }
    response.end(body);
  }
}
