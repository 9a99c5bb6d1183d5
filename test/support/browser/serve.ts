import { readFile, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";
import { type BuildOptions, build } from "esbuild";

/** Files by their path from the root without the leading slash, such as `index.html`. */
export type ServedFiles = Readonly<Record<string, string | Uint8Array>>;

export interface ServedRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingMessage["headers"];
}

export interface Served {
  /** `http://localhost:PORT/`; browsers take localhost for a secure context, which WebGPU and OPFS need. */
  url: string;
  /** Everything asked for so far. */
  requests: ServedRequest[];
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Sent with every answer; or those of a path. */
  headers?: OutgoingHttpHeaders | ((path: string) => OutgoingHttpHeaders);
  /** Answers before the files are looked at; true when it has answered. */
  answer?: (request: IncomingMessage, response: import("node:http").ServerResponse) => boolean | Promise<boolean>;
}

/** The policy that the built library must work under, see the README. */
export const STRICT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; connect-src 'self'";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".tsv": "text/tab-separated-values; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".wasm": "application/wasm",
};

/**
 * Serves a folder, or files in memory, on a free port of localhost, as a static host does: with byte ranges, and 404 for
 * what is not there. Of several sources the first that has the file answers.
 */
export async function serve(
  sources: string | ServedFiles | readonly (string | ServedFiles)[],
  options: ServeOptions = {},
): Promise<Served> {
  const places = (Array.isArray(sources) ? sources : [sources]) as readonly (string | ServedFiles)[];
  const requests: ServedRequest[] = [];
  const server = createServer(async (request, response) => {
    try {
      requests.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers });
      if (await options.answer?.(request, response)) return;
      const path = pathOf(request.url ?? "/");
      const bytes = await find(places, path);
      const { headers = {} } = options;
      const own = typeof headers === "function" ? headers(`/${path}`) : headers;
      // Headless Chromium asks for it since it shares its code with the one in windows, and complains of a 404.
      if (!bytes && path === "favicon.ico") {
        response.writeHead(204, own).end();
        return;
      }
      if (!bytes) {
        response.writeHead(404, { "content-type": "text/plain", ...own }).end(`There is no /${path} here.`);
        return;
      }
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      const range = rangeOf(request.headers.range, bytes.length);
      const common = { "content-type": type, "accept-ranges": "bytes", "cache-control": "no-store", ...own };
      if (range) {
        const [begin, end] = range;
        const part = { "content-range": `bytes ${begin}-${end - 1}/${bytes.length}`, "content-length": end - begin };
        response.writeHead(206, { ...common, ...part });
        response.end(request.method === "HEAD" ? undefined : bytes.subarray(begin, end));
      } else {
        response.writeHead(200, { ...common, "content-length": bytes.length });
        response.end(request.method === "HEAD" ? undefined : bytes);
      }
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((listening, failed) => {
    server.once("error", failed).listen(0, "localhost", listening);
  });
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    requests,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

/** A URL's path without what leads out of the root; a folder stands for its index.html. */
function pathOf(url: string): string {
  const path = normalize(`/${decodeURIComponent(new URL(url, "http://localhost").pathname)}`).replace(/^[/\\]+/, "");
  return path === "" || path.endsWith("/") ? `${path}index.html` : path;
}

async function find(places: readonly (string | ServedFiles)[], path: string): Promise<Uint8Array | null> {
  for (const place of places) {
    if (typeof place !== "string") {
      const content = place[path];
      if (content !== undefined) return typeof content === "string" ? new TextEncoder().encode(content) : content;
    } else {
      const file = join(resolve(place), path);
      const state = await stat(file).catch(() => null);
      if (state?.isFile()) return readFile(file);
    }
  }
  return null;
}

/** Begin and end of a single byte range that can be served; null for anything else. */
function rangeOf(header: string | undefined, size: number): [number, number] | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined || (first === "" && last === "")) return null;
  if (first === "") return [Math.max(0, size - Number(last)), size];
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  return Number(first) < end ? [Number(first), end] : null;
}

/** As in the build: bundlers do not find the part of this package that is for browsers. */
const HUB_FOR_BROWSERS = {
  "@huggingface/hub": resolve(import.meta.dirname, "../../../node_modules/@huggingface/hub/dist/browser/index.mjs"),
};

/** Bundles for a browser into memory: paths from the root and contents, as {@link serve} takes them. */
export async function bundle(
  entryPoints: string[] | Record<string, string>,
  options: BuildOptions = {},
): Promise<Record<string, Uint8Array>> {
  const root = resolve("bundled");
  const { outputFiles } = await build({
    entryPoints,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    loader: { ".wgsl": "text" },
    external: ["node:*", "webgpu", "@sparticuz/chromium", "sharp"],
    alias: HUB_FOR_BROWSERS,
    outdir: root,
    logLevel: "warning",
    ...options,
    write: false,
  });
  return Object.fromEntries(outputFiles!.map(({ path, contents }) => [path.slice(root.length + 1), contents]));
}
