import { describe, expect, it } from "vitest";
import {
  type AttentionOptions,
  backward,
  permute,
  reshape,
  scaledDotProductAttention,
  slice,
  softmax,
} from "../../src/autograd/index.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { references } from "../reference/index.ts";
import { at, generate, type NdArray } from "../reference/nd-array.ts";
import { useGpu } from "../support/gpu.ts";
import { drawInput, seeded } from "../support/values.ts";

const draw = (shape: number[], seed: number): NdArray => drawInput({ shape, low: -1, high: 1 }, seeded(seed));
const upload = (x: NdArray): Tensor => tensor(x.data, x.shape);

interface Masks {
  keyMask?: NdArray;
  mask?: NdArray;
  bias?: NdArray;
}

/** Attention of heads [batch, heads, length, width], by its definition. */
function expected(q: NdArray, k: NdArray, v: NdArray, masks: Masks = {}, reach?: number, scale?: number): NdArray {
  const [batch, heads, queries, width] = q.shape;
  const groups = heads / k.shape[1];
  const keys = k.shape[2];
  const query = q;
  const keyT = generate([batch, heads, width, keys], ([b, h, c, t]) => at(k, [b, Math.floor(h / groups), t, c]));
  const value = generate([batch, heads, keys, v.shape[3]], ([b, h, t, c]) => at(v, [b, Math.floor(h / groups), t, c]));
  const scores = references.matmul([query, keyT], { scale: scale ?? 1 / Math.sqrt(width) });
  const mask = generate([batch, heads, queries, keys], ([b, h, i, j]) =>
    Number((!masks.keyMask || at(masks.keyMask, [b, j])) && (!masks.mask || at(masks.mask, [b, h, i, j]))),
  );
  const inputs = masks.bias ? [scores, mask, masks.bias] : [scores, mask];
  return references.matmul([references.attentionSoftmax(inputs, { reach }), value], { scale: 1 });
}

const ones = (shape: number[], seed: number): NdArray =>
  drawInput({ shape, dtype: "i32", low: 0, high: 2 }, seeded(seed));

