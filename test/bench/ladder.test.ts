import { readdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { FAMILIES, familyOf } from "../../src/bench/families/index.ts";
import { candidatesOf, lackOfRoom, parseSizes, variantNames } from "../../src/bench/family.ts";
import { chooseCandidates, runLadder } from "../../src/bench/ladder.ts";
import { measure } from "../../src/bench/measure.ts";
import { drawLadder } from "../../src/bench/page/ladder.ts";
import { leastMilliseconds, measurePeaks, PEAK_KERNELS } from "../../src/bench/peaks.ts";
import { runBench } from "../../src/bench/run.ts";
import type { TimingOptions } from "../../src/bench/timing.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { sizeOf } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const shaders = resolve(import.meta.dirname, "../../shaders/bench");
const gpu = useGpu();
const quick: TimingOptions = { samples: 1, sampleMilliseconds: 0, budgetMilliseconds: 0, preferGpuClock: false };
const PEAKS = { gigaflops: 10, gigabytes: 1 };

describe.each(FAMILIES.map((family) => [family.name, family] as const))("the ladder of %s", (_, family) => {
  it("has variants that each say in one sentence what they add", () => {
    for (const { name, adds } of candidatesOf(family, parseSizes(family, family.tinySize))) {
      expect(name).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(adds).toMatch(/^[A-Z0-9][^\n]*\.$/);
    }
    const names = variantNames(family);
    expect(names[0]).toBe("naive");
    expect(names.at(-1)).toMatch(/^engine/);
    expect(new Set(names).size).toBe(names.length);
  });

  it("computes what the reference says, every variant, where no tile divides the lengths", async () => {
    const sizes = parseSizes(family, family.tinySize);
    const { scratch } = family.contract(sizes);
    const rows = await measure(gpu(), family.problem(sizes), candidatesOf(family, sizes), quick, scratch?.length);
    // Of the engine's candidates this one alone asks for what an adapter has to be opened with.
    const isLeftOut = ({ name, reason = "" }: (typeof rows)[number]) =>
      name === "engine-subgroup-matrix" && reason.startsWith("it needs Gpu.open({ subgroupMatrices: true })");
    const run = rows.filter((row) => !isLeftOut(row));
    for (const { name, status, reason } of run) expect(`${name}: ${status} ${reason ?? ""}`).toMatch(/: right $/);
    for (const { timing } of run) expect(timing!.median).toBeGreaterThan(0);
  });

  it("takes the sizes it offers, and says how a size is written", () => {
    for (const size of [family.tinySize, ...Object.values(family.defaultSize)]) parseSizes(family, size);
    for (const size of ["", "0", "-3", "x", "1.5", "7x", "1x2x3x4x5x6x7x8x9"]) {
      expect(() => parseSizes(family, size)).toThrow(`is none of ${family.name}: expected ${family.sizeForms}`);
    }
  });

  it("knows the shapes of its tensors ahead, and which of them has no room", () => {
    const sizes = parseSizes(family, family.tinySize);
    const { inputs, results } = family.problem(sizes);
    const shapes = Object.fromEntries([...inputs, ...results].map(({ name, shape }) => [name, shape]));
    expect(family.shapes(sizes)).toEqual(shapes);
    const bytes = Object.values(shapes).map((shape) => 4 * sizeOf(shape));
    expect(lackOfRoom(family, sizes, { maxBufferSize: Math.max(...bytes) })).toBeNull();
    const lack = lackOfRoom(family, sizes, { maxBufferSize: Math.max(...bytes) - 1 });
    expect(lack).toMatch(/^\w+ would take [\d.]+ \w+, and a buffer of this adapter holds [\d.]+ \w+ at most$/);
  });

  it("keeps its contract within WebGPU's default limits", () => {
    const { reads, writes, scratch, params, values } = family.contract(parseSizes(family, family.tinySize));
    expect(reads.length + writes.length + (scratch ? 1 : 0)).toBeLessThanOrEqual(8);
    for (const name of Object.keys(params)) expect(name === "stage" || name in values, name).toBe(true);
  });
});

it("refuses a size that no buffer holds before anything is made or measured", async () => {
  const plan = { ladders: [{ family: familyOf("elementwise"), size: "99999999999999" }], ops: [], steps: [] };
  await expect(runBench(gpu(), plan, quick).next()).rejects.toThrow(
    /^elementwise of size 99999999999999 is too large: a would take 364 TiB, and a buffer of this adapter holds .* at most$/,
  );
});

describe("the shaders of the bench", () => {
  it("are each a rung of a ladder, or a peak, and bind what the contract says", async () => {
    const files = (await readdir(shaders)).filter((name) => name.endsWith(".wgsl"));
    const rungs = FAMILIES.flatMap((family) => family.rungs.map(({ name }) => `${family.name}-${name}.wgsl`));
    expect(files.sort()).toEqual([...rungs, "peak-copy.wgsl", "peak-fma.wgsl"].sort());
    for (const family of FAMILIES) {
      const { reads, writes, scratch, params } = family.contract(parseSizes(family, family.tinySize));
      const written = [...writes, ...(scratch ? [scratch.name] : [])];
      for (const { wgsl, name } of family.rungs) {
        expect(await readFile(resolve(shaders, `${family.name}-${name}.wgsl`), "utf8")).toBe(wgsl);
        const bindings = [...wgsl.matchAll(/@group\(0\) @binding\((\d+)\) var<storage, (\w+)> (\w+)/g)];
        expect(bindings.map(([, index, access, binding]) => `${index} ${access} ${binding}`)).toEqual([
          ...reads.map((binding, i) => `${i} read ${binding}`),
          ...written.map((binding, i) => `${reads.length + i} read_write ${binding}`),
        ]);
        const fields = [...wgsl.match(/struct Params \{([^}]*)\}/)![1].matchAll(/(\w+): (\w+)/g)];
        expect(fields.map(([, field, type]) => [field, type])).toEqual(Object.entries(params));
      }
    }
  });

  it("of the rungs compile under default limits", async () => {
    // A device that computes nothing: what compiles is run, and found wrong.
    using nothing = await Gpu.open({ backend: "null", limits: "default" });
    for (const family of FAMILIES) {
      const sizes = parseSizes(family, family.tinySize);
      const rungs = candidatesOf(family, sizes).slice(0, family.rungs.length);
      const { scratch } = family.contract(sizes);
      for (const row of await measure(nothing, family.problem(sizes), rungs, quick, scratch?.length)) {
        expect(`${family.name} ${row.name}: ${row.status} ${row.reason}`).toContain(`${row.name}: wrong`);
      }
    }
  });

  it("of the peaks compile in every shape under default limits", async () => {
    using nothing = await Gpu.open({ backend: "null", limits: "default" });
    for (const [kernel, shapes] of PEAK_KERNELS) for (const spec of shapes) nothing.compile(kernel.variant(spec));
    await nothing.finish();
  });
});

