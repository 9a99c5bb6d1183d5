import { createServer } from "node:http";
import { extname } from "node:path";
import { demoBuilder, hashOf, isPage } from "./build.mjs";
import { POLICY } from "./policy.mjs";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json; charset=utf-8",
  ".tsv": "text/tab-separated-values; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
};

/**
 * Serves the demo on localhost under its content security policy, as a static host would: no COOP, no COEP. Every load of
 * a page builds anew, so that a change of the sources shows after a reload; with `isFixed` what was built first stays.
 *
 * @param {{ port?: number, host?: string, minify?: boolean, isFixed?: boolean, orFree?: boolean }} [options] port 0, the
 * default, takes a free one; `orFree` does where the port is taken
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function serveDemo({
  port = 0,
  host = "localhost",
  minify = false,
  isFixed = false,
  orFree = false,
} = {}) {
  const builder = await demoBuilder({ minify });
  let files = await builder.build();
  let building = Promise.resolve();
  const server = createServer(async (request, response) => {
    const path = pathOf(request.url);
    if (path === null) {
      response.writeHead(400, { "Content-Type": TYPES[".txt"] }).end("This is no address.\n");
      return;
    }
    try {
      if (isPage(path) && !isFixed) {
        building = building.then(async () => {
          files = await builder.build();
        });
        await building;
      }
    } catch (error) {
      building = Promise.resolve();
      response.writeHead(500, { "Content-Type": TYPES[".txt"] }).end(`The demo does not build:\n${error.message}\n`);
      return;
    }
    const name = path === "" ? "index.html" : path;
    const bytes = files.get(name);
    if (!bytes) {
      response.writeHead(404, { "Content-Type": TYPES[".txt"] }).end(`There is no ${name}.\n`);
      return;
    }
    answer(request, response, bytes, TYPES[extname(name)] ?? "application/octet-stream");
  });
  try {
    await listen(server, port, host).catch((error) => {
      if (!orFree || error.code !== "EADDRINUSE") throw error;
      return listen(server, 0, host);
    });
  } catch (error) {
    await builder.dispose();
    throw error;
  }
  return {
    url: `http://${host}:${server.address().port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await builder.dispose();
    },
  };
}

function listen(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, host, () => resolve(server.off("error", reject)));
  });
}

/** The path of an address from the root, without the leading slash; null of one that is none. */
function pathOf(url) {
  try {
    return decodeURIComponent(new URL(`http://localhost${url}`).pathname).slice(1);
  } catch {
    return null;
  }
}

/** Whole files and byte ranges, with a tag by content. */
function answer(request, response, bytes, type) {
  const headers = {
    "Content-Type": type,
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    "Accept-Ranges": "bytes",
    ETag: `"${hashOf(bytes)}"`,
  };
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { Allow: "GET, HEAD" }).end();
    return;
  }
  if (request.headers["if-none-match"] === headers.ETag) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = rangeOf(request.headers.range, bytes.length);
  if (range === null) {
    response.writeHead(416, { ...headers, "Content-Range": `bytes */${bytes.length}` }).end();
    return;
  }
  const part = range ? bytes.subarray(range.start, range.end) : bytes;
  const partial = range && { "Content-Range": `bytes ${range.start}-${range.end - 1}/${bytes.length}` };
  response.writeHead(range ? 206 : 200, { ...headers, ...partial, "Content-Length": part.length });
  response.end(request.method === "HEAD" ? undefined : part);
}

/** `bytes=0-99` as [start, end); undefined without one that is understood, null where it lies outside. */
function rangeOf(header, size) {
  const [, first, last] = header?.match(/^bytes=(\d*)-(\d*)$/) ?? [];
  if (first === undefined || (first === "" && last === "")) return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  return start < end ? { start, end } : null;
}
