import { describe, expect, it } from "vitest";
import type { PooledBuffer } from "../../../src/gpu/buffer-pool.ts";
import { BindGroupCache } from "../../../src/gpu/commands/bind-group-cache.ts";
import type { BufferBinding } from "../../../src/gpu/index.ts";
import { mulberry32 } from "../../../src/io/index.ts";

const bufferOf = (id: number): PooledBuffer => ({ id, bindGroups: new Set() }) as unknown as PooledBuffer;
const nameOf = (layoutKey: string, bindings: readonly BufferBinding[]): string =>
  `${layoutKey} ${bindings.map(({ buffer, offset, size }) => `${buffer.id}:${offset}:${size}`)}`;

describe("BindGroupCache", () => {
  it("finds the group of just these bindings, whatever else it holds and has forgotten", () => {
    const made: string[] = [];
    const cache = new BindGroupCache((layoutKey, bindings) => {
      made.push(nameOf(layoutKey, bindings));
      return { name: nameOf(layoutKey, bindings) } as unknown as GPUBindGroup;
    });
    const random = mulberry32(1);
    const draw = (n: number): number => Math.floor(random.next() * n);
    const buffers = Array.from({ length: 40 }, (_, i) => bufferOf(i));
    for (let round = 0; round < 30_000; round++) {
      const layoutKey = ["rw", "ww"][draw(2)];
      // Offset and size are mixed by their sum, so that these collide often.
      const bindings = [0, 1].map(() => ({
        buffer: buffers[draw(40)],
        offset: 256 * draw(2),
        size: 256 * (1 + draw(2)),
      }));
      const group = cache.get(layoutKey, bindings) as unknown as { name: string };
      expect(group.name).toBe(nameOf(layoutKey, bindings));
      if (round % 100 === 0) cache.forgetAllOf(buffers[draw(40)]);
    }
    for (const buffer of buffers) cache.forgetAllOf(buffer);
    expect(buffers.every((buffer) => buffer.bindGroups.size === 0)).toBe(true);
    const before = made.length;
    cache.get("rw", [{ buffer: buffers[0], offset: 0, size: 256 }]);
    cache.get("rw", [{ buffer: buffers[0], offset: 0, size: 256, element: 5 }]);
    expect(made.length).toBe(before + 1);
  });
});
