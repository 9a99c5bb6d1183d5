import { describe, expect, it } from "vitest";
import { type Gpu, GpuError, Kernel } from "../../src/gpu/index.ts";
import { useGpu } from "../support/gpu.ts";

/** Counts up to `rounds` in one invocation: takes as long as it is told. */
const spinKernel = new Kernel({
  name: "test spin",
  source: `struct Params { rounds: u32, }
    @group(0) @binding(0) var<storage, read_write> y: array<u32>;
    @group(1) @binding(0) var<uniform> params: Params;
    @compute @workgroup_size(1) fn main() {
      for (var i = 0u; i < params.rounds; i++) { y[i % 4] = y[(i + 1) % 4] * 1664525u + i; }
    }`,
  bindings: { y: "read_write" },
  params: { rounds: "u32" },
});

describe("time", () => {
  const gpu = useGpu();

  async function timeOf(handle: Gpu, rounds: number, dispatches = 1, flushes = false) {
    const y = handle.allocate(16, "y");
    const spin = (): void =>
      handle.dispatch(spinKernel.variant(), [{ buffer: y, offset: 0, size: 16 }], { rounds }, [1, 1, 1]);
    spin(); // compiles
    const time = await handle.time(() => {
      for (let i = 0; i < dispatches; i++) {
        spin();
        if (flushes) handle.flush();
      }
    });
    handle.free(y);
    return time;
  }

  /** The least of a few: what else the machine does only ever adds to it. */
  async function leastOf(rounds: number) {
    const times = [];
    for (let i = 0; i < 3; i++) times.push(await timeOf(gpu(), rounds));
    const gpuTimes = times.map((time) => time.gpuMilliseconds!);
    return { wall: Math.min(...times.map((time) => time.wallMilliseconds)), gpu: Math.min(...gpuTimes) };
  }

  it("grows with the work, on both clocks, and the device's is within the host's", async () => {
    const short = await leastOf(1000);
    const long = await timeOf(gpu(), 3_000_000);
    expect(long.wallMilliseconds).toBeGreaterThan(2 * short.wall);
    if (gpu().features.has("timestamp-query")) {
      expect(long.gpuMilliseconds).toBeGreaterThan(2 * short.gpu);
      expect(long.gpuMilliseconds).toBeLessThanOrEqual(long.wallMilliseconds);
    } else expect(long.gpuMilliseconds).toBeNull();
  });

  it("adds up passes over several submits", async () => {
    const { submits } = gpu().statistics;
    const one = await leastOf(1_000_000);
    const many = await timeOf(gpu(), 1_000_000, 8, true);
    expect(gpu().statistics.submits - submits).toBeGreaterThanOrEqual(9);
    if (!gpu().features.has("timestamp-query")) return;
    expect(many.gpuMilliseconds).toBeGreaterThan(3 * one.gpu);
    expect(many.gpuMilliseconds).toBeLessThanOrEqual(many.wallMilliseconds);
  });

  it("is nothing for nothing, and leaves out what was recorded before", async () => {
    const y = gpu().allocate(16, "y");
    const bindings = [{ buffer: y, offset: 0, size: 16 }];
    gpu().dispatch(spinKernel.variant(), bindings, { rounds: 3_000_000 }, [1, 1, 1]);
    const hasClock = gpu().features.has("timestamp-query");
    expect(await gpu().time(() => {})).toEqual({ wallMilliseconds: 0, gpuMilliseconds: hasClock ? 0 : null });
    gpu().free(y);
  });

  it("waits for a record that is asynchronous", async () => {
    const y = gpu().allocate(16, "y");
    const time = await gpu().time(async () => {
      await gpu().read(y, 0, 16);
      gpu().dispatch(spinKernel.variant(), [{ buffer: y, offset: 0, size: 16 }], { rounds: 1000 }, [1, 1, 1]);
    });
    expect(time.wallMilliseconds).toBeGreaterThan(0);
    gpu().free(y);
  });

  it("is one at a time, and usable again after an error", async () => {
    const first = gpu().time(() => {
      throw new Error("inside");
    });
    await expect(gpu().time(() => {})).rejects.toThrow(new GpuError("time: another measurement is under way"));
    await expect(first).rejects.toThrow("inside");
    expect((await gpu().time(() => {})).wallMilliseconds).toBe(0);
  });
});

describe("time without timestamps", () => {
  const gpu = useGpu({ withoutFeatures: ["timestamp-query"] });

  it("is the host's alone", async () => {
    const y = gpu().allocate(16, "y");
    const run = (): void =>
      gpu().dispatch(spinKernel.variant(), [{ buffer: y, offset: 0, size: 16 }], { rounds: 1000 }, [1, 1, 1]);
    const time = await gpu().time(run);
    expect(time.gpuMilliseconds).toBeNull();
    expect(time.wallMilliseconds).toBeGreaterThan(0);
    gpu().free(y);
  });
});
