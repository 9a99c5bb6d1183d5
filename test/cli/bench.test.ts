import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BenchReport } from "../../src/bench/index.ts";
import { renderBenchPage } from "../../src/bench/index.ts";
import { addColdStarts } from "../../src/cli/bench/cold-start.ts";
import { renderBenchRows, renderPeaksAgain } from "../../src/cli/bench/render-bench.ts";
import { benchCommand } from "../../src/cli/commands/bench.ts";
import { run } from "../../src/cli/run.ts";
import { type MemoryContext, MemoryOutput, memoryContext } from "./support.ts";

const shaders = resolve(import.meta.dirname, "../../shaders/bench");
const commands = { bench: { summary: "", load: async () => benchCommand } };
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-bench-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function bench(...args: string[]): Promise<MemoryContext & { code: number }> {
  const context = memoryContext();
  return { ...context, code: await run(["bench", ...args], commands, context) };
}

describe("graft bench", () => {
  it("climbs a ladder and writes the run as JSON and as a page", async () => {
    const [json, page] = [join(folder, "run.json"), join(folder, "run.html")];
    const started = Date.now();
    const { code, stdout } = await bench(
      ...["softmax", "--size", "5x7", "--variant", "naive,engine", "--repeats", "1", "--json", json, "--html", page],
    );
    expect(code).toBe(0);
    expect(stdout.text).toMatch(
      /softmax\/5x7: y = exp.*\n.*time.*\n {2}naive +[\d.]+ [µm]s.*\n {2}engine \(here [\w-]+\) +[\d.]+ [µm]s/,
    );

    const report: BenchReport = JSON.parse(await readFile(json, "utf8"));
    expect(report).toMatchObject({
      format: "graft-bench",
      formatVersion: 1,
      adapter: { name: expect.any(String), class: expect.any(String), description: expect.any(String) },
      versions: {
        graft: expect.stringMatching(/^\d/),
        node: process.versions.node,
        webgpu: expect.stringMatching(/^\d/),
      },
      variants: { convolution: expect.any(String), rows: expect.any(String) },
      machine: { cpu: expect.any(String), cores: expect.any(Number) },
    });
    expect(Math.abs(Date.parse(report.date) - started)).toBeLessThan(600_000);
    expect(report.peaks.gigaflops).toBeGreaterThan(0);
    expect(report.rows.map(({ id }) => id)).toEqual(["softmax/5x7/naive", "softmax/5x7/engine"]);
    for (const row of report.rows) {
      expect(row).toMatchObject({
        suite: "ladder",
        group: "softmax/5x7",
        status: "right",
        operations: 175,
        bytes: 280,
      });
      const { median, lower, upper, least, samples, runs, clock, wall } = row.timing!;
      expect(samples).toBe(1);
      expect(runs).toBeGreaterThanOrEqual(1);
      expect([lower, upper, least]).toEqual([median, median, median]);
      expect(["gpu", "wall"]).toContain(clock);
      expect(wall).toBeGreaterThan(0);
    }
    expect(await readFile(page, "utf8")).toBe(renderBenchPage(report));
  });

  it("runs a shader of one's own, and ends with 1 when it is wrong", async () => {
    const source = await readFile(join(shaders, "reduce-strided.wgsl"), "utf8");
    const own = join(folder, "own.wgsl");
    const args = ["reduce", "--size", "5000", "--variant", "engine", "--repeats", "1", "--wgsl", own];
    await writeFile(own, source);
    const right = await bench(...args);
    expect(right.stdout.text).toMatch(/ {2}own\.wgsl +[\d.]+ [µm]s/);
    expect(right.code).toBe(0);

    await writeFile(own, source.replace("i < params.N", "i + 1 < params.N"));
    const wrong = await bench(...args);
    expect(wrong.stdout.text).toMatch(/ {2}own\.wgsl +wrong\n {4}y\[0\] is -?\d+, expected -?\d+/);
    expect(wrong.code).toBe(1);

    await writeFile(own, source.replace("params.stage == 0", "params.stage = 0"));
    const broken = await bench(...args);
    expect(broken.stdout.text).toMatch(
      / {2}own\.wgsl +failed\n {4}it does not compile\n {4}line \d+, column \d+: .*\n +\d+ \| [\s\S]*params\.stage = 0/,
    );
    expect(broken.code).toBe(1);
  });

  it("keeps what was measured when it is stopped, and tells on a terminal what it is at", async () => {
    const json = join(folder, "stopped.json");
    const abort = new AbortController();
    const context = { ...memoryContext(), stderr: new MemoryOutput(true) };
    context.onInterrupt = () => ({ signal: abort.signal, [Symbol.dispose]: () => {} });
    const write = context.stdout.write.bind(context.stdout);
    context.stdout.write = (text) => {
      write(text);
      if (text.includes("engine")) abort.abort();
    };
    const args = ["bench", "softmax", "--size", "5x7,6x7", "--variant", "engine", "--repeats", "1", "--json", json];
    expect(await run(args, commands, context)).toBe(1);
    expect(context.stderr.text).toContain("\r\x1b[K[2/2] softmax");
    expect(context.stderr.screen).toEqual(["graft bench: stopped on request", ""]);
    const report: BenchReport = JSON.parse(await readFile(json, "utf8"));
    expect(report.rows.map(({ id }) => id)).toEqual(["softmax/5x7/engine"]);
  });

  it("lists what there is", async () => {
    const { code, stdout } = await bench("--list");
    expect(code).toBe(0);
    for (const heading of ["Suites", "Families", "Rows of the table", "Rows end to end"]) {
      expect(stdout.lines).toContain(heading);
    }
    expect(stdout.text).toContain("matmul-1024/backward");
    expect(stdout.text).toContain("gpt2-124m/step");
  });

  it("lists what a name stands for: all about a family, the rows of a suite, or one row", async () => {
    const family = await bench("reduce", "--list");
    expect(family.stdout.text).toMatch(/^reduce: y = Σ x[\s\S]*\nVariants\n {2}naive [\s\S]*var<storage, read> x/);
    const suite = await bench("end-to-end", "--list");
    expect(suite.stdout.lines[0]).toBe("Rows end to end");
    expect(suite.stdout.text).not.toContain("matmul-1024");
    const rows = await bench("matmul-1024", "--list");
    expect(rows.stdout.lines.map((line) => line.trim().split(" ")[0])).toEqual([
      ...["Rows", "matmul-1024/forward", "matmul-1024/backward"],
    ]);
    for (const { code } of [family, suite, rows]) expect(code).toBe(0);
  });

  it("measures nothing for a file that cannot be written", async () => {
    const { code, stdout, stderr } = await bench("matmul", "--json", "none/run.json");
    expect([code, stdout.text]).toEqual([1, ""]);
    expect(stderr.text).toContain("none/run.json: cannot be written: there is no directory none");
  });

  it.each([
    [["fft"], 'nothing is named "fft"; suites: all, table, end-to-end; families: matmul, conv2d'],
    [["matmull"], 'nothing is named "matmull"; did you mean matmul?'],
    [["trainingstep"], 'nothing is named "trainingstep"; did you mean training-step?'],
    [["matmull", "--list"], 'nothing is named "matmull"; did you mean matmul?'],
    [["matmul", "--size", "7x7"], 'size "7x7" is none of matmul: expected N for three equal lengths, or MxKxN'],
    [["matmul", "--size", "8,zero"], 'size "zero" is none of matmul'],
    [["matmul", "--variant", "fast"], 'matmul has no variant "fast"; there are naive, tiled'],
    [["--size", "64"], "--size needs the name of one family: matmul, conv2d"],
    [["table", "--variant", "naive", "--wgsl", "x"], "--variant, --wgsl needs the name of one family"],
    [["matmul", "--wgsl", "missing.wgsl"], "--wgsl missing.wgsl: no such file"],
    [["matmul", "--repeats", "0"], "--repeats: expected a whole number of 1 or more"],
    [["matmul", "--first-run"], "--first-run needs the id of one step"],
  ])("refuses %j", async (args, message) => {
    const { code, stdout, stderr } = await bench(...args);
    expect(code).toBe(2);
    expect(stderr.text).toContain(message);
    expect(stdout.text).toBe("");
  });
});

