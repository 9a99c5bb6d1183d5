import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { FAMILIES, familyOf } from "../../src/bench/families/index.ts";
import { shaderHeader } from "../../src/bench/family.ts";
import { readGrids } from "../../src/bench/grid.ts";
import { runLadder } from "../../src/bench/ladder.ts";
import type { BenchRow } from "../../src/bench/report.ts";
import { openDevice } from "../../src/gpu/adapter/open.ts";
import { useGpu, withLimits } from "../support/gpu.ts";

const gpu = useGpu();
const quick = { samples: 1, sampleMilliseconds: 0, budgetMilliseconds: 0, preferGpuClock: false };
const shaders = resolve(import.meta.dirname, "../../shaders/bench");
const naive = await readFile(resolve(shaders, "matmul-naive.wgsl"), "utf8");

const run = async (wgsl: string, name = "matmul"): Promise<BenchRow> => {
  const family = familyOf(name);
  const choice = { family, size: family.tinySize, variants: [], shader: { name: "my.wgsl", wgsl } };
  const rows = await runLadder(gpu(), choice, { gigaflops: 1, gigabytes: 1 }, quick);
  expect(rows).toHaveLength(1);
  return rows[0];
};

describe("a shader of one's own", () => {
  it("is told of while the ladder is climbed: each variant as it is checked, then the timing", async () => {
    const family = familyOf("matmul");
    const shader = { name: "my.wgsl", wgsl: naive.replace("sum += a[", "sum -= a[") };
    const told: string[] = [];
    const choice = { family, size: family.tinySize, variants: ["naive"], shader };
    await runLadder(gpu(), choice, { gigaflops: 1, gigabytes: 1 }, quick, (progress) => {
      if (progress.type === "checking") told.push(`checking ${progress.name} ${progress.done}/${progress.total}`);
      else
        told.push(
          progress.type === "checked" ? `${progress.row.name} ${progress.row.status}` : `timing ${progress.count}`,
        );
    });
    expect(told).toEqual(["checking naive 0/2", "naive right", "checking my.wgsl 1/2", "my.wgsl wrong", "timing 1"]);
  });

  it("is checked and timed as the ladder's are", async () => {
    const row = await run(naive);
    expect(row).toMatchObject({ id: "matmul/21x13x35/my.wgsl", status: "right", reason: undefined });
    expect(row.timing!.median).toBeGreaterThan(0);
  });

  it("that is wrong is told where, and is not timed", async () => {
    const row = await run(naive.replace("sum += a[", "sum -= a["));
    expect(row.status).toBe("wrong");
    expect(row.reason).toMatch(
      /^c\[0, 0\] is -?[\d.]+, expected -?[\d.]+ \(± .*\); \d+ of 735 compared elements are wrong$/,
    );
    expect(row.timing).toBeUndefined();
    expect(row.gigaflops).toBeUndefined();
  });

  it("that leaves an element out, or puts a NaN anywhere, is wrong", async () => {
    const holes = naive.replace(
      "c[row * params.N + column] = sum;",
      "if (row != 20 || column != 34) { c[row * params.N + column] = sum; }",
    );
    expect(await run(holes)).toMatchObject({ status: "wrong", reason: expect.stringContaining("c[20, 34] is NaN") });
    const nothing = await run(naive.replace("c[row * params.N + column] = sum;", ""));
    expect(nothing.reason).toMatch(/c\[0, 0\] is NaN, expected/);
  });

  it("that is wrong beside the compared elements is found when it leaves them unwritten", async () => {
    const family = familyOf("softmax");
    const source = await readFile(resolve(shaders, "softmax-naive.wgsl"), "utf8");
    const wgsl = source.replace("y[i] = exp", "if (i != 777) { y[i] = exp").replace("/ sum;", "/ sum; }");
    const choice = { family, size: "512x512", variants: [], shader: { name: "my.wgsl", wgsl } };
    const [row] = await runLadder(gpu(), choice, { gigaflops: 1, gigabytes: 1 }, quick);
    expect(row.reason).toMatch(/^y\[1, 265\] is NaN: it was not written/);
  });

  it("that does not compile is shown with its lines numbered, and the next one runs", async () => {
    const row = await run(naive.replace("var sum = 0.0;", "var sum = nothing;"));
    expect(row.status).toBe("failed");
    const line = naive.split("\n").findIndex((text) => text.includes("var sum")) + 1;
    const around = naive.split("\n").slice(line - 3, line + 2);
    const numbered = around.map((text, i) => `  ${line - 2 + i} | ${text}`.replace("= 0.0;", "= nothing;"));
    numbered.splice(3, 0, "     |             ^");
    expect(row.reason).toBe(
      ["it does not compile", `line ${line}, column 13: unresolved value 'nothing'`, ...numbered].join("\n"),
    );
    expect(row.messages).toEqual([
      { type: "error", line, column: 13, text: expect.stringContaining("unresolved value 'nothing'") },
    ]);
    expect((await run(naive)).status).toBe("right");
  });

  it("that binds something else is refused by what it binds", async () => {
    const row = await run(naive.replace("@binding(2) var", "@binding(5) var"));
    expect(row).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(/^it compiles, but does not keep [\s\S]*binding/i),
    });
    const writing = await run(naive.replace("var<storage, read> b", "var<storage, read_write> b"));
    expect(writing.reason).toMatch(
      /^it compiles, but does not keep the contract of its family\nThe buffer type .* not compatible .*\nValidating .*@group\(0\) @binding\(1\)/,
    );
    const nameless = await run(naive.replace("fn main", "fn product"));
    expect(nameless.reason).toMatch(
      /^it compiles, but does not keep the contract of its family\nEntry point "main" doesn't exist .*$/,
    );
    expect((await run(naive)).status).toBe("right");
  });

  it("that is right but cannot bind as much as it is given is no failure of its own", async () => {
    const { device, info } = await openDevice({});
    const choice = {
      ...{ family: familyOf("matmul"), size: "64x64x65", variants: [] },
      shader: { name: "my.wgsl", wgsl: naive },
    };
    using small = withLimits({ maxStorageBufferBindingSize: 16_384 })(device, info);
    const [row] = await runLadder(small, choice, { gigaflops: 1, gigabytes: 1 }, quick);
    expect(row).toMatchObject({ status: "unavailable", reason: expect.stringContaining("over the binding limit") });
  });

  it("that wants more workgroups along an axis than there may be is told so", async () => {
    expect(await run(naive.replace("ceil(M / 8)", "65536"))).toMatchObject({
      status: "failed",
      reason: "the grid has 5 × 65536 workgroups, and there may be 65535 along an axis, unless it is a single number",
    });
  });

  it("must say how many workgroups it wants", async () => {
    const row = await run(naive.replace("// grid:", "// workgroups:"));
    expect(row).toMatchObject({ status: "failed", reason: expect.stringContaining("// grid: ceil(M / 64)") });
  });
});

