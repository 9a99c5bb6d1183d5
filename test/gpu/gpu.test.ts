import { afterEach, describe, expect, it } from "vitest";
import { openDevice } from "../../src/gpu/adapter/open.ts";
import {
  DeviceLostError,
  defineKernel,
  Gpu,
  GpuError,
  Kernel,
  type KernelVariant,
  linearGrid,
  MemoryLimitError,
  type PooledBuffer,
  ShaderCompileError,
} from "../../src/gpu/index.ts";
import { useGpu } from "../support/gpu.ts";

/** y[at + i] = x[i] + add for four elements: parameters of every kind, with a gap before the vector. */
const addKernel = new Kernel({
  name: "test add",
  source: `struct Params { at: u32, add: vec4<u32>, factor: f32, shift: i32, }
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @group(1) @binding(0) var<uniform> params: Params;
    @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) {
      y[params.at + i] = x[i] * params.factor + f32(params.add[i]) + f32(params.shift);
    }`,
  bindings: { x: "read", y: "read_write" },
  params: { at: "u32", add: "vec4<u32>", factor: "f32", shift: "i32" },
});
const PLAIN = { at: 0, add: [0, 0, 0, 0], factor: 1, shift: 0 };

const bytesOf = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

function run(gpu: Gpu, variant: KernelVariant, x: PooledBuffer, y: PooledBuffer, params = PLAIN): void {
  gpu.dispatch(
    variant,
    [x, y].map((buffer) => ({ buffer, offset: 0, size: buffer.size })),
    params,
    [1, 1, 1],
  );
}

async function read(gpu: Gpu, buffer: PooledBuffer, count = 4): Promise<number[]> {
  return [...new Float32Array((await gpu.read(buffer, 0, 4 * count)).buffer)];
}