const counts = {
  dispatches: 12,
  submits: 1,
  buffersCreated: 0,
  bindGroupsCreated: 2,
  pipelinesCreated: 0,
  peakBytes: 2 ** 20,
};
const timing = {
  median: 2,
  lower: 1,
  upper: 3,
  least: 1,
  samples: 9,
  runs: 1,
  clock: "gpu" as const,
  wall: 2.5,
  gpu: 2,
};
const made: BenchReport = {
  format: "graft-bench",
  formatVersion: 1,
  date: "2026-01-02T03:04:05.000Z",
  adapter: {
    ...{ name: "A <b>card</b>", class: "nvidia", isSoftware: false, vendor: "v", architecture: "a", device: "d" },
    ...{ description: "driver 1.2", features: ["subgroups"] },
  },
  versions: { graft: "0.1.0", node: "20.19.0", webgpu: null },
  variants: { rows: "tree" },
  machine: { cpu: null, cores: null },
  peaks: { gigaflops: 1000, gigabytes: 100 },
  rows: [
    {
      ...{
        id: "matmul/8x8x8/naive",
        group: "matmul/8x8x8",
        suite: "ladder",
        title: "C = A · B",
        name: "naive",
        adds: "Simple.",
      },
      ...{
        status: "right",
        operations: 1e9,
        bytes: 1e7,
        timing: { ...timing, median: 20 },
        gigaflops: 50,
        gigabytes: 0.5,
        share: 0.05,
      },
    },
    {
      ...{
        id: "matmul/8x8x8/engine",
        group: "matmul/8x8x8",
        suite: "ladder",
        title: "C = A · B",
        name: "engine",
        adds: "Best.",
      },
      ...{
        status: "right",
        note: "here tiles",
        operations: 1e9,
        bytes: 1e7,
        timing,
        gigaflops: 500,
        gigabytes: 5,
        share: 0.5,
      },
    },
    {
      ...{
        id: "matmul/8x8x8/my.wgsl",
        group: "matmul/8x8x8",
        suite: "ladder",
        title: "C = A · B",
        name: "my.wgsl",
        adds: "Own.",
      },
      ...{ status: "wrong", reason: "c[0, 0] is 1, expected 2 <i>", operations: 1e9, bytes: 1e7 },
    },
    {
      ...{
        id: "resnet-20/step",
        group: "end-to-end",
        suite: "end-to-end",
        title: "A step",
        name: "graft",
        adds: "A step.",
      },
      ...{ status: "right", operations: 1e9, bytes: 0, timing, gigaflops: 500, share: 0.5, counts },
      ...{
        throughput: { value: 12800, unit: "images/s" },
        firstMilliseconds: 100,
        coldMilliseconds: 12_345,
        encodeMicroseconds: 2.5,
      },
    },
  ],
};

