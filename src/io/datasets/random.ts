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

const THREEFRY_ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];

/** Threefry-2x32 with 20 rounds (Salmon et al. 2011): two random words from a key and a counter of two words each. */
export function threefry(key: readonly [number, number], counter: readonly [number, number]): [number, number] {
  const keys = [key[0] | 0, key[1] | 0, 0x1bd11bda ^ key[0] ^ key[1]];
  let a = (counter[0] + keys[0]) | 0;
  let b = (counter[1] + keys[1]) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = THREEFRY_ROTATIONS[round % 8];
    a = (a + b) | 0;
    b = ((b << rotation) | (b >>> (32 - rotation))) ^ a;
    if (round % 4 !== 3) continue;
    const block = (round + 1) / 4;
    a = (a + keys[block % 3]) | 0;
    b = (b + keys[(block + 1) % 3] + block) | 0;
  }
  return [a >>> 0, b >>> 0];
}

/** Numbers of their own for an example in an epoch: they depend on seed, epoch, index and their place alone. */
export function exampleRandom(seed: number, epoch: number, index: number): RandomSource {
  return {
    state: 0,
    next() {
      return threefry([seed >>> 0, epoch >>> 0], [index >>> 0, this.state++])[0] / 2 ** 32;
    },
  };
}