describe("commands", () => {
  const gpu = useGpu();

  it("pass parameters of every type at their places", async () => {
    const [x, y] = [gpu().allocate(16, "x"), gpu().allocate(64, "y")];
    gpu().upload(x, 0, bytesOf(1, 2, 3, 4));
    run(gpu(), addKernel.variant(), x, y, { at: 2, add: [10, 20, 30, 40], factor: -0.5, shift: -7 });
    expect((await read(gpu(), y, 6)).slice(2)).toEqual([2.5, 12, 21.5, 31]);
    for (const buffer of [x, y]) gpu().free(buffer);
  });

  it("run in order, a thousand in two submits, each with its own parameters", async () => {
    const [x, y] = [gpu().allocate(16, "x"), gpu().allocate(16_000, "y")];
    gpu().upload(x, 0, bytesOf(1, 2, 3, 4));
    await gpu().finish();
    const before = gpu().statistics;
    for (let i = 0; i < 1000; i++) run(gpu(), addKernel.variant(), x, y, { ...PLAIN, at: 4 * i, shift: i });
    const values = await read(gpu(), y, 4000);
    expect(values).toEqual(Array.from({ length: 4000 }, (_, i) => Math.floor(i / 4) + 1 + (i % 4)));
    const { submits, dispatches, bindGroupsCreated } = gpu().statistics;
    expect(dispatches - before.dispatches).toBe(1000);
    expect(submits - before.submits).toBe(2);
    // One for the two buffers; the rest belong to the slots of the uniform slab, made once.
    expect(bindGroupsCreated - before.bindGroupsCreated).toBeLessThanOrEqual(1 + 512);
    run(gpu(), addKernel.variant(), x, y);
    expect(gpu().statistics.bindGroupsCreated).toBe(bindGroupsCreated);
    for (const buffer of [x, y]) gpu().free(buffer);
  });

  it("share their parameters with the one before when they are equal, and with no other", async () => {
    const [x, y] = [gpu().allocate(16, "x"), gpu().allocate(4096, "y")];
    gpu().upload(x, 0, bytesOf(1, 2, 3, 4));
    // Places recur after others: 0 0 1 1 0 2 0 0 1 …; what is written last counts.
    const places = Array.from({ length: 900 }, (_, i) => [0, 0, 1, 1, 0, 2][i % 6]);
    places.forEach(
      (place, i) => void run(gpu(), addKernel.variant(), x, y, { ...PLAIN, at: 4 * place, shift: i >> 1 }),
    );
    const lastOf = (place: number): number => places.lastIndexOf(place) >> 1;
    const expected = [0, 1, 2].flatMap((place) => [1, 2, 3, 4].map((value) => value + lastOf(place)));
    expect(await read(gpu(), y, 12)).toEqual(expected);
    for (const buffer of [x, y]) gpu().free(buffer);
  });

  it("are right with more pairs of buffers than bind groups are kept", async () => {
    const before = gpu().statistics.bindGroupsCreated;
    const buffers = Array.from({ length: 70 }, (_, i) => {
      const buffer = gpu().allocate(16, "x");
      gpu().upload(buffer, 0, bytesOf(i, i, i, i));
      return buffer;
    });
    const y = Array.from({ length: 70 }, () => gpu().allocate(16, "y"));
    for (const target of y) for (const source of buffers) run(gpu(), addKernel.variant(), source, target);
    expect(gpu().statistics.bindGroupsCreated - before).toBeGreaterThan(4096);
    run(gpu(), addKernel.variant(), buffers[3], y[0]);
    expect(await read(gpu(), y[0], 4)).toEqual([3, 3, 3, 3]);
    expect(await read(gpu(), y[69], 4)).toEqual([69, 69, 69, 69]);
    for (const buffer of [...buffers, ...y]) gpu().free(buffer);
  });

  it("see what was uploaded before them, not after, when a buffer is used again", async () => {
    const y = gpu().allocate(16, "y");
    const x = gpu().allocate(16, "x");
    gpu().upload(x, 0, bytesOf(1, 2, 3, 4));
    run(gpu(), addKernel.variant(), x, y);
    gpu().free(x);
    const recycled = gpu().allocate(16, "recycled");
    expect(recycled).toBe(x);
    gpu().upload(recycled, 0, bytesOf(5, 6, 7, 8)); // must not overtake the kernel above
    const z = gpu().allocate(16, "z");
    run(gpu(), addKernel.variant(), recycled, z);
    expect(await read(gpu(), y)).toEqual([1, 2, 3, 4]);
    expect(await read(gpu(), z)).toEqual([5, 6, 7, 8]);
    for (const buffer of [recycled, y, z]) gpu().free(buffer);
  });

  it("see an upload after a recorded copy into the same buffer", async () => {
    const [x, y] = [gpu().allocate(16, "x"), gpu().allocate(16, "y")];
    gpu().upload(x, 0, bytesOf(1, 2, 3, 4));
    gpu().copyBuffer(x, 0, y, 0, 16);
    gpu().upload(y, 0, bytesOf(9));
    gpu().copyBuffer(x, 4, y, 8, 4);
    expect(await read(gpu(), y)).toEqual([9, 2, 2, 4]);
    for (const buffer of [x, y]) gpu().free(buffer);
  });

  it("need no submit for an upload into a buffer they do not name", async () => {
    const [x, y, other] = [16, 16, 16].map((bytes) => gpu().allocate(bytes, "x"));
    gpu().upload(x, 0, bytesOf(1, 2, 3, 4));
    run(gpu(), addKernel.variant(), x, y);
    const { submits } = gpu().statistics;
    gpu().upload(other, 0, bytesOf(5, 6, 7, 8));
    expect(gpu().statistics.submits).toBe(submits);
    for (const buffer of [x, y, other]) gpu().free(buffer);
  });

  it("outlive the trimming of the buffers they name", async () => {
    const [x, y] = [gpu().allocate(16, "x"), gpu().allocate(16, "y")];
    gpu().upload(x, 0, bytesOf(1, 2, 3, 4));
    run(gpu(), addKernel.variant(), x, y);
    gpu().free(x);
    gpu().trim();
    expect(gpu().statistics.pooledBuffers).toBe(0);
    expect(await read(gpu(), y)).toEqual([1, 2, 3, 4]);
    gpu().free(y);
  });

  it("upload and read any number of bytes", async () => {
    const x = gpu().allocate(16, "x");
    gpu().upload(
      x,
      0,
      Uint8Array.from({ length: 16 }, (_, i) => i),
    );
    gpu().upload(x, 4, Uint8Array.from([100, 101, 102, 103, 104, 105]));
    expect([...(await gpu().read(x, 4, 7))]).toEqual([100, 101, 102, 103, 104, 105, 0]);
    expect(await gpu().read(x, 0, 0)).toHaveLength(0);
    gpu().free(x);
  });

  it("are refused when bindings or parameters are missing", () => {
    const x = gpu().allocate(16, "x");
    const binding = { buffer: x, offset: 0, size: x.size };
    expect(() => gpu().dispatch(addKernel.variant(), [binding], PLAIN, [1, 1, 1])).toThrow(
      "kernel test add: 1 bindings given, expected 2",
    );
    expect(() => gpu().dispatch(addKernel.variant(), [binding, binding], { at: 0 }, [1, 1, 1])).toThrow(
      'kernel test add: parameter "add" is missing',
    );
    gpu().free(x);
  });
});