describe("a run of a ladder", () => {
  const family = familyOf("matmul");

  it("gives rates and the share of the peaks", async () => {
    const [row] = await runLadder(gpu(), { family, size: "32x8x16", variants: ["engine"] }, PEAKS, quick);
    const { timing, gigaflops, gigabytes, share } = row;
    expect(row).toMatchObject({ id: "matmul/32x8x16/engine", group: "matmul/32x8x16", operations: 8192, bytes: 3584 });
    expect(gigaflops).toBeCloseTo(8192 / timing!.median / 1e6, 9);
    expect(gigabytes).toBeCloseTo(3584 / timing!.median / 1e6, 9);
    expect(share).toBeCloseTo(leastMilliseconds(PEAKS, row) / timing!.median, 9);
    expect(leastMilliseconds(PEAKS, row)).toBeCloseTo(3584 / 1e6, 9); // memory is what it waits for
  });

  it("gives no rates of what takes no time: the sum of one number is another view of it", async () => {
    const rows = await runLadder(
      gpu(),
      { family: familyOf("reduce"), size: "1", variants: ["naive", "engine"] },
      PEAKS,
      quick,
    );
    expect(rows.map(({ status }) => status)).toEqual(["right", "right"]);
    expect(rows[1].timing).toMatchObject({ median: 0 });
    expect(rows[1]).not.toHaveProperty("gigaflops");
    expect(drawLadder(rows, PEAKS).text).not.toMatch(/NaN|Infinity/);
  });

  it("measures peaks", async () => {
    const { gigaflops, gigabytes } = await measurePeaks(gpu(), quick, 2 ** 20);
    expect(gigaflops).toBeGreaterThan(0.1);
    expect(gigabytes).toBeGreaterThan(0.01);
  });

  it("keeps the order of the ladder and lists the variants there are", () => {
    const { candidates } = chooseCandidates({ family, variants: ["engine", "naive"] }, true);
    expect(candidates.map(({ name }) => name)).toEqual(["naive", "engine"]);
    expect(() => chooseCandidates({ family, variants: ["fast"] }, true)).toThrow(
      `matmul has no variant "fast"; there are ${variantNames(family).join(", ")}, and "all"`,
    );
    expect(() => familyOf("fft")).toThrow('no family "fft"; there are matmul');
  });
});
