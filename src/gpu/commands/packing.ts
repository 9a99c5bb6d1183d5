import type { PooledBuffer } from "../buffer-pool.ts";

/** When a buffer is first and last named: places in a list of commands, both inclusive. */
export interface Lifetime {
  readonly buffer: PooledBuffer;
  readonly first: number;
  last: number;
  /**
   * Buffers that some command names together with it, one of the two for writing. WebGPU allows no such pair in one
   * buffer, wherever they lie in it.
   */
  readonly conflicts: Set<PooledBuffer>;
}

/** Part of a piece of memory. */
export interface Place {
  readonly piece: number;
  readonly offset: number;
}

export interface Packing {
  /** Bytes of each piece of memory. */
  readonly sizes: readonly number[];
  readonly places: ReadonlyMap<PooledBuffer, Place>;
}

/** What bindings must be aligned to on any device. */
const ALIGNMENT = 256;

/**
 * Lays buffers into few pieces of memory, those of overlapping lifetimes side by side: from the largest down, each goes
 * into the first piece that has room for it all the while, there into the smallest gap. For the training steps of the
 * models here that takes up to 2 % more than what is alive at a time.
 */
export function packLifetimes(lifetimes: Iterable<Lifetime>): Packing {
  const pieces: { readonly size: number; readonly taken: { lifetime: Lifetime; offset: number }[] }[] = [];
  const places = new Map<PooledBuffer, Place>();
  const descending = [...lifetimes].sort((a, b) => b.buffer.size - a.buffer.size || a.first - b.first);
  for (const lifetime of descending) {
    const { buffer, first, last, conflicts } = lifetime;
    let place: Place | undefined;
    for (let piece = 0; piece < pieces.length && !place; piece++) {
      const { size, taken } = pieces[piece];
      const beside = taken.filter(({ lifetime: other }) => other.first <= last && first <= other.last);
      if (beside.some(({ lifetime: other }) => conflicts.has(other.buffer))) continue;
      const offset = smallestGap(beside, size, buffer.size);
      if (offset >= 0) place = { piece, offset };
    }
    place ??= { piece: pieces.push({ size: buffer.size, taken: [] }) - 1, offset: 0 };
    pieces[place.piece].taken.push({ lifetime, offset: place.offset });
    places.set(buffer, place);
  }
  return { sizes: pieces.map(({ size }) => size), places };
}

/** Where the smallest gap of at least `bytes` bytes begins; -1 when there is none. */
function smallestGap(taken: { lifetime: Lifetime; offset: number }[], size: number, bytes: number): number {
  taken.sort((a, b) => a.offset - b.offset);
  let [best, least, begin] = [-1, Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i <= taken.length; i++) {
    const room = (taken[i]?.offset ?? size) - begin;
    if (room >= bytes && room < least) [best, least] = [begin, room];
    if (i === taken.length) break;
    const end = taken[i].offset + taken[i].lifetime.buffer.size;
    begin = Math.max(begin, Math.ceil(end / ALIGNMENT) * ALIGNMENT);
  }
  return best;
}