describe("the page of a run", () => {
  const page = renderBenchPage(made);

  it("needs nothing from elsewhere, and runs nothing", () => {
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/https?:|<script|<link|<img|@import|url\(|\bsrc=|\bon\w+=/i);
    expect(page).toContain("default-src 'none'");
    expect(page).toContain("prefers-color-scheme: dark");
  });

  it("says how what it shows was checked", () => {
    const [kernels, steps] = ["Every variant is compared with a double-precision reference", "Of a step it is checked"];
    const pageOf = (rows: BenchReport["rows"]): string => renderBenchPage({ ...made, rows });
    for (const text of [kernels, steps]) expect(page).toContain(text);
    expect(pageOf(made.rows.slice(0, 3))).not.toContain(steps);
    expect(pageOf(made.rows.slice(3))).not.toContain(kernels);
  });

  it("shows bars, the roofline, steps and what is wrong, with texts escaped", () => {
    expect(page).toContain("A &lt;b&gt;card&lt;/b&gt;");
    expect(page).toContain("<dt>Kernels</dt><dd>rows tree</dd>");
    expect(page).toContain("wrong: c[0, 0] is 1, expected 2 &lt;i&gt;");
    expect(page).toContain('class="bar" width="10.0"');
    expect(page).toContain('class="bar best" width="100.0"');
    expect(page).toMatch(/<svg class="mark right"[^>]*>.*?<\/svg> <b>naive<\/b>/);
    expect(page).toMatch(/<svg class="mark wrong"[^>]*>.*?<\/svg> <b>my\.wgsl<\/b>/);
    expect(page).toContain("2.00 ms · 500 GFLOP/s · 50.0 %");
    expect(page).toMatch(/<svg[^>]*aria-label="Roofline of 2 kernels under 1000 GFLOP\/s and 100 GB\/s"/);
    expect(page).toContain("matmul naive: 50.0 GFLOP/s at 100 FLOP a byte");
    expect(page).toContain(
      "<td>12800 images</td><td>12</td><td>1</td><td>0</td><td>2</td><td>0</td><td>1.0 MiB</td><td>100 ms</td><td>12.3 s</td>",
    );
    expect(page).toMatch(
      /<span>resnet-20\/<wbr>step<\/span><svg class="track"[^>]*><rect class="bar best" width="50\.0"/,
    );
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });
});