describe("the grid of a shader", () => {
  const sizes = { M: 21, N: 35 };
  const grid = (line: string): number[][] =>
    readGrids(`// grid: ${line}\nconst TILE: u32 = 16u;\nconst WIDE = 3;`, sizes);

  it("is read from expressions of sizes and constants", () => {
    expect(grid("ceil(N / 8), ceil(M / 8)")).toEqual([[5, 3]]);
    expect(grid("ceil(N/TILE)*WIDE, M - 1 + 2 * (N - 30), 2")).toEqual([[9, 30, 2]]);
    expect(grid("max(1, floor(M / 64)), min(M, N, 4)")).toEqual([[1, 4]]);
    expect(readGrids("// grid: M\n  // grid: 1", sizes)).toEqual([[21], [1]]);
  });

  it.each([
    ["N / 8", "4.375 is no number of workgroups; use ceil()"],
    ["K", 'unknown name "K"; there are M, N, TILE, WIDE'],
    ["ceil(N", 'a ")" is missing'],
    ["N N", 'unexpected "N"'],
    ["", "it ends too early"],
    ["1, 2, 3, 4", "4 dimensions, expected one to three"],
    ["M - 21", "0 is no number of workgroups"],
    ["constructor", 'unknown name "constructor"'],
  ])("%s is refused", (line, why) => {
    expect(() => grid(line)).toThrow(`grid "${line}": ${why}`);
  });
});

describe("docs/bench.md", () => {
  it("shows the bindings of every family as they are, and its own example works", async () => {
    const page = await readFile(resolve(import.meta.dirname, "../../docs/bench.md"), "utf8");
    for (const family of FAMILIES) {
      const part = page.slice(page.indexOf(`\n### ${family.name}\n`)).split("\n### ")[1];
      expect(part).toContain(`Size: \`${family.sizeForms}\`.`);
      expect(part).toContain(`\`\`\`wgsl\n${shaderHeader(family)}\n\`\`\``);
    }
    const file = page.match(/--wgsl (examples\/\S+)/)![1];
    const own = await readFile(resolve(import.meta.dirname, "../..", file), "utf8");
    expect(await run(own)).toMatchObject({ status: "right" });
  });
});