describe("kernels", () => {
  it("have one name each, and parameters that fit a slot", () => {
    const definition = { name: "test twice", source: "", bindings: {}, params: {} };
    defineKernel(definition);
    expect(() => defineKernel(definition)).toThrow("kernel test twice is defined twice");
    const params = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`p${i}`, "vec4<u32>" as const]));
    expect(() => new Kernel({ ...definition, params })).toThrow("parameters exceed 256 bytes");
  });

  it("fold a grid over the limit of a dimension", () => {
    expect(linearGrid(0)).toEqual([0, 0, 0]);
    expect(linearGrid(65_535)).toEqual([65_535, 1, 1]);
    for (const count of [65_536, 65_537, 1_000_003, 4_000_000_000]) {
      const [columns, rows] = linearGrid(count);
      expect(Math.max(columns, rows)).toBeLessThanOrEqual(65_535);
      expect(columns * rows).toBeGreaterThanOrEqual(count);
      expect(columns * rows - count).toBeLessThan(rows);
    }
  });
});

describe("failures", () => {
  const opened: Gpu[] = [];
  const open = async (options = {}): Promise<Gpu> => {
    const gpu = await Gpu.open(options);
    opened.push(gpu);
    return gpu;
  };
  afterEach(() => {
    for (const gpu of opened.splice(0)) gpu.close();
  });

  const broken = new Kernel({
    ...addKernel.definition,
    name: "test broken",
    source: addKernel.definition.source.replace("params.at + i", "params.nowhere"),
  });

  it("to compile surface at the read, with the numbered source, and at every later use", async () => {
    const gpu = await open();
    const [x, y] = [gpu.allocate(16, "x"), gpu.allocate(16, "y")];
    run(gpu, broken.variant(), x, y);
    const error = await gpu.read(y, 0, 16).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).toBeInstanceOf(ShaderCompileError);
    expect(error!.message).toMatch(/^kernel test broken\| does not compile: .*nowhere/s);
    expect(error!.message).toContain("   1 | struct Params");
    expect(error!.message).toContain("   6 |       y[params.nowhere] = x[i]");
    expect(() => run(gpu, broken.variant(), x, y)).toThrow(ShaderCompileError);
    // What follows from it is not reported again, and the handle goes on working.
    gpu.upload(x, 0, bytesOf(1, 2, 3, 4));
    run(gpu, addKernel.variant(), x, y);
    expect(await read(gpu, y)).toEqual([1, 2, 3, 4]);
  });

  it("to compile surface at the next call when nothing is read", async () => {
    const gpu = await open();
    gpu.compile(broken.variant());
    await expect(gpu.finish()).rejects.toThrow(ShaderCompileError);
  });

  it("of validation surface as an exception, never as zeros", async () => {
    const gpu = await open();
    const [x, y] = [gpu.allocate(16, "x"), gpu.allocate(16, "y")];
    const bindings = [x, y].map((buffer) => ({ buffer, offset: 0, size: 4 * buffer.size }));
    gpu.dispatch(addKernel.variant(), bindings, PLAIN, [1, 1, 1]);
    await expect(gpu.read(y, 0, 16)).rejects.toThrow(GpuError);
    gpu.upload(x, 0, bytesOf(1, 2, 3, 4));
    run(gpu, addKernel.variant(), x, y);
    expect(await read(gpu, y)).toEqual([1, 2, 3, 4]);
  });

  it("of the device reject what is pending, and every later call", async () => {
    const gpu = await open();
    const x = gpu.allocate(16, "x");
    const pending = [gpu.read(x, 0, 16), gpu.read(x, 0, 4), gpu.finish()];
    gpu.device.destroy();
    for (const result of await Promise.allSettled(pending)) {
      expect(result).toMatchObject({ status: "rejected", reason: expect.any(DeviceLostError) });
    }
    expect(() => gpu.allocate(4, "x")).toThrow(DeviceLostError);
    await expect(gpu.read(x, 0, 4)).rejects.toThrow(/^The GPU device was lost \(destroyed\)/);
  });

  it("of the device are known as its loss, however late it is told of", async () => {
    const { device, info, wait } = await openDevice({});
    const tellsLate = new Proxy(device, {
      get: (own, key) => {
        if (key === "lost") return own.lost.then((loss) => new Promise((told) => setTimeout(told, 300, loss)));
        const value = Reflect.get(own, key);
        return typeof value === "function" ? value.bind(own) : value;
      },
      set: (own, key, value) => Reflect.set(own, key, value),
    });
    using gpu = new Gpu(tellsLate, info, { wait });
    const pending = gpu.read(gpu.allocate(16, "x"), 0, 16);
    await Promise.resolve();
    device.destroy();
    await expect(pending).rejects.toThrow(/^The GPU device was lost \(destroyed\)/);
  });

  it("of memory name what was asked for, and leave the handle usable", async () => {
    const gpu = await open({ memoryBudget: 4096 });
    const x = gpu.allocate(4000, "x");
    expect(() => gpu.allocate(4, "one more")).toThrow(MemoryLimitError);
    expect(() => gpu.allocate(4, "one more")).toThrow(/^one more: 256 bytes more exceed the memory budget of 4096/);
    gpu.free(x);
    gpu.free(gpu.allocate(4, "one more"));
  });
});

