import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle, findChromium, type Served, STRICT_POLICY, serve, useChromium } from "../support/chromium.ts";

const HTML = `<!doctype html><html lang="en"><title>Test</title><body><script type="module" src="page.js"></script>`;

describe("the browser of the tests", () => {
  const chromium = useChromium();
  let site: Served;
  beforeAll(async () => {
    site = await serve(
      {
        "index.html": "<!doctype html><title>Quiet</title><p>Nothing happens.",
        "loud.html": HTML,
        "page.js": `
        console.info("not a problem");
        console.warn("a warning");
        console.error("an error");
        const worker = new Worker("worker.js", { type: "module" });
        worker.onmessage = () => { document.title = "done"; };
        setTimeout(() => { throw new Error("nobody catches this"); });
        const style = document.createElement("style"); style.textContent = "p { color: red }"; document.body.append(style);`,
        "worker.js": `console.warn("a worker's warning"); postMessage(1); Promise.reject(new Error("in the worker"));`,
      },
      { headers: { "content-security-policy": STRICT_POLICY } },
    );
  });
  afterAll(() => site.close());

  it("has WebGPU on SwiftShader and a storage of its own", async () => {
    const { page } = await chromium.open(site.url);
    const found = await page.evaluate(async () => {
      const adapter = await navigator.gpu.requestAdapter();
      return { name: adapter?.info.architecture, directory: Boolean(await navigator.storage.getDirectory()) };
    });
    expect(found.name).toBe("swiftshader");
    expect(found.directory).toBe(true);
  });

  it("collects warnings, errors and breaches of the policy, in pages and in workers", async () => {
    const { page, problems, takeProblems } = await chromium.open(`${site.url}loud.html`);
    await page.waitForFunction(() => document.title === "done");
    const expected = [
      "console warning: a warning",
      "console error: an error",
      "nobody catches this",
      "a worker's warning",
      "in the worker",
      "security policy: style-src",
    ];
    await expect.poll(() => expected.filter((part) => !problems.join("\n").includes(part))).toEqual([]);
    expect(takeProblems().join("\n")).not.toContain("not a problem");
  });

  it("takes screenshots in a folder that git ignores", async () => {
    const { screenshot } = await chromium.open(site.url);
    const path = await screenshot("harness/quiet");
    expect(statSync(path).size).toBeGreaterThan(500);
    const { stdout } = await promisify(execFile)("git", ["check-ignore", path]);
    expect(stdout.trim()).toBe(path);
  });

  it("serves ranges as a static host does", async () => {
    const get = async (range?: string) => {
      const response = await fetch(site.url, range ? { headers: { range } } : {});
      return [response.status, await response.text(), response.headers.get("content-range")];
    };
    expect((await get())[0]).toBe(200);
    expect(await get("bytes=2-8")).toEqual([206, "doctype", "bytes 2-8/54"]);
    expect(await get("bytes=-4")).toEqual([206, "ens.", "bytes 50-53/54"]);
    expect((await fetch(`${site.url}missing`)).status).toBe(404);
  });
});

it("waits for a state as long as a busy machine needs", async () => {
  const started = performance.now();
  const elapsed = (): number => performance.now() - started;
  // Twice what expect.poll waits for when nothing tells it otherwise.
  await expect.poll(elapsed).toBeGreaterThan(2000);
});

it("takes an installed Chromium when one is named", async () => {
  const { executablePath } = await findChromium(undefined);
  expect(await findChromium(executablePath)).toEqual({ executablePath, environment: {} });
  await expect(findChromium("/no/chromium")).rejects.toThrow("there is no Chromium at /no/chromium");
});

it("bundles sources for a page", async () => {
  const files = await bundle({ entry: "src/tensor/half.ts" });
  expect(Object.keys(files)).toEqual(["entry.js"]);
});

it("leaves no process behind when a test process dies", async () => {
  const { executablePath, environment } = await findChromium();
  const marker = `graft-orphan-${process.pid}`;
  const args = ["--no-sandbox", `--user-agent=${marker}`];
  const script = `
    import { chromium } from "playwright";
    const browser = await chromium.launch(JSON.parse(process.argv[1]));
    await (await browser.newPage()).goto("about:blank");
    console.log("open");
    setInterval(() => {}, 1000);`;
  const options = { executablePath, args, env: { ...process.env, ...environment } };
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  expect(browserProcesses(marker)).not.toEqual([]);
  child.kill("SIGKILL");
  await expect.poll(() => browserProcesses(marker)).toEqual([]);
});

/** Numbers of the processes of a Chromium with a text among its switches, as Linux lists them. */
function browserProcesses(text: string): string[] {
  return readdirSync("/proc").filter((id) => {
    if (!/^\d+$/.test(id)) return false;
    try {
      const [program, ...switches] = readFileSync(join("/proc", id, "cmdline"), "utf8").split("\0");
      return program.endsWith("chromium") && switches.some((one) => one.includes(text));
    } catch {
      // Ended meanwhile.
      return false;
    }
  });
}
