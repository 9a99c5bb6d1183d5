import { describe, expect, it } from "vitest";
import {
  backward,
  binaryCrossEntropyWithLogits,
  cosineSimilarity,
  huberLoss,
  klDivergence,
  l1Loss,
  meanSquaredError,
  smoothL1Loss,
} from "../../src/autograd/index.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];

describe.each([
  { title: "the adapter", options: {} },
  { title: "SwiftShader", options: { software: true } },
])("losses on $title", ({ options }) => {
  const gpu = useGpu(options);

  /** A loss of two leaves and its gradients by both. */
  async function run(a: number[], b: number[], loss: (a: Tensor, b: Tensor) => Tensor, shape = [a.length]) {
    const before = gpu().statistics.liveBuffers;
    const [x, t] = [tensor(a, shape), tensor(b, shape)];
    x.requiresGrad = true;
    t.requiresGrad = true;
    const { y, gradients } = tidy(() => {
      const y = loss(x, t);
      return { y, gradients: backward(y, { gradient: tensor(new Float32Array(y.size).fill(1), y.shape) }) };
    });
    const read = (tensor: Tensor) => tensor.data().then((values) => [...values]);
    const results = await Promise.all([read(y), read(gradients.get(x)!), read(gradients.get(t)!)]);
    const { shape: own } = y;
    for (const held of [x, t, y, gradients]) held.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(0);
    return { value: results[0], dx: results[1], dt: results[2], shape: own };
  }

  const close = (actual: readonly number[], expected: readonly number[], relative = 4e-7): void => {
    expect(actual.length).toBe(expected.length);
    expected.forEach((value, i) => {
      if (Object.is(actual[i], value)) return;
      const what = `[${i}] is ${actual[i]}, expected ${value}`;
      expect(Math.abs(actual[i] - value), what).toBeLessThanOrEqual(relative * Math.abs(value) + 1e-12);
    });
  };

  it("reduce by mean, sum or not at all", async () => {
    const none = await run([1, 2, 3, 5], [1, 0, 0, 1], (x, t) => meanSquaredError(x, t, { reduction: "none" }), [2, 2]);
    expect(none).toMatchObject({ value: [0, 4, 9, 16], dx: [0, 4, 6, 8], shape: [2, 2] });
    const sum = await run([1, 2, 3, 5], [1, 0, 0, 1], (x, t) => meanSquaredError(x, t, { reduction: "sum" }));
    expect(sum).toMatchObject({ value: [29], dt: [-0, -4, -6, -8].map((v) => v + 0), shape: [] });
    const mean = await run([1, 2, 3, 5], [1, 0, 0, 1], (x, t) => meanSquaredError(x, t));
    expect(mean).toMatchObject({ value: [7.25], dx: [0, 1, 1.5, 2] });
    const half = () => tidy(() => meanSquaredError(tensor([1]), tensor([1]), { reduction: "half" as "sum" }));
    expect(half).toThrow("meanSquaredError: expected a reduction of mean, sum, none, got half");
  });

  it("have PyTorch's slopes at their kinks", async () => {
    const absolute = await run([1, -2, 3], [1, 1, 1], (x, t) => l1Loss(x, t, { reduction: "none" }));
    expect(absolute).toMatchObject({ value: [0, 3, 2], dx: [0, -1, 1], dt: [0, 1, -1] });
    const huber = await run([0, 0.5, 2, -2, 3, -4], [0, 0, 0, 0, 0, 0], (x, t) =>
      huberLoss(x, t, { delta: 2, reduction: "sum" }),
    );
    expect(huber).toMatchObject({ value: [0 + 0.125 + 2 + 2 + 4 + 6], dx: [0, 0.5, 2, -2, 2, -2] });
    const smooth = await run([0, 0.5, 2, -4], [0, 0, 0, 0], (x, t) =>
      smoothL1Loss(x, t, { beta: 2, reduction: "sum" }),
    );
    expect(smooth).toMatchObject({ value: [0.0625 + 1 + 3], dx: [0, 0.25, 1, -1] });
    const sharp = await run([0, -3], [0, 0], (x, t) => smoothL1Loss(x, t, { beta: 0, reduction: "sum" }));
    expect(sharp).toMatchObject({ value: [3], dx: [0, -1] });
  });

  it("let NaN and infinity through", async () => {
    const options = { reduction: "none" } as const;
    const [a, b] = [
      [nan, inf, -inf, inf],
      [0, 0, 1, inf],
    ];
    expect((await run(a, b, (x, t) => meanSquaredError(x, t, options))).value).toEqual([nan, inf, inf, nan]);
    const absolute = await run(a, b, (x, t) => l1Loss(x, t, options));
    expect(absolute).toMatchObject({ value: [nan, inf, inf, nan], dx: [nan, 1, -1, nan] });
    const huber = await run(a, b, (x, t) => huberLoss(x, t, options));
    expect(huber).toMatchObject({ value: [nan, inf, inf, nan], dx: [nan, 1, -1, nan] });
    const binary = await run([nan, inf, -inf, 500, -500], [0, 0, 0, 1, 1], (x, t) =>
      binaryCrossEntropyWithLogits(x, t, options),
    );
    expect(binary.value).toEqual([nan, inf, nan, 0, 500]); // -inf · 0 is NaN in PyTorch too
    expect(binary.dx.slice(1)).toEqual([1, 0, -0, -1].map((v) => v + 0));
  });

  it("binaryCrossEntropyWithLogits is stable, weighs elements and positive targets", async () => {
    const x = [-40, -3, -1e-4, 0, 0.5, 20];
    const t = [1, 0, 0.25, 1, 0.5, 0];
    const softplus = (v: number): number => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
    const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
    const plain = await run(x, t, (a, b) => binaryCrossEntropyWithLogits(a, b, { reduction: "none" }));
    close(
      plain.value,
      x.map((v, i) => t[i] * softplus(-v) + (1 - t[i]) * softplus(v)),
    );
    close(
      plain.dx,
      x.map((v, i) => sigmoid(v) - t[i]),
      1e-6,
    );
    close(
      plain.dt,
      x.map((v) => -v + 0),
    );
    const weighted = await run(
      x,
      t,
      (a, b) => {
        const weight = tensor([[1], [3]]);
        return binaryCrossEntropyWithLogits(a, b, { weight, positiveWeight: tensor([2, 0.5, 1]) });
      },
      [2, 3],
    );
    const p = [2, 0.5, 1, 2, 0.5, 1];
    const w = [1, 1, 1, 3, 3, 3];
    const losses = x.map((v, i) => (w[i] * (p[i] * t[i] * softplus(-v) + (1 - t[i]) * softplus(v))) / 6);
    close(weighted.value, [losses.reduce((total, value) => total + value, 0)]);
    close(
      weighted.dx,
      x.map((v, i) => (w[i] * ((1 - t[i]) * sigmoid(v) - p[i] * t[i] * sigmoid(-v))) / 6),
      1e-6,
    );
    close(
      weighted.dt,
      x.map((v, i) => (w[i] * ((p[i] - 1) * softplus(-v) - v)) / 6),
      1e-6,
    );
  });

  it("klDivergence counts a target of 0 as nothing, and takes its logarithm", async () => {
    const [x, t] = [
      [-1, -2, -0.5, -3],
      [0.5, 0, 0.25, 0.25],
    ];
    const losses = t.map((p, i) => (p === 0 ? 0 : p * (Math.log(p) - x[i])));
    const none = await run(x, t, (a, b) => klDivergence(a, b, { reduction: "none" }));
    close(none.value, losses, 1e-6);
    close(
      none.dx,
      t.map((p) => -p + 0),
    );
    const total = losses.reduce((a, b) => a + b, 0);
    close((await run(x, t, (a, b) => klDivergence(a, b), [2, 2])).value, [total / 4], 1e-6);
    close((await run(x, t, (a, b) => klDivergence(a, b, { reduction: "batchmean" }), [2, 2])).value, [total / 2], 1e-6);
    const logarithm = await run([-1, -2], [-0.5, -3], (a, b) =>
      klDivergence(a, b, { logTarget: true, reduction: "sum" }),
    );
    close(logarithm.value, [Math.exp(-0.5) * 0.5 + Math.exp(-3) * -1], 1e-6);
    close(logarithm.dt, [Math.exp(-0.5) * 1.5, 0], 1e-6);
  });

  it("cosineSimilarity measures along any axis, and zero vectors as 0", async () => {
    const a = [3, 4, 0, 0, 1, 2];
    const b = [4, 3, 5, 6, -2, -4];
    const rows = await run(a, b, (x, y) => cosineSimilarity(x, y), [3, 2]);
    close(rows.value, [24 / 25, 0, -1], 1e-6);
    expect(rows.shape).toEqual([3]);
    expect(rows.dx.every(Number.isFinite)).toBe(true);
    const columns = await run(a, b, (x, y) => cosineSimilarity(x, y, { axis: 0 }), [3, 2]);
    close(columns.value, [(12 - 2) / Math.sqrt(10 * 45), (12 - 8) / Math.sqrt(20 * 61)], 1e-6);
    expect(() => tidy(() => cosineSimilarity(tensor([1]), tensor([1])))).toThrow(
      "cosineSimilarity: axis 1 is out of range for [1] and [1]",
    );
  });

  it("take one dispatch for the elements and one for each gradient, and read targets that broadcast in place", () => {
    tidy(() => {
      const x = tensor([1, 2, 3, 4], [2, 2]);
      x.requiresGrad = true;
      const target = tensor([1, 2]);
      const count = (work: () => unknown): number => {
        const before = gpu().statistics.dispatches;
        work();
        return gpu().statistics.dispatches - before;
      };
      let loss = x;
      expect(count(() => (loss = huberLoss(x, target)))).toBe(2);
      expect(count(() => backward(loss))).toBeLessThanOrEqual(3); // the one it starts from, over n, and the slope
    });
  });
});