describe("a handle", () => {
  it("rejects what is pending when it is closed, and may be closed twice", async () => {
    const gpu = await Gpu.open();
    const x = gpu.allocate(16, "x");
    const pending = gpu.read(x, 0, 16);
    gpu.close();
    gpu.close();
    expect(gpu.isClosed).toBe(true);
    await expect(pending).rejects.toThrow(/^The GPU device was lost \(closed\): the handle was closed/);
    expect(() => gpu.flush()).toThrow(DeviceLostError);
    gpu.free(x); // what is disposed late is gone already
  });

  it("is the default from its opening to its closing, unless another is chosen", async () => {
    expect(() => Gpu.default).toThrow("no GPU is open: call `await Gpu.open()` first");
    const first = await Gpu.open();
    const second = await Gpu.open();
    expect(Gpu.default).toBe(first);
    expect(second.use()).toBe(second);
    expect(Gpu.default).toBe(second);
    second.close();
    expect(() => second.use()).toThrow("this handle is closed");
    expect(Gpu.default).toBe(first);
    first.close();
    expect(() => Gpu.default).toThrow(GpuError);
  });

  it("takes a device that the caller made, and leaves features off on demand", async () => {
    const { device } = await openDevice({ withoutFeatures: ["subgroups", "shader-f16"] });
    using gpu = await Gpu.open({ device });
    expect(gpu.device).toBe(device);
    expect([...gpu.features]).not.toContain("shader-f16");
    const [x, y] = [gpu.allocate(16, "x"), gpu.allocate(16, "y")];
    gpu.upload(x, 0, bytesOf(1, 2, 3, 4));
    run(gpu, addKernel.variant(), x, y);
    expect(await read(gpu, y)).toEqual([1, 2, 3, 4]);
  });

  it("asks for the adapter's limits, or for the guaranteed ones", async () => {
    using all = await Gpu.open();
    using minimum = await Gpu.open({ limits: "default" });
    expect(minimum.limits.maxBufferSize).toBe(256 * 2 ** 20);
    expect(minimum.limits.maxStorageBufferBindingSize).toBe(128 * 2 ** 20);
    expect(all.limits.maxBufferSize).toBeGreaterThanOrEqual(minimum.limits.maxBufferSize);
  });
});