describe("what the terminal shows", () => {
  it("of a step: speed, counts and first runs", () => {
    expect(renderBenchRows([made.rows[3]]).split("\n").slice(1)).toEqual([
      "  12800 images/s, 12 dispatches, 1 submit, peak 1.0 MiB",
      "  made: 0 buffers, 2 bind groups, 0 pipelines",
      "  first run 100 ms, 12.3 s with cold caches, 2.50 µs of host time a dispatch",
    ]);
  });
});

describe("peaks that are measured again behind all rows", () => {
  it("are told where they are clearly more, so that shares on the terminal and in files are understood", () => {
    const shown = { gigaflops: 100, gigabytes: 10 };
    expect(renderPeaksAgain(shown, shown)).toBe("");
    expect(renderPeaksAgain(shown, { gigaflops: 104, gigabytes: 10.4 })).toBe("");
    expect(renderPeaksAgain(shown, { gigaflops: 100, gigabytes: 12 })).toBe(
      "\nMeasured again at the end, it can do 100 GFLOP/s and copy 12.0 GB/s:\n" +
        "shares of the peak above are of less, those in files are of this.\n",
    );
  });
});

describe("cold starts", () => {
  const script = (code: string): [string, ...string[]] => [process.execPath, "-e", code];
  const { signal } = new AbortController();

  it("are timed in processes of their own, one with the driver's cache off", async () => {
    const rows = made.rows.map((row) => ({ ...row }));
    const code = `console.log(JSON.stringify({ milliseconds: process.env.MESA_SHADER_CACHE_DISABLE ? 900 : 30, id: process.argv[1] }))`;
    await addColdStarts(rows, script(code), process.env, signal);
    expect(rows.map(({ firstMilliseconds, coldMilliseconds }) => [firstMilliseconds, coldMilliseconds])).toEqual([
      ...[0, 1, 2].map(() => [undefined, undefined]),
      [30, 900],
    ]);
  });

  it("that fail say what the process said", async () => {
    const fail = script(`console.error("no adapter"); process.exit(3)`);
    await expect(addColdStarts([{ ...made.rows[3] }], fail, process.env, signal)).rejects.toThrow(
      "resnet-20/step in a process of its own ended with code 3: no adapter",
    );
  });
});
