import { describe, expect, it } from "vitest";
import { backward, ops } from "../../src/autograd/index.ts";
import { type Gpu, MemoryLimitError } from "../../src/gpu/index.ts";
import { copy } from "../../src/kernels/copy.ts";
import { full } from "../../src/kernels/create.ts";
import * as BINARY from "../../src/kernels/elementwise/binary-functions.ts";
import { binary, binaryWithNumber, unary } from "../../src/kernels/elementwise/elementwise.ts";
import { ternary } from "../../src/kernels/elementwise/ternary.ts";
import * as UNARY from "../../src/kernels/elementwise/unary-functions.ts";
import { embeddingBackward, embeddingForward } from "../../src/kernels/indexing/embedding.ts";
import { matmulInto } from "../../src/kernels/matmul/matmul.ts";
import { attentionSoftmaxForward, softmaxBackward, softmaxForward } from "../../src/kernels/normalization/softmax.ts";
import { clipScale } from "../../src/kernels/optimizer/clip-scale.ts";
import { adamwStep, sgdStep } from "../../src/kernels/optimizer/steps.ts";
import { singleRun } from "../../src/kernels/optimizer/units.ts";
import { expandView, type Tensor, tensor, tidy, transposeView } from "../../src/tensor/index.ts";
import { type Make, useSplit } from "../support/split.ts";

const { expectSameBits, expectClose, split } = useSplit();

