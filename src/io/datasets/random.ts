/** A source of uniform random numbers whose state can be saved and put back. */
export interface RandomSource {
  /** All there is to it: two sources with the same state give the same numbers. */
  state: number;
  /** The next number, in [0, 1). */
  next(): number;
}

/**
 * mulberry32 (Tommy Ettinger): 32 bits of state a,
 * a += 0x6D2B79F5; t = (a ^ a>>>15) · (a|1); t ^= t + (t ^ t>>>7) · (t|61); u = (t ^ t>>>14) / 2^32.
 *
 * @param seed the state to begin with, taken modulo 2^32
 */
export function mulberry32(seed: number): RandomSource {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`expected an integer seed, got ${seed}`);
  return {
    state: seed >>> 0,
    next() {
      this.state = (this.state + 0x6d2b79f5) >>> 0;
      const a = this.state;
      let t = Math.imul(a ^ (a >>> 15), a | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

/** 0 .. count-1 in random order (Fisher-Yates from the end, j = floor(u·(i+1))). */
export function permutation(count: number, random: RandomSource): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i >= 1; i--) {
    const j = Math.floor(random.next() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
