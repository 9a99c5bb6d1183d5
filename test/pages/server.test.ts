import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveDemo } from "../../scripts/demo/serve.mjs";

const ROOT = resolve(import.meta.dirname, "../..");
const run = promisify(execFile);
const demo = (...args: string[]) => run(process.execPath, ["scripts/demo.mjs", ...args], { cwd: ROOT });

describe("npm run demo", () => {
  let child: ReturnType<typeof execFile>;
  let url: string;

  beforeAll(async () => {
    child = execFile(process.execPath, ["scripts/demo.mjs"], { cwd: ROOT });
    url = await new Promise((found, failed) => {
      let text = "";
      child.stdout!.on("data", (part) => {
        text += part;
        const address = text.match(/http:\S+/)?.[0];
        if (address) found(address);
      });
      child.once("exit", (code) => failed(new Error(`the server ended with ${code}`)));
    });
  });
  afterAll(() => child.kill());

  it("sends every file with its type, a tag and the policy, and no isolation", async () => {
    for (const [path, type] of [
      ["", "text/html"],
      ["index.html", "text/html"],
      ["app/text.js", "text/javascript"],
      ["app/session-worker.js", "text/javascript"],
      ["app/style.css", "text/css"],
      ["service-worker.js", "text/javascript"],
      ["assets/gpt2-mini-en/config.json", "application/json"],
    ]) {
      const { status, headers } = await fetch(url + path);
      expect([path, status, headers.get("content-type")]).toEqual([path, 200, expect.stringContaining(type)]);
      const policy = headers.get("content-security-policy");
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self';/);
      expect(policy).not.toMatch(/unsafe|\*(?!\.)/);
      expect(headers.get("etag")).toMatch(/^"[\w-]+"$/);
      expect(headers.get("cross-origin-opener-policy")).toBeNull();
    }
  });

  it("answers ranges, tags and what is missing as static hosts do", async () => {
    const file = `${url}assets/gpt2-mini-en/model.safetensors`;
    const bytes = await readFile(join(ROOT, "assets/gpt2-mini-en/model.safetensors"));
    const get = (headers: HeadersInit, method = "GET") => fetch(file, { headers, method });
    const part = await get({ Range: "bytes=8-99" });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 8-99/${bytes.length}`]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(8, 100));
    const end = await get({ Range: "bytes=-5" });
    expect(Buffer.from(await end.arrayBuffer())).toEqual(bytes.subarray(-5));
    expect((await get({ Range: `bytes=${bytes.length}-` })).status).toBe(416);
    const tag = part.headers.get("etag")!;
    expect((await get({ "If-None-Match": tag })).status).toBe(304);
    const head = await get({}, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(bytes.length)]);
    expect((await fetch(`${url}assets/no-model/config.json`)).status).toBe(404);
    expect((await fetch(url, { method: "POST" })).status).toBe(405);
    // What is no address does not end it.
    expect((await fetch(`${url}%E0%A4%A`)).status).toBe(400);
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await fetch(url)).status).toBe(200);
  });
});

it("the server takes another port where its own is taken, unless it was asked for that one", async () => {
  const first = await serveDemo({ isFixed: true });
  const port = Number(new URL(first.url).port);
  const second = await serveDemo({ isFixed: true, port, orFree: true });
  try {
    expect(second.url).not.toBe(first.url);
    expect((await fetch(second.url)).status).toBe(200);
    await expect(serveDemo({ isFixed: true, port })).rejects.toThrow("EADDRINUSE");
  } finally {
    await first.close();
    await second.close();
  }
});

describe("npm run demo -- --out", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "graft-demo-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("writes a folder for any host: relative addresses, the policy in each page, every file in the list for offline use", async () => {
    const out = join(folder, "site");
    await demo("--out", out);
    const pages = (await readdir(out)).filter((name) => name.endsWith(".html"));
    expect(pages).toContain("index.html");
    for (const name of pages) {
      const page = await readFile(join(out, name), "utf8");
      expect(page).toContain('<meta http-equiv="Content-Security-Policy" content="default-src');
      expect(page).not.toMatch(/<!-- (head|top|bottom) -->|<script(?![^>]*src)|\sstyle="|\son\w+="/);
      const addresses = [...page.matchAll(/\s(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
      expect(addresses.filter((address) => !/^(\.\/|#)/.test(address))).toEqual([]);
    }
    const worker = await readFile(join(out, "service-worker.js"), "utf8");
    for (const name of ["index.html", "app/text.js", "app/session-worker.js", "assets/sms-spam/sms.tsv"]) {
      expect(worker).toContain(`"${name}"`);
    }
    // A second build into the same folder is welcome, one over something else is not.
    await demo("--out", out);
    await writeFile(join(folder, "letter.txt"), "dear");
    await expect(demo("--out", folder)).rejects.toThrow(/holds something else than a built demo/);
  });
});
