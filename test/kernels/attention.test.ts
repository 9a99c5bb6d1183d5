import { describe, expect, it } from "vitest";
import { backward, causalSelfAttention, scaledDotProductAttention } from "../../src/autograd/index.ts";
import { DryGpu, type Gpu, MemoryLimitError } from "../../src/gpu/index.ts";
import { attentionBackward } from "../../src/kernels/attention/backward.ts";
import { attentionForward } from "../../src/kernels/attention/forward.ts";
import { uniform } from "../../src/kernels/create.ts";
import { fixedSubgroupSize } from "../../src/kernels/variants/needs.ts";
import { empty, type Shape, sliceView, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { useGpu, withLimits } from "../support/gpu.ts";

interface Sizes {
  batch: [number, number];
  groups?: number;
  queries: number;
  keys: number;
  width: number;
  valueWidth?: number;
  reach?: number;
  isMasked?: boolean;
  isBiased?: boolean;
  isDropped?: boolean;
}

const wordsOf = async (tensors: readonly Tensor[]): Promise<Uint32Array[]> => {
  const values = await Promise.all(tensors.map((x) => x.data()));
  return values.map(
    (array) => new Uint32Array(array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength)),
  );
};

/** Bits of the result, the statistics, and all gradients of attention over made-up numbers, the same on every device. */
async function attend(gpu: Gpu, sizes: Sizes): Promise<Uint32Array[]> {
  const { batch, groups = 1, queries, keys, width, valueWidth = width, reach, isMasked, isBiased, isDropped } = sizes;
  gpu.use();
  const make = (shape: Shape, seed: number): Tensor => uniform(shape, { seed, low: -2, high: 2, gpu });
  const results = tidy(() => {
    const [query, key] = [make([...batch, groups, queries, width], 1), make([...batch, 1, keys, width], 2)];
    const [value, g] = [make([...batch, 1, keys, valueWidth], 3), make([...batch, groups, queries, valueWidth], 4)];
    const hidden = Int32Array.from({ length: batch[0] * keys }, (_, i) => Number((i * i) % 7 > 1));
    const inputs = {
      ...{ query, key, value, scale: 0.2, reach },
      mask: isMasked ? tensor(hidden, [batch[0], 1, 1, 1, keys], { gpu }) : undefined,
      dropout: isDropped ? { p: 0.3, seed: 7 } : undefined,
      bias: isBiased ? make([1, batch[1], groups, queries, keys], 5) : undefined,
    };
    const y = empty(gpu, g.shape, "f32");
    const statistics = attentionForward("attention", inputs, y);
    const dQuery = empty(gpu, query.shape, "f32");
    const both = empty(gpu, [...batch, 1, keys, width + valueWidth], "f32");
    const dKeyAndValue = [sliceView(both, -1, 0, width), sliceView(both, -1, width, width + valueWidth)] as const;
    attentionBackward("attention", inputs, { y, g, statistics, dQuery, dKeyAndValue });
    return [y, statistics, dQuery, both];
  });
  const words = await wordsOf(results);
  for (const x of results) x.dispose();
  return words;
}

/** Around tiles of 4, 16 and 32 rows, and of 32 and 64 columns. */
const CASES: readonly Sizes[] = [
  { batch: [1, 2], queries: 37, keys: 37, width: 64, reach: 1 },
  { batch: [2, 1], groups: 3, queries: 17, keys: 33, width: 7, valueWidth: 70, isMasked: true, isBiased: true },
  { batch: [2, 1], groups: 2, queries: 33, keys: 40, width: 8, reach: 8, isDropped: true },
];

