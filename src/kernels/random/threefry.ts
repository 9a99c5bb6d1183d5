import { currentValue, type LiveNumber } from "../../gpu/index.ts";

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];

/** @throws with the op's name when a seed is no whole number of 53 bits; there is no default. */
export function requireSeed(op: string, seed: LiveNumber): number {
  const value = currentValue(seed);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${op}: seed ${value} is not a non-negative safe integer`);
}

const lowWord = (seed: number): number => seed >>> 0;
const highWord = (seed: number): number => Math.floor(seed / 2 ** 32);

/** A seed as the key of a generator, for a kernel's parameters: 53 bits, split in two words. */
export function seedWords(seed: LiveNumber): { seed0: LiveNumber; seed1: LiveNumber } {
  if (typeof seed === "number") {
    requireSeed("random", seed);
    return { seed0: lowWord(seed), seed1: highWord(seed) };
  }
  return { seed0: () => lowWord(requireSeed("random", seed)), seed1: () => highWord(seed()) };
}

/**
 * The two random words of a counter under a seed: Threefry-2x32 with 20 rounds (Salmon et al. 2011,
 * https://doi.org/10.1145/2063384.2063405), the generator of shaders/random/random.wgsl on the host.
 */
export function threefry(counter: number, seed: number): [number, number] {
  requireSeed("random", seed);
  const [seed0, seed1] = [lowWord(seed), highWord(seed)];
  const keys = [seed0, seed1, seed0 ^ seed1 ^ 0x1bd11bda];
  let a = (counter + seed0) | 0;
  let b = seed1 | 0;
  for (let round = 0; round < 20; round++) {
    a = (a + b) | 0;
    const bits = ROTATIONS[round % 8];
    b = ((b << bits) | (b >>> (32 - bits))) ^ a;
    if (round % 4 === 3) {
      const block = (round + 1) / 4;
      a = (a + keys[block % 3]) | 0;
      b = (b + keys[(block + 1) % 3] + block) | 0;
    }
  }
  return [a >>> 0, b >>> 0];
}
