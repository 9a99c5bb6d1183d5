/**
 * Keeps the demo for use without a network: the pages, their scripts and the bundled models. What the network gives is
 * taken first, so that nobody is kept on an old page; without one the kept file answers, by ranges too. Files are kept
 * under their hashes, so that a new version fetches only what has changed.
 */

interface WaitEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends WaitEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface WorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: WaitEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}

/** Path and hash of every file of the demo; written in by the build. */
declare const FILES: Readonly<Record<string, string>>;
const CACHE = "graft-demo";

const worker = globalThis as unknown as WorkerScope;
const { scope } = worker.registration;
const keyOf = (path: string): string => `${scope}${path}?${FILES[path]}`;

worker.addEventListener("install", (event) => event.waitUntil(keepAll().then(() => worker.skipWaiting())));
worker.addEventListener("activate", (event) => event.waitUntil(dropOld().then(() => worker.clients.claim())));
worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(scope)) return;
  const path = fileOf(request.url);
  if (path !== undefined) event.respondWith(answer(request, path));
});

/** The file that an address asks for. Many hosts leave the ending of pages away: `images` is `images.html`. */
function fileOf(url: string): string | undefined {
  const asked = new URL(url).pathname.slice(new URL(scope).pathname.length);
  return [asked || "index.html", `${asked}.html`].find((path) => Object.hasOwn(FILES, path));
}

async function keepAll(): Promise<void> {
  const cache = await caches.open(CACHE);
  for (const path of Object.keys(FILES)) {
    if (await cache.match(keyOf(path))) continue;
    const response = await fetch(`${scope}${path}`, { cache: "no-cache" });
    if (!response.ok) throw new Error(`${path}: the server answers ${response.status}`);
    // What a host has led elsewhere for may not answer for a page: of such a response its contents are kept alone.
    const { body, status, headers } = response;
    await cache.put(keyOf(path), response.redirected ? new Response(body, { status, headers }) : response);
  }
}

async function dropOld(): Promise<void> {
  const cache = await caches.open(CACHE);
  const current = new Set(Object.keys(FILES).map(keyOf));
  for (const request of await cache.keys()) if (!current.has(request.url)) await cache.delete(request);
}

async function answer(request: Request, path: string): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(keyOf(path));
    if (!kept) throw error;
    return partOf(kept, request.headers.get("Range"));
  }
}

/** The part of a kept file that a range asks for. */
async function partOf(kept: Response, range: string | null): Promise<Response> {
  const [, first, last] = range?.match(/^bytes=(\d+)-(\d*)$/) ?? [];
  if (first === undefined) return kept;
  const blob = await kept.blob();
  const start = Number(first);
  const end = last === "" ? blob.size : Math.min(blob.size, Number(last) + 1);
  const headers = new Headers(kept.headers);
  if (start >= end) {
    headers.set("Content-Range", `bytes */${blob.size}`);
    return new Response(null, { status: 416, headers });
  }
  headers.set("Content-Range", `bytes ${start}-${end - 1}/${blob.size}`);
  headers.set("Content-Length", String(end - start));
  return new Response(blob.slice(start, end), { status: 206, headers });
}
