import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BufferPool, type PooledBuffer, sizeClass } from "../../src/gpu/buffer-pool.ts";
import { MemoryLimitError } from "../../src/gpu/index.ts";

/** A pool over a device that only counts. */
function makePool(budget = Number.POSITIVE_INFINITY, maxBufferSize = 2 ** 28) {
  const created: number[] = [];
  const destroyed: PooledBuffer[] = [];
  const device = {
    limits: { maxBufferSize },
    createBuffer: ({ size }: GPUBufferDescriptor) => {
      created.push(size);
      return {};
    },
  } as unknown as GPUDevice;
  return { pool: new BufferPool(device, budget, (buffer) => destroyed.push(buffer)), created, destroyed };
}

describe("sizeClass", () => {
  it("holds the request, wastes at most an eighth, and is a fixed point", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (bytes) => {
        const size = sizeClass(bytes);
        expect(size).toBeGreaterThanOrEqual(bytes);
        expect(size).toBeLessThanOrEqual(Math.max(bytes * 1.125, bytes + 255));
        expect(size % 256).toBe(0);
        expect(sizeClass(size)).toBe(size);
      }),
    );
  });
});

describe("BufferPool", () => {
  it("hands a freed buffer of the same class out again", () => {
    const { pool, created } = makePool();
    const first = pool.acquire(1000, "a");
    pool.release(first);
    expect(pool.acquire(1010, "b")).toBe(first);
    expect(pool.acquire(1010, "c")).not.toBe(first);
    expect(created).toEqual([1024, 1024]);
  });

  it("hands the oldest free one out first, whichever was freed last", () => {
    const { pool } = makePool();
    const all = Array.from({ length: 4 }, () => pool.acquire(256, "a"));
    for (const i of [2, 0, 3, 1]) pool.release(all[i]);
    for (const buffer of all) expect(pool.acquire(256, "b")).toBe(buffer);
  });

  it("counts what is live, what is kept and the peak", () => {
    const { pool } = makePool();
    const [a, b] = [pool.acquire(256, "a"), pool.acquire(512, "b")];
    pool.release(a);
    expect(pool.statistics).toEqual({
      ...{ liveBytes: 512, liveBuffers: 1, pooledBytes: 256, pooledBuffers: 1 },
      ...{ peakBytes: 768, buffersCreated: 2 },
    });
    pool.resetPeak();
    expect(pool.statistics.peakBytes).toBe(512);
    pool.release(b);
    expect(pool.statistics).toMatchObject({ liveBytes: 0, liveBuffers: 0, pooledBytes: 768, pooledBuffers: 2 });
  });

  it("gives reserved buffers back to whoever asks for them again, and to others last", () => {
    const { pool, created } = makePool();
    const [mine, plain] = [pool.acquire(256, "a", true), pool.acquire(256, "b")];
    pool.release(mine);
    pool.release(plain);
    expect(pool.acquire(256, "c")).toBe(plain);
    expect(pool.reacquire(mine)).toBe(true);
    expect(pool.reacquire(mine)).toBe(false);
    pool.release(mine);
    expect(pool.acquire(256, "d")).toBe(mine);
    expect(pool.reacquire(mine)).toBe(false);
    expect(pool.statistics).toMatchObject({ liveBytes: 512, liveBuffers: 2, pooledBytes: 0, pooledBuffers: 0 });
    expect(created).toHaveLength(2);
    pool.release(mine);
    pool.trim();
    expect(pool.reacquire(mine)).toBe(false);
  });

  it("keeps no more than was ever in use, or 256 MiB, and gives up the sizes not used for longest", () => {
    const { pool, destroyed } = makePool();
    const sizes = Array.from({ length: 20 }, (_, i) => sizeClass((10 + i) * 2 ** 21));
    for (const size of sizes) pool.release(pool.acquire(size, "x"));
    expect(pool.statistics.pooledBytes).toBeLessThanOrEqual(2 ** 28);
    expect(pool.statistics.pooledBytes).toBeGreaterThan(2 ** 27);
    const given = destroyed.map((buffer) => buffer.size);
    expect(given.length).toBeGreaterThan(0);
    expect(given).toEqual([...new Set(sizes)].slice(0, given.length));
  });

  it("gives kept buffers back on trim, and makes new ones after it", () => {
    const { pool, destroyed } = makePool();
    const a = pool.acquire(256, "a");
    pool.release(a);
    pool.trim();
    expect(destroyed).toEqual([a]);
    expect(pool.statistics).toMatchObject({ pooledBytes: 0, pooledBuffers: 0 });
    expect(pool.acquire(256, "b")).not.toBe(a);
  });

  it("refuses what would exceed the budget, and says how much is in use", () => {
    const { pool } = makePool(1024);
    const a = pool.acquire(768, "weights");
    expect(() => pool.acquire(500, "logits")).toThrow(MemoryLimitError);
    expect(() => pool.acquire(500, "logits")).toThrow(
      "logits: 512 bytes more exceed the memory budget of 1024 bytes (768 in use)",
    );
    pool.release(a);
    pool.acquire(1024, "everything");
  });

  it("drops kept buffers, largest first, to stay within the budget", () => {
    const { pool, destroyed } = makePool(4096);
    const sizes = [512, 1024, 2048];
    const buffers = sizes.map((size) => pool.acquire(size, "x"));
    for (const buffer of buffers) pool.release(buffer);
    pool.acquire(768, "y");
    expect(destroyed.map(({ size }) => size)).toEqual([2048]);
    expect(pool.statistics.liveBytes + pool.statistics.pooledBytes).toBeLessThanOrEqual(4096);
  });

  it("refuses more than the device's largest buffer by name, and gives up to all of it", () => {
    const { pool, created } = makePool(Number.POSITIVE_INFINITY, 10_000);
    expect(() => pool.acquire(10_001, "table f32[2501]")).toThrow(
      "table f32[2501]: 10001 bytes exceed the device's largest buffer of 10000 bytes",
    );
    pool.acquire(9_999, "a");
    expect(created).toEqual([10_000]);
  });
});