describe.each([
  { title: "the adapter", options: {} },
  { title: "SwiftShader", options: { software: true } },
])("scaledDotProductAttention on $title", ({ options }) => {
  const gpu = useGpu(options);

  async function expectClose(y: Tensor, reference: NdArray): Promise<void> {
    expect(y.shape).toEqual(reference.shape);
    const values = await y.data();
    reference.data.forEach((value, i) => {
      expect(Math.abs(values[i] - value), `[${i}] is ${values[i]}, expected ${value}`).toBeLessThan(2e-6);
    });
  }

  it("takes masks of keys, masks and biases that broadcast, a scale, and both causal forms", async () => {
    const before = gpu().statistics.liveBuffers;
    const [q, k, v] = [draw([2, 3, 4, 5], 1), draw([2, 3, 6, 5], 2), draw([2, 3, 6, 7], 3)];
    const check = async (masks: Masks, own: AttentionOptions, reach?: number): Promise<void> => {
      const uploaded: Record<string, Tensor> = {};
      for (const [name, x] of Object.entries(masks) as [string, NdArray][]) {
        uploaded[name] = tensor(x.data, x.shape, { dtype: name === "bias" ? "f32" : name === "mask" ? "bool" : "i32" });
      }
      const y = tidy(() => scaledDotProductAttention(upload(q), upload(k), upload(v), { ...uploaded, ...own }));
      await expectClose(y, expected(q, k, v, masks, reach, own.scale));
      for (const x of [y, ...Object.values(uploaded)]) x.dispose();
    };
    await check({}, {});
    await check({}, { scale: 0.3 });
    await check({}, { causal: true }, 1);
    await check({}, { causal: "lower-right" }, 3);
    await check({ keyMask: ones([2, 6], 4) }, { causal: true }, 1);
    await check({ mask: ones([4, 6], 5) }, {});
    await check({ mask: ones([2, 1, 4, 6], 6), keyMask: ones([2, 6], 7) }, {});
    await check({ bias: draw([3, 1, 6], 8), mask: ones([2, 1, 1, 6], 9) }, { causal: "lower-right", scale: 1 }, 3);
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });

  it.each([20, 35])("makes values of %i columns, whatever part of them a workgroup takes", async (columns) => {
    for (const rows of [3, 18]) {
      const [q, k, v] = [draw([1, 2, rows, 6], 1), draw([1, 2, 21, 6], 2), draw([1, 2, 21, columns], 3)];
      const y = tidy(() => scaledDotProductAttention(upload(q), upload(k), upload(v), { causal: "lower-right" }));
      await expectClose(y, expected(q, k, v, {}, 22 - rows));
      y.dispose();
    }
  });

  it("shares keys and values among groups of adjacent heads", async () => {
    const [q, k, v] = [draw([2, 6, 3, 4], 1), draw([2, 2, 5, 4], 2), draw([2, 2, 5, 3], 3)];
    const y = tidy(() => scaledDotProductAttention(upload(q), upload(k), upload(v), { mask: undefined }));
    await expectClose(y, expected(q, k, v));
    y.dispose();
  });

  it("takes any number of batch axes", async () => {
    const [q, k, v] = [draw([4, 5], 1), draw([3, 5], 2), draw([3, 2], 3)];
    const lifted = (x: NdArray): NdArray => ({ shape: [1, 1, ...x.shape], data: x.data });
    const reference = expected(lifted(q), lifted(k), lifted(v));
    const plain = tidy(() => scaledDotProductAttention(upload(q), upload(k), upload(v)));
    await expectClose(plain, { shape: [4, 2], data: reference.data });
    const five = tidy(() => {
      const wide = [q, k, v].map((x) => reshape(upload(x), [1, 1, 1, ...x.shape]));
      return scaledDotProductAttention(wide[0], wide[1], wide[2], {
        causal: true,
        keyMask: tensor([[1, 1, 1]], [1, 3], { dtype: "bool" }),
      });
    });
    await expectClose(five, { shape: [1, 1, 1, 4, 2], data: expected(lifted(q), lifted(k), lifted(v), {}, 1).data });
    plain.dispose();
    five.dispose();
  });

  it("gives 0 and no gradient to a query that sees nothing", async () => {
    const before = gpu().statistics.liveBuffers;
    const inputs = [draw([1, 1, 2, 3], 1), draw([1, 1, 4, 3], 2), draw([1, 1, 4, 2], 3)].map(upload);
    for (const x of inputs) x.requiresGrad = true;
    const hidden = Number.NEGATIVE_INFINITY;
    const bias = tensor([0, hidden, 1, 0, hidden, hidden, hidden, hidden], [2, 4]);
    bias.requiresGrad = true;
    const y = tidy(() => scaledDotProductAttention(inputs[0], inputs[1], inputs[2], { bias }));
    const cotangent = tensor([1, 2, 3, 4], [1, 1, 2, 2]);
    const gradients = backward(y, { gradient: cotangent });
    const [values, dQuery, dBias] = await Promise.all(
      [y, gradients.get(inputs[0])!, gradients.get(bias)!].map((x) => x.data()),
    );
    expect([...values].slice(2)).toEqual([0, 0]);
    expect([...values].slice(0, 2).every((value) => Number.isFinite(value) && value !== 0)).toBe(true);
    expect([...dQuery].slice(3).map(Math.abs)).toEqual([0, 0, 0]);
    expect(Math.abs(dBias[1])).toBe(0);
    expect(dBias.every(Number.isFinite)).toBe(true);
    for (const x of [...inputs, bias, y, cotangent, gradients]) x.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });

  it("names the shapes it cannot use", () => {
    tidy(() => {
      const [q, k, v] = [draw([2, 3, 4, 5], 1), draw([2, 2, 6, 5], 2), draw([2, 2, 6, 7], 3)].map(upload);
      expect(() => scaledDotProductAttention(q, k, v)).toThrow(
        "scaledDotProductAttention: expected heads of keys and values that divide those of queries, got query, key and value [2, 3, 4, 5], [2, 2, 6, 5], [2, 2, 6, 7]",
      );
      expect(() => scaledDotProductAttention(q, v, v)).toThrow("expected queries and keys of one width");
      const bias = tensor([1, 2], [2]);
      expect(() => scaledDotProductAttention(q, q, q, { mask: bias })).toThrow("mask is f32, expected an integer type");
      expect(() => scaledDotProductAttention(q, q, q, { bias })).toThrow(
        "scaledDotProductAttention: bias [2] does not broadcast to the scores [2, 3, 4, 4]",
      );
      expect(() =>
        scaledDotProductAttention(q, slice(q, 2, 0, 2), slice(q, 2, 0, 2), { causal: "lower-right" }),
      ).toThrow("4 queries cannot be the last of 2 keys");
    });
  });

  it("lets NaN and infinity through softmax as PyTorch does", async () => {
    const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
    const rows = tensor([
      [0, -inf, 0],
      [-inf, -inf, -inf],
      [1, inf, 2],
      [1, nan, 2],
    ]);
    const [y, along] = tidy(() => [softmax(rows), permute(softmax(permute(rows, [1, 0]), 0), [1, 0])]);
    for (const result of [y, along]) {
      const values = [...(await result.data())];
      expect(values.slice(0, 3)).toEqual([0.5, 0, 0.5]);
      expect(values.slice(3, 6)).toEqual([nan, nan, nan]);
      expect(values[7]).toBeNaN();
      expect(values[10]).toBeNaN();
    }
    for (const x of [rows, y, along]) x.dispose();
  });
});
