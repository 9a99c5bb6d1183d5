import { describe, expect, it } from "vitest";
import { add } from "../../src/autograd/index.ts";
import type { StepCounts } from "../../src/bench/step-counts.ts";
import { countStep, firstRunOf, runStep, STEP_ROWS, type StepRow } from "../../src/bench/steps/index.ts";
import { DryGpu, Gpu } from "../../src/gpu/index.ts";
import { NodeDirectory } from "../../src/io/node/index.ts";
import { VARIANT_TABLE } from "../../src/kernels/variants/table.ts";
import { tensor } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const resources = { bundledModel: () => NodeDirectory.open("assets/gpt2-mini-en") };
const rowOf = (id: string) => STEP_ROWS.find((row) => row.id === id)!;

/** Most dispatches and submits of one run and most bytes of buffers at a time, whatever the adapter's class. */
const GATES: Readonly<Record<string, { dispatches: number; submits: number; peakBytes?: number }>> = {
  "transformer-block/forward": { dispatches: 10, submits: 1 },
  "transformer-block/forward+backward": { dispatches: 40, submits: 1 },
  "bundled-finetune/step": { dispatches: 150, submits: 1 },
  "resnet-20/step": { dispatches: 300, submits: 1 },
  "training-step": { dispatches: 250, submits: 2, peakBytes: 450e6 },
};

/** Each takes the compiler's time at a first start. */
const MOST_PIPELINES = 60;

/** A name of each class by which its adapters are known; classes with one table of kernels are as one. */
const CLASSES = Object.entries<Partial<GPUAdapterInfo>>({
  lavapipe: { description: "llvmpipe" },
  swiftshader: { description: "SwiftShader" },
  nvidia: { vendor: "nvidia" },
  amd: { vendor: "amd" },
  intel: { vendor: "intel" },
  apple: { vendor: "apple" },
  qualcomm: { vendor: "qualcomm" },
  unknown: {},
}).filter(([name], place, all) => {
  const tableOf = ([of]: [string, object]): string => JSON.stringify(VARIANT_TABLE[of as keyof typeof VARIANT_TABLE]);
  return all.findIndex((other) => tableOf(other) === tableOf([name, {}])) === place;
});

describe.each(CLASSES)("a run of a step, after two, with the kernels of %s", (name, info) => {
  it.each(Object.keys(GATES))("%s: asks no more of the device than it may", async (id) => {
    // A device that computes nothing: counts do not depend on values.
    using opened = await Gpu.open({ backend: "null" });
    using gpu = new Gpu(opened.device, info as GPUAdapterInfo).use();
    expect(gpu.adapter.class).toBe(name);
    const counts = (await countStep(gpu, rowOf(id), resources))!;
    const { dispatches, submits, peakBytes = Number.POSITIVE_INFINITY } = GATES[id];
    expect(counts).toMatchObject({ buffersCreated: 0, bindGroupsCreated: 0, pipelinesCreated: 0 });
    expect(counts.dispatches).toBeLessThanOrEqual(dispatches);
    expect(counts.dispatches).toBeGreaterThan(dispatches / 4);
    expect(counts.submits).toBeLessThanOrEqual(submits);
    expect(counts.peakBytes).toBeLessThanOrEqual(peakBytes);
    expect(gpu.statistics.pipelinesCreated).toBeLessThanOrEqual(MOST_PIPELINES);
    expect(gpu.statistics.rescuedTensors).toBe(0);
  });
});

/** What the README says of a run with the kernels of lavapipe under WebGPU's default limits, to the dispatch. */
const QUOTED: Readonly<Record<string, Partial<StepCounts>>> = {
  "transformer-block/forward": { dispatches: 7 },
  "transformer-block/forward+backward": { dispatches: 28 },
  "training-step": { dispatches: 147, peakBytes: 305_720_320 },
  "gpt2-124m/step": { dispatches: 386, peakBytes: 2_066_178_304 },
};

describe("a rehearsed run of a step on lavapipe", () => {
  it.each(Object.keys(QUOTED))("%s: asks exactly as much of the device as it is said to", async (id) => {
    using opened = await Gpu.open({ backend: "null", limits: "default" });
    using like = new Gpu(opened.device, { description: "llvmpipe" } as GPUAdapterInfo);
    using gpu = new DryGpu(like);
    const nothing = { buffersCreated: 0, bindGroupsCreated: 0, pipelinesCreated: 0 };
    expect(await countStep(gpu, rowOf(id), resources)).toMatchObject({ ...nothing, submits: 1, ...QUOTED[id] });
    expect(gpu.kernels.size).toBeLessThanOrEqual(MOST_PIPELINES);
  });
});

describe("a step that is run", () => {
  const gpu = useGpu();
  const quick = { samples: 2, sampleMilliseconds: 0, budgetMilliseconds: 0, preferGpuClock: true };
  const peaks = { gigaflops: 1, gigabytes: 1 };
  /** y = x + x, checked by `fault`. */
  const rowWith = (fault: string | undefined): StepRow => ({
    id: "made-up/step",
    title: "Made up",
    items: { count: 3, unit: "tokens/s" },
    operations: 64,
    prepare: async (device) => {
      const x = tensor(new Float32Array(64).fill(2), [64], { gpu: device });
      return { run: () => void add(x, x), check: async () => fault, [Symbol.dispose]: () => x.dispose() };
    },
  });

  it("has times, counts and speed, and leaves nothing behind", async () => {
    const before = gpu().statistics.liveBuffers;
    const row = await runStep(gpu(), rowWith(undefined), peaks, quick, {});
    expect(row).toMatchObject({ id: "made-up/step", suite: "end-to-end", status: "right" });
    expect(row.counts).toMatchObject({ dispatches: 1, submits: 1, buffersCreated: 0, bindGroupsCreated: 0 });
    expect(row.throughput).toEqual({ value: expect.closeTo((3 * 1000) / row.timing!.wall, 6), unit: "tokens/s" });
    for (const value of [row.firstMilliseconds, row.encodeMicroseconds, row.gigaflops, row.share]) {
      expect(value).toBeGreaterThan(0);
    }
    expect(gpu().statistics.liveBuffers).toBe(before);
  });

  it("is not timed when it is wrong, fails or lacks its files", async () => {
    const of = (row: StepRow) => runStep(gpu(), row, peaks, quick, {});
    expect(await of(rowWith("the loss is NaN"))).toMatchObject({ status: "wrong", reason: "the loss is NaN" });
    const broken = { ...rowWith(undefined), prepare: () => Promise.reject(new Error("no memory")) };
    expect(await of(broken)).toMatchObject({ status: "failed", reason: "no memory" });
    expect(await of(rowOf("bundled-finetune/step"))).toMatchObject({ status: "unavailable" });
    for (const row of [rowWith("wrong"), broken]) expect((await of(row)).timing).toBeUndefined();
  });

  it("can be timed on a device of its own, once", async () => {
    expect(await firstRunOf(rowWith(undefined), {}, {})).toBeGreaterThan(0);
    await expect(firstRunOf(rowWith("wrong"), {}, {})).rejects.toThrow("made-up/step: wrong");
    await expect(firstRunOf(rowOf("bundled-finetune/step"), {}, {})).rejects.toThrow("files that are not here");
  });
});
