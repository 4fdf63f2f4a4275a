import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

export interface SiteOptions {
  /** Folders by the start of the path; the first that fits serves it. */
  readonly folders: Readonly<Record<string, string>>;
  /** Texts by path, before the folders. */
  readonly pages?: Readonly<Record<string, string>>;
  /** Send the headers that allow shared memory. */
  readonly isIsolated: boolean;
}

/** A site on this machine; `close` ends it. */
export async function serveSite({ folders, pages = {}, isIsolated }: SiteOptions) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url!, "http://site").pathname));
    if (isIsolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    const type = types[extname(path)];
    if (type) response.setHeader("Content-Type", type);
    const page = pages[path];
    if (page !== undefined) return void response.end(page);
    const start = Object.keys(folders).find((prefix) => path.startsWith(prefix));
    const file = start === undefined ? undefined : join(folders[start]!, path.slice(start.length));
    if (
      !file ||
      !(await stat(file).then(
        (found) => found.isFile(),
        () => false,
      ))
    ) {
      return void response.writeHead(404).end();
    }
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
