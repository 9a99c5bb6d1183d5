import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** How a server of files misbehaves. */
export interface ServerHabits {
  /** Answers every request with the whole file. */
  withoutRanges?: boolean;
  /** Compresses whole files. */
  gzips?: boolean;
  /** Leaves out how long a whole file is. */
  withoutLength?: boolean;
  /** Bytes of a body after which a connection is cut, once for each number. */
  cuts?: number[];
  /** Statuses of the next answers, whatever is asked. */
  failures?: number[];
  /** Leaves out the ETag. */
  withoutEtag?: boolean;
  /** Answers what is not there with a page, as servers of single-page applications do. */
  pageForMissing?: boolean;
  /** Methods that are refused with 405. */
  refuses?: string[];
  /** Milliseconds before each piece of a body. */
  delay?: number;
  /** Bytes of bodies in all after which every body stands still, and its connection stays open. */
  holdAt?: number;
  /** Milliseconds that a connection stays silent in the middle of a body, once for each number. */
  stalls?: number[];
  /** Headers of every answer. */
  headers?: Record<string, string>;
}

export interface ServedRequest {
  method: string;
  path: string;
  range: string | undefined;
}

/** Files over HTTP on a port of this machine, with an account of what was asked. */
export class FileServer {
  static async start(files: Record<string, Uint8Array | string>, habits: ServerHabits = {}): Promise<FileServer> {
    const server = new FileServer(files, habits);
    await new Promise<void>((resolve) => server.#server.listen(0, "localhost", resolve));
    return server;
  }

  readonly requests: ServedRequest[] = [];
  /** Bytes of bodies that were sent. */
  sent = 0;
  /** Bodies that are being sent. */
  sending = 0;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  private constructor(
    readonly files: Record<string, Uint8Array | string>,
    public habits: ServerHabits,
  ) {}

  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { habits } = this;
    const path = decodeURIComponent(new URL(request.url ?? "/", this.url).pathname.slice(1));
    const { method = "GET" } = request;
    this.requests.push({ method, path, range: request.headers.range });
    for (const [name, value] of Object.entries(habits.headers ?? {})) response.setHeader(name, value);
    const failure = habits.failures?.shift();
    if (failure !== undefined) return void response.writeHead(failure, { "retry-after": "0" }).end("busy");
    if (habits.refuses?.includes(method)) return void response.writeHead(405).end();
    const contents = this.files[path];
    if (contents === undefined) {
      const status = habits.pageForMissing ? 200 : 404;
      return void response.writeHead(status, { "content-type": "text/html; charset=utf-8" }).end("<!doctype html>");
    }
    const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
    if (!habits.withoutEtag) response.setHeader("etag", `"${etagOf(bytes)}"`);
    response.setHeader("content-type", path.endsWith(".html") ? "text/html" : "application/octet-stream");
    const range = habits.withoutRanges ? null : request.headers.range?.match(/^bytes=(\d+)-(\d*)$/);
    if (range) {
      const start = Number(range[1]);
      const end = Math.min(bytes.length, range[2] === "" ? bytes.length : Number(range[2]) + 1);
      if (start >= bytes.length) {
        return void response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      }
      response.writeHead(206, {
        "content-range": `bytes ${start}-${end - 1}/${bytes.length}`,
        "content-length": end - start,
      });
      return this.#send(response, bytes.subarray(start, end));
    }
    const body = habits.gzips ? gzipSync(bytes) : bytes;
    if (habits.gzips) response.setHeader("content-encoding", "gzip");
    if (!habits.withoutLength) response.setHeader("content-length", body.length);
    response.writeHead(200);
    if (method === "HEAD") return void response.end();
    await this.#send(response, body);
  }

  async #send(response: ServerResponse, body: Uint8Array): Promise<void> {
    this.sending++;
    await this.#sendPieces(response, body).finally(() => this.sending--);
  }

  /** Sends a body by pieces and cuts it where it is to be cut. */
  async #sendPieces(response: ServerResponse, body: Uint8Array): Promise<void> {
    const { cuts, stalls, delay = 0 } = this.habits;
    const cut = (response.req.method === "HEAD" ? undefined : cuts?.shift()) ?? Number.POSITIVE_INFINITY;
    const stall = stalls?.shift();
    for (let position = 0; position < body.length; ) {
      if (response.destroyed || this.sent >= (this.habits.holdAt ?? Number.POSITIVE_INFINITY)) return;
      const end = Math.min(body.length, position + 65_536, Math.max(cut, position));
      if (delay) await sleep(delay);
      if (stall !== undefined && position > 0) await sleep(stall);
      if (end > position)
        await new Promise<void>((resolve) => response.write(body.subarray(position, end), () => resolve()));
      this.sent += end - position;
      position = end;
      if (position >= cut) return void response.destroy();
    }
    response.end();
  }
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const etags = new WeakMap<Uint8Array, string>();

function etagOf(bytes: Uint8Array): string {
  const etag = etags.get(bytes) ?? createHash("sha1").update(bytes).digest("hex").slice(0, 16);
  etags.set(bytes, etag);
  return etag;
}

/** Bytes without a pattern, the same each time. */
export function someBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