describe("tensors over the binding limit", () => {
  it("are computed element by element in windows, with the same bits", async () => {
    await expectSameBits((make) => {
      const [a, b] = [make([200, 201]), make([200, 201], { seed: 2 })];
      return [binary("add", a, b, BINARY.add), unary("gelu", a, UNARY.geluTanh)];
    });
    await expectSameBits((make) => [binary("mul", make([50_001]), make([]), BINARY.mul)]);
    await expectSameBits((make) => [
      binary("sub", transposeView(make([200, 201])), make([200], { seed: 2 }), BINARY.sub),
    ]);
    await expectSameBits((make) => [copy(transposeView(make([200, 201])))]);
    await expectSameBits((make) => [binaryWithNumber("div", make([50_001]), 3, "left", BINARY.div)]);
    await expectSameBits((make) => {
      const condition = binary("less", make([200, 201]), make([200, 201], { seed: 2 }), BINARY.less);
      return [ternary("where", condition, transposeView(make([201, 200])), 0.5, "where", [200, 201], "f32")];
    });
    await expectSameBits((make) => {
      const [g, row] = [make([200, 201]), make([201], { seed: 2 })];
      return [
        ternary("maximum", g, row, g, "maximumShare", [200, 201], "f32"),
        ternary("maximum", g, g, 0, "maximumShare", [200, 201], "f32"),
      ];
    });
    await expectSameBits((_make, gpu) => [full([40_007], 2.5, { gpu })]);
  });

  it("are looked up and summed back by row windows, with the same bits", async () => {
    const ids = Int32Array.from({ length: 300 }, (_, i) => (i * i * 31) % 601);
    await expectSameBits((make, gpu) => [embeddingForward(make([601, 37]), tensor(ids, [300], { gpu }))]);
    await expectSameBits((make, gpu) => [embeddingBackward(make([300, 37]), tensor(ids, [300], { gpu }), 601)]);
  });

  it("are multiplied in parts, with the same bits", async () => {
    const product =
      (aShape: number[], bShape: number[], c: number[]) =>
      (make: Make): Tensor[] => {
        const result = make(c, { seed: 3 });
        const bias = make([c[1]], { seed: 4 });
        const [a, b] = [make(aShape), make(bShape, { seed: 2 })];
        matmulInto("matmul", a, b, result, { bias, accumulate: true, scale: 0.5 });
        return [result];
      };
    await expectClose(product([20, 200], [200, 120], [20, 120]), 1e-6); // b is too large, and split along k
    await expectSameBits(product([700, 40], [40, 10], [700, 10])); // a is too large
    await expectSameBits(product([300, 5], [5, 200], [300, 200])); // only c is too large
    await expectSameBits((make) => {
      const c = make([6, 60, 3]); // a batch is too large
      matmulInto("matmul", make([6, 60, 80]), make([80, 3], { seed: 2 }), c);
      return [c];
    });
    await expectSameBits(product([1, 30_000], [30_000, 1], [1, 1])); // a row and a column are too large: parts are chunks of k
    await expectSameBits((make) => {
      const c = make([30, 600]);
      matmulInto("matmul", make([30, 50]), transposeView(make([600, 50], { seed: 2 })), c);
      return [c];
    });
  });

  it("are stepped by the optimizers in windows, with the same bits", async () => {
    const rates = { rate: () => 0.1, decay: 0.01, step: () => 3 };
    await expectSameBits((make, gpu) => {
      const [parameter, gradient] = [make([30_001]), make([30_001], { seed: 2 })];
      const moments = [make([30_001], { seed: 3 }), make([30_001], { seed: 4, low: 0 })];
      const scale = tensor([0.25, 77, 0], [3], { gpu });
      adamwStep(singleRun(parameter, gradient, moments), scale, [rates], { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 });
      return [parameter, ...moments];
    });
    await expectSameBits((make, gpu) => {
      const [parameter, gradient, velocity] = [1, 2, 3].map((seed) => make([30_001], { seed }));
      sgdStep(singleRun(parameter, gradient, [velocity]), tensor([0.25, 77, 0], [3], { gpu }), [rates], 0.9);
      return [parameter, velocity];
    });
  });

  it("are clipped by the norm of all windows, with the same bits", async () => {
    await expectSameBits((make) => {
      const gradient = make([50_000]);
      const run = singleRun(gradient, gradient, []);
      return [clipScale([run], run.unitCount, { limit: 0.5, skipsNonFinite: false })];
    });
  });

  it("give the loss and gradients of a vocabulary in windows", async () => {
    const labels = Int32Array.from([3, 1499, 700, -100, 256, 255]);
    await expectClose((make, gpu) => {
      const [x, weight] = [make([6, 32]), make([1500, 32], { seed: 2 })];
      for (const leaf of [x, weight]) leaf.requiresGrad = true;
      const losses = ops.linearCrossEntropy([x, weight, tensor(labels, [6], { gpu })], {
        ignoreIndex: -100,
        reduction: "none",
      });
      const grads = backward(losses, { gradient: make([6], { seed: 3 }) });
      return [losses, grads.get(x)!, grads.get(weight)!];
    }, 2e-6);
  });

  it("give the loss and gradients of logits in windows of rows and of classes", async () => {
    const labelsFor = (count: number, classes: number): Int32Array =>
      Int32Array.from({ length: count }, (_, i) => (i % 7 === 3 ? -100 : (i * 31) % classes));
    const losses =
      (shape: number[], labelShape: number[]) =>
      (make: Make, gpu: Gpu): Tensor[] => {
        const x = make(shape);
        x.requiresGrad = true;
        const labels = tensor(
          labelsFor(
            labelShape.reduce((a, b) => a * b, 1),
            shape[1],
          ),
          labelShape,
          { gpu },
        );
        const weight = make([shape[1]], { seed: 3, low: 0.5 });
        const attributes = { ignoreIndex: -100, labelSmoothing: 0.1, reduction: "none" } as const;
        const y = ops.crossEntropy([x, labels, weight], attributes);
        return [y, backward(y, { gradient: make(labelShape, { seed: 2 }) }).get(x)!];
      };
    await expectSameBits(losses([300, 101], [300]));
    await expectSameBits(losses([20, 11, 150], [20, 150]));
    await expectClose(losses([1, 40, 1000], [1, 1000]), 2e-6);
  });

  it("are normalised in windows of rows, with the same bits", async () => {
    await expectSameBits((make) => {
      const [x, g] = [make([4, 50, 201]), make([4, 50, 201], { seed: 2 })];
      const rows = softmaxForward("softmax", x);
      const columns = softmaxForward("logSoftmax", x, { axis: 1, log: true });
      return [rows, columns, softmaxBackward("softmax", g, rows), softmaxBackward("softmax", g, columns, 1)];
    });
    await expectSameBits((make, gpu) => {
      const mask = tensor(
        Int32Array.from({ length: 4 * 201 }, (_, i) => i % 3),
        [4, 1, 201],
        { gpu },
      );
      const bias = make([50, 1], { seed: 3 });
      return [attentionSoftmaxForward("attentionSoftmax", make([4, 50, 201]), { reach: 140, mask, bias })];
    });
  });

  it("are refused by name where a kernel needs them whole", async () => {
    tidy(() => {
      const scores = full([2, 201], 1, { gpu: split() });
      const mask = full([100, 2, 201], 1, { gpu: split(), dtype: "i32" });
      const wide = expandView(scores, [100, 2, 201]);
      expect(() => attentionSoftmaxForward("attentionSoftmax", wide, { mask })).toThrow(MemoryLimitError);
      expect(() => attentionSoftmaxForward("attentionSoftmax", wide, { mask })).toThrow(
        /^attentionSoftmax: a tensor of shape \[100, 2, 201\] does not fit into one binding of 65536 bytes/,
      );
    });
    await split().finish();
  });
});