describe("attention", () => {
  const gpu = useGpu();

  it.each(CASES)(
    "has the same bits under every candidate: $queries queries, $keys keys, width $width",
    async (sizes) => {
      gpu().variants = { attention: "shared" };
      const shared = await attend(gpu(), sizes);
      gpu().variants = {};
      expect(shared).toEqual(await attend(gpu(), sizes));
    },
  );

  it("gives a row the same bits whatever keys are hidden behind those it sees", async () => {
    const width = 20;
    const whole = uniform([1, 70, 3 * width], { seed: 1, low: -2, high: 2, gpu: gpu() });
    const alone = tidy(() => causalSelfAttention(sliceView(whole, 1, 0, 9), { heads: 1, scale: 0.3 }));
    // As padded beside a longer text: 61 more positions, hidden by a mask, and once seen by what comes after.
    const mask = tensor(
      Int32Array.from({ length: 70 }, (_, i) => Number(i < 9)),
      [1, 70],
    );
    const padded = tidy(() => causalSelfAttention(whole, { heads: 1, scale: 0.3, mask }));
    const longer = tidy(() => causalSelfAttention(whole, { heads: 1, scale: 0.3 }));
    const [expected] = await wordsOf([alone]);
    for (const other of await wordsOf([padded, longer])) expect(other.slice(0, 9 * width)).toEqual(expected);
    for (const x of [whole, mask, alone, padded, longer]) x.dispose();
  });

  it("takes one dispatch forward and three backward, and memory that grows with the length, not with its square", async () => {
    const peaks: number[] = [];
    const attendTo = (length: number): void => {
      const joint = uniform([1, length, 3 * 32], { seed: 1, low: -1, high: 1, gpu: gpu() });
      joint.requiresGrad = true;
      gpu().trim();
      gpu().resetPeak();
      const before = gpu().statistics;
      const y = causalSelfAttention(joint, { heads: 4, scale: 0.3 });
      expect(gpu().statistics.dispatches - before.dispatches).toBe(1);
      const g = uniform(y.shape, { seed: 2, low: -1, high: 1, gpu: gpu() });
      const between = gpu().statistics.dispatches;
      backward(y, { gradient: g }).dispose();
      expect(gpu().statistics.dispatches - between).toBe(3);
      peaks.push(gpu().statistics.peakBytes - before.liveBytes);
      for (const x of [joint, y, g]) x.dispose();
    };
    for (const length of [256, 512, 1024]) attendTo(length);
    await gpu().finish();
    expect(peaks[1] / peaks[0]).toBeLessThan(2.1);
    expect(peaks[2] / peaks[1]).toBeLessThan(2.1);
    // All scores of the four heads alone would take as much again.
    expect(peaks[2]).toBeLessThan(4 * 1024 * 1024);
  });

  it("compiles one kernel for all gradients where subgroups are wide, and elsewhere one for each side", () => {
    const dry = new DryGpu(gpu());
    tidy(() => {
      const joint = uniform([1, 32, 3 * 32], { seed: 1, gpu: dry });
      joint.requiresGrad = true;
      const y = causalSelfAttention(joint, { heads: 4, scale: 0.3 });
      backward(y, { gradient: uniform(y.shape, { seed: 2, gpu: dry }) }).dispose();
    });
    const made = [...dry.kernels].filter(({ kernel }) => /^attention-backward/.test(kernel.name));
    const isWide = made[0].kernel.name === "attention-backward" && (fixedSubgroupSize(gpu()) ?? 1) > 4;
    expect(made).toHaveLength(isWide ? 1 : 2);
    dry.close();
  });

  it("writes all three gradients of separate queries, keys and values in as many dispatches", async () => {
    const [q, k, v] = [1, 2, 3].map((seed) => uniform([2, 3, 20, 8], { seed, low: -1, high: 1, gpu: gpu() }));
    for (const x of [q, k, v]) x.requiresGrad = true;
    const before = gpu().statistics.dispatches;
    const y = tidy(() => scaledDotProductAttention(q, k, v, { causal: true }));
    expect(gpu().statistics.dispatches - before).toBe(1);
    const g = uniform(y.shape, { seed: 4, low: -1, high: 1, gpu: gpu() });
    const between = gpu().statistics.dispatches;
    const gradients = backward(y, { gradient: g });
    expect(gpu().statistics.dispatches - between).toBe(3);
    for (const x of [q, k, v, y, g, gradients]) x.dispose();
  });
});

describe("attention over more than a binding", () => {
  const whole = useGpu();
  const split = useGpu({}, withLimits({ maxStorageBufferBindingSize: 16 * 1024 }));

  it.each([
    { batch: [2, 5], queries: 33, keys: 40, width: 16, reach: 8, isMasked: true }, // cut along batches and heads
    { batch: [1, 1], queries: 33, keys: 200, width: 16, reach: 180, isBiased: true }, // a bias along its rows
  ] as Sizes[])("has the same bits: $queries queries, $keys keys", async (sizes) => {
    expect(await attend(split(), sizes)).toEqual(await attend(whole(), sizes));
  });

  it("is refused by name, before anything runs, where one head's keys exceed it", () => {
    const before = split().statistics.dispatches;
    tidy(() => {
      const make = (rows: number): Tensor => empty(split(), [1, 1, rows, 16], "f32");
      const [query, key] = [make(2), make(400)];
      expect(() => scaledDotProductAttention(query, key, key)).toThrow(MemoryLimitError);
      expect(() => scaledDotProductAttention(query, key, key)).toThrow(/^scaledDotProductAttention: a tensor of shape/);
    });
    expect(split().statistics.dispatches - before).toBe(0);
  });
});
