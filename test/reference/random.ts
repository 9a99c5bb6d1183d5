import type { Reference } from "./nd-array.ts";

/**
 * Threefry-2x32 with 20 rounds (Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405), after the paper:
 * a round adds, rotates and xors; every fourth is followed by the injection of the next two of three key words.
 */
export function threefry2x32(counter: readonly [number, number], key: readonly [number, number]): [number, number] {
  const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
  const keys = [key[0], key[1], (key[0] ^ key[1] ^ 0x1bd11bda) >>> 0];
  let [a, b] = [(counter[0] + keys[0]) >>> 0, (counter[1] + keys[1]) >>> 0];
  for (let round = 0; round < 20; round++) {
    a = (a + b) >>> 0;
    const bits = rotations[round % 8];
    b = (((b << bits) | (b >>> (32 - bits))) ^ a) >>> 0;
    if (round % 4 === 3) {
      const block = (round + 1) / 4;
      a = (a + keys[block % 3]) >>> 0;
      b = (b + keys[(block + 1) % 3] + block) >>> 0;
    }
  }
  return [a, b];
}

/** The two random words of element `i` under a seed of up to 53 bits. */
export const randomWords = (i: number, seed: number): [number, number] =>
  threefry2x32([i, 0], [seed >>> 0, Math.floor(seed / 2 ** 32)]);

/** Uniform in [0, 1) with 24 bits. */
export const uniform24 = (word: number): number => (word >>> 8) / 2 ** 24;

export const dropout: Reference<{ p: number; seed: number | (() => number) }> = ([x], { p, seed }) => ({
  shape: x.shape,
  data: x.data.map((value, i) => (uniform24(randomWords(i, Number(seed))[0]) < p ? 0 : value / (1 - p))),
});

export const dropoutAdd: Reference<{ p: number; seed: number | (() => number) }> = ([x, residual], attributes) => ({
  shape: x.shape,
  data: dropout([x], attributes).data.map((value, i) => residual.data[i] + value),
});
