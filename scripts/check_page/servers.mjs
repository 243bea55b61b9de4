// The two servers of scripts/check_page.mjs: `sukashi serve`, and one for the files of web/dist.

import { spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";

/** Starts `sukashi serve` on a free port of the loopback. */
export async function startServer(sukashi) {
  const child = spawn(sukashi, ["serve", "--port", "0", "--device", "cpu", "--grace", "0"], { stdio: ["ignore", "pipe", "pipe"] });
  const address = await new Promise((resolve, reject) => {
    let said = "";
    const read = (bytes) => {
      said += bytes;
      const found = /http:\/\/\S+/.exec(said);
      if (found) {
        resolve(`${found[0]}/`);
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", (code) => reject(new Error(`sukashi serve ended with ${code}: ${said}`)));
  });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  return {
    address,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

const types = {
  ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
  ".wasm": "application/wasm", ".json": "application/json",
};

/** Serves web/dist as a static host does; `null` if there is none. */
export async function serveDist() {
  if ((await stat("web/dist/pkg/sukashi_bg.wasm").catch(() => null)) === null) {
    return null;
  }
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = path.join("web/dist", path.normalize(pathname.endsWith("/") ? `${pathname}index.html` : pathname));
    try {
      const bytes = await readFile(file);
      response.writeHead(200, { "content-type": types[path.extname(file)] ?? "application/octet-stream" }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}/`,
    stop: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}
