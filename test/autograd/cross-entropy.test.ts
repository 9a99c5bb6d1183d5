import { describe, expect, it } from "vitest";
import { backward, type CrossEntropyOptions, crossEntropy, ops } from "../../src/autograd/index.ts";
import { permuteView, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { references } from "../reference/index.ts";
import { at, generate, type NdArray } from "../reference/nd-array.ts";
import { asHardware, useGpu } from "../support/gpu.ts";
import { estimateGradient } from "../support/ops/derivatives.ts";
import { drawInput, seeded } from "../support/values.ts";

const upload = (x: NdArray): Tensor => tensor(x.data, x.shape);
const integers = (x: NdArray): Tensor => tensor(x.data, x.shape, { dtype: "i32" });

function draw(shape: number[], seed: number, low = -3, high = 3): NdArray {
  return drawInput({ shape, low, high }, seeded(seed));
}

describe.each([
  { title: "the adapter", options: {}, make: undefined },
  { title: "SwiftShader", options: { software: true }, make: undefined },
  { title: "the kernels for GPUs", options: {}, make: asHardware },
])("crossEntropy on $title", ({ options, make }) => {
  const gpu = useGpu(options, make);

  /** A loss and its gradient by the logits, read back. */
  async function run(logits: NdArray, target: () => Tensor, own: () => CrossEntropyOptions) {
    const before = gpu().statistics.liveBuffers;
    const x = upload(logits);
    x.requiresGrad = true;
    const { loss, gradients } = tidy(() => {
      const loss = crossEntropy(x, target(), own());
      return { loss, gradients: backward(loss) };
    });
    const value = await loss.item();
    const gradient = await (gradients.get(x) as Tensor).data();
    for (const held of [x, loss, gradients]) held.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(0);
    return { value, gradient };
  }

  const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, allowed = 4e-6): void => {
    expect(actual.length).toBe(expected.length);
    for (let i = 0; i < expected.length; i++) {
      expect(Math.abs(actual[i] - expected[i]), `[${i}] is ${actual[i]}, expected ${expected[i]}`).toBeLessThan(
        allowed,
      );
    }
  };

  it("weighs classes and smooths labels as PyTorch does, forward and backward", async () => {
    const [logits, weight] = [draw([4, 5, 3], 1), draw([5], 2, 0.2, 2)];
    const labels: NdArray = { shape: [4, 3], data: Float64Array.of(0, 4, -100, 2, 2, 1, 3, -100, 0, 1, 4, 4) };
    for (const labelSmoothing of [0, 0.15]) {
      for (const reduction of ["mean", "sum"] as const) {
        const attributes = { ignoreIndex: -100, labelSmoothing, reduction };
        const scalar = (inputs: readonly NdArray[]): number =>
          references.crossEntropy([inputs[0], labels, weight], attributes).data[0];
        const { value, gradient } = await run(
          logits,
          () => integers(labels),
          () => ({ ...attributes, weight: upload(weight) }),
        );
        close([value], [scalar([logits])], 2e-5);
        close(gradient, estimateGradient(scalar, [logits], 0).values);
      }
    }
  });

  it("takes probabilities for targets, with a gradient for them too", async () => {
    const [logits, weight] = [draw([3, 4, 2], 1), draw([4], 2, 0.2, 2)];
    const target = draw([3, 4, 2], 3, 0, 1);
    const loss = ([x, t]: readonly NdArray[]): number => {
      const logarithms = references.logSoftmax([x], { axis: 1 });
      let total = 0;
      generate(x.shape, (index) => {
        const smoothed = 0.9 * at(t, index) + 0.1 / 4;
        total -= weight.data[index[1]] * smoothed * at(logarithms, index);
        return 0;
      });
      return total / 6;
    };
    const before = gpu().statistics.liveBuffers;
    const [x, t] = [logits, target].map(upload);
    for (const leaf of [x, t]) leaf.requiresGrad = true;
    const { y, gradients } = tidy(() => {
      const y = crossEntropy(x, t, { labelSmoothing: 0.1, weight: upload(weight) });
      return { y, gradients: backward(y) };
    });
    close([await y.item()], [loss([logits, target])]);
    close(await gradients.get(x)!.data(), estimateGradient(loss, [logits, target], 0).values);
    close(await gradients.get(t)!.data(), estimateGradient(loss, [logits, target], 1).values);
    for (const held of [x, t, y, gradients]) held.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });

  it("keeps the targets' shape without a reduction, and reads logits of any strides", async () => {
    const stored = draw([2, 3, 5], 4);
    const logits: NdArray = generate([2, 5, 3], ([n, c, i]) => at(stored, [n, i, c]));
    const labels = { shape: [2, 3], data: Float64Array.of(0, 4, 2, 1, 3, 0) };
    const losses = tidy(() => {
      const view = permuteView(upload(stored), [0, 2, 1]);
      return crossEntropy(view, integers(labels), { reduction: "none" });
    });
    const expected = references.crossEntropy([logits, labels], {
      ignoreIndex: -1,
      labelSmoothing: 0,
      reduction: "none",
    });
    expect(losses.shape).toEqual([2, 3]);
    close(await losses.data(), expected.data);
    losses.dispose();
  });

  it("gives NaN for a label that is no class, reads nothing out of bounds, and ignores what it is told to", async () => {
    const logits = draw([4, 3], 5);
    const labels =
      (...values: number[]) =>
      () =>
        tensor(values, [4], { dtype: "i32" });
    for (const outside of [3, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      const weighted = () => ({ weight: tensor([1, 2, 3]) });
      const { value, gradient } = await run(logits, labels(0, outside, 1, 2), weighted);
      expect(value).toBeNaN();
      expect([...gradient.slice(3, 6)].every(Number.isNaN)).toBe(true);
    }
    const ignored = await run(logits, labels(0, 7, 7, 2), () => ({ ignoreIndex: 7 }));
    expect([...ignored.gradient.slice(3, 9)]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(ignored.value).toBeGreaterThan(0);
    const all = await run(logits, labels(7, 7, 7, 7), () => ({ ignoreIndex: 7, labelSmoothing: 0.1 }));
    expect(all.value).toBeNaN();
    const total = await run(logits, labels(7, 7, 7, 7), () => ({
      ignoreIndex: 7,
      reduction: "sum",
      labelSmoothing: 0.1,
    }));
    expect(total.value).toBe(0);
    expect([...total.gradient].every((value) => value === 0)).toBe(true);
  });

  it("stays exact where logits are large", async () => {
    const logits: NdArray = { shape: [2, 3], data: Float64Array.of(1e4, 1e4 + 1, 1e4 - 1, -3e4, -3e4, -3e4) };
    const { value } = await run(
      logits,
      () => tensor([0, 1], [2], { dtype: "i32" }),
      () => ({ labelSmoothing: 0.3 }),
    );
    const labels = { shape: [2], data: Float64Array.of(0, 1) };
    const attributes = { ignoreIndex: -100, labelSmoothing: 0.3, reduction: "mean" } as const;
    close([value], references.crossEntropy([logits, labels], attributes).data, 1e-6);
  });

  it("takes three dispatches forward and one backward", () => {
    tidy(() => {
      const x = upload(draw([7, 5], 6));
      x.requiresGrad = true;
      const labels = tensor([0, 1, 2, 3, 4, 0, 1], [7], { dtype: "i32" });
      const count = (work: () => void): number => {
        const before = gpu().statistics.dispatches;
        work();
        return gpu().statistics.dispatches - before;
      };
      let loss = x;
      expect(count(() => (loss = crossEntropy(x, labels)))).toBe(3);
      expect(count(() => backward(loss))).toBeLessThanOrEqual(2); // and the one that the backward starts from
    });
  });

  it("names what does not fit", () => {
    tidy(() => {
      const x = upload(draw([4, 3], 7));
      const labels = tensor([0, 1, 2], [3], { dtype: "i32" });
      expect(() => crossEntropy(x, labels)).toThrow(
        "crossEntropy: logits [4, 3] need i32 labels of shape [4], got i32[3]",
      );
      expect(() => crossEntropy(x, tensor([1, 0, 0]))).toThrow(
        "crossEntropy: probabilities [3] do not have the shape of logits [4, 3]",
      );
      const options = { weight: tensor([1, 2]) };
      expect(() => crossEntropy(x, tensor([0, 1, 2, 0], [4], { dtype: "i32" }), options)).toThrow(
        "crossEntropy: expected a weight for each of 3 classes, got [2]",
      );
      expect(() => ops.crossEntropy([x, labels], { ignoreIndex: 0, labelSmoothing: 2, reduction: "sum" })).toThrow(
        "crossEntropy: expected a labelSmoothing from 0 to 1, got 2",
      );
    });
  });
});

describe("crossEntropy of more rows than a grid has workgroups", () => {
  const gpu = useGpu();

  it("reaches every row", async () => {
    const rows = 65_536 * 16 + 1; // 16 rows a workgroup
    const { losses, gradients, x } = tidy(() => {
      const x = tensor(
        Float32Array.from({ length: 2 * rows }, (_, i) => (i % 2 === 0 ? 0 : Math.log(3))),
        [rows, 2],
      );
      x.requiresGrad = true;
      const labels = tensor(
        Int32Array.from({ length: rows }, (_, i) => i % 2),
        [rows],
      );
      const losses = crossEntropy(x, labels, { reduction: "none" });
      const gradient = tensor(new Float32Array(rows).fill(1));
      return { losses, x, gradients: backward(losses, { gradient }) };
    });
    const [values, slopes] = await Promise.all([losses.data(), gradients.get(x)!.data()]);
    let wrong = 0;
    for (let i = 0; i < rows; i++) {
      const right = Math.abs(values[i] - (i % 2 === 0 ? Math.log(4) : Math.log(4 / 3))) < 1e-5;
      if (!right || Math.abs(slopes[2 * i] - (i % 2 === 0 ? -0.75 : 0.25)) > 1e-5) wrong++;
    }
    expect(wrong).toBe(0);
    for (const held of [losses, gradients, x]) held.dispose();
    gpu().trim();
  });
});
