import { describe, expect, it } from "vitest";
import { MemoryLimitError } from "../../../src/gpu/index.ts";
import {
  convolveInputGradientInto,
  convolveInto,
  convolveWeightGradient,
} from "../../../src/kernels/convolution/convolve.ts";
import type { ConvolutionGeometry } from "../../../src/kernels/convolution/geometry.ts";
import { full } from "../../../src/kernels/create.ts";
import { empty, type Tensor, tensor, tidy } from "../../../src/tensor/index.ts";
import { useGpu } from "../../support/gpu.ts";
import { type Make, useSplit } from "../../support/split.ts";

const NONE = [
  [0, 0],
  [0, 0],
] as const;

const geometry = (groups = 1, padding: ConvolutionGeometry["padding"] = NONE): ConvolutionGeometry => ({
  ...{ stride: [1, 1], padding, dilation: [1, 1], groups },
});

describe("convolutions over the binding limit", () => {
  const { split, expectSameBits, expectClose } = useSplit();

  /** The three operations on one size of images, of which the last two axes of the weight fit. */
  const forward = (make: Make, x: number[], weight: number[], y: number[], own: ConvolutionGeometry): Tensor => {
    const result = make(y, { seed: 3 });
    convolveInto("conv2d", make(x), make(weight, { seed: 2 }), make([weight[0]], { seed: 4 }), result, own);
    return result;
  };
  const inputGradient = (make: Make, x: number[], weight: number[], y: number[], own: ConvolutionGeometry): Tensor => {
    const result = make(x, { seed: 3 });
    convolveInputGradientInto("conv2d", make(y), make(weight, { seed: 2 }), make([x[1]], { seed: 4 }), result, own);
    return result;
  };

  it("are taken by images, with the same bits", async () => {
    const [x, weight, y] = [
      [6, 3, 40, 40],
      [4, 3, 3, 3],
      [6, 4, 38, 38],
    ];
    await expectSameBits((make) => [forward(make, x, weight, y, geometry())]);
    await expectSameBits((make) => [inputGradient(make, x, weight, y, geometry())]);
    await expectClose((make) => {
      return [convolveWeightGradient("conv2d", make(x), make(y, { seed: 2 }), weight, geometry())];
    }, 1e-6);
  });

  it("are taken by groups, with the same bits", async () => {
    const [x, weight, y] = [
      [1, 9, 61, 61],
      [6, 3, 2, 2],
      [1, 6, 60, 60],
    ];
    await expectSameBits((make) => [forward(make, x, weight, y, geometry(3))]);
    await expectSameBits((make) => [inputGradient(make, x, weight, y, geometry(3))]);
    await expectSameBits((make) => [convolveWeightGradient("conv2d", make(x), make(y), weight, geometry(3))]);
  });

  it("are taken by channels, with the same bits", async () => {
    const wide = [
      [1, 2, 50, 50],
      [17, 2, 2, 3],
      [1, 17, 49, 48],
    ];
    await expectSameBits((make) => [forward(make, wide[0], wide[1], wide[2], geometry())]);
    await expectSameBits((make) => {
      return [convolveWeightGradient("conv2d", make(wide[0]), make(wide[2]), wide[1], geometry())];
    });
    const deep = [
      [1, 17, 50, 50],
      [2, 17, 2, 3],
      [1, 2, 49, 48],
    ];
    await expectSameBits((make) => [inputGradient(make, deep[0], deep[1], deep[2], geometry())]);
    await expectSameBits((make) => {
      return [convolveWeightGradient("conv2d", make(deep[0]), make(deep[2]), deep[1], geometry())];
    });
    const heavy = [
      [1, 40, 4, 4],
      [60, 40, 3, 3],
      [1, 60, 2, 2],
    ]; // only the weight is too large
    await expectSameBits((make) => [forward(make, heavy[0], heavy[1], heavy[2], geometry())]);
    await expectSameBits((make) => [inputGradient(make, heavy[0], heavy[1], heavy[2], geometry())]);
    await expectSameBits((make) => {
      return [convolveWeightGradient("conv2d", make(heavy[0]), make(heavy[2]), heavy[1], geometry())];
    });
  });

  it("are refused by name when one channel of one image is too large", async () => {
    tidy(() => {
      const x = full([1, 1, 150, 150], 1, { gpu: split() });
      const weight = full([1, 1, 3, 3], 1, { gpu: split() });
      const y = empty(split(), [1, 1, 148, 148], "f32");
      for (const run of [
        () => convolveInto("conv2d", x, weight, undefined, y, geometry()),
        () => convolveInputGradientInto("conv2d", y, weight, undefined, x, geometry()),
        () => convolveWeightGradient("conv2d", x, y, [1, 1, 3, 3], geometry()),
      ]) {
        expect(run).toThrow(MemoryLimitError);
        expect(run).toThrow(/^conv2d: a tensor of shape \[1, 1, 1\d\d, 1\d\d\] does not fit into one binding/);
      }
    });
    await split().finish();
  });
});

describe("convolutions in more workgroups than one dimension of a grid has", () => {
  const gpu = useGpu();

  it.each([1, 2])("with %i channels a group", async (perGroup) => {
    const groups = 66_000;
    const before = gpu().statistics.liveBuffers;
    const value = (i: number): number => (i % 13) - 6;
    const x = tensor(
      Float32Array.from({ length: groups * perGroup * 2 }, (_, i) => value(i)),
      [1, groups * perGroup, 1, 2],
    );
    const weight = tensor(
      Float32Array.from({ length: groups * perGroup * 2 }, (_, i) => value(3 * i)),
      [groups, perGroup, 1, 2],
    );
    const y = empty(gpu(), [1, groups, 1, 1], "f32");
    convolveInto("conv2d", x, weight, undefined, y, geometry(groups));
    const actual = await y.data();
    const wrong = actual.filter((sum, group) => {
      let expected = 0;
      for (let i = group * perGroup * 2; i < (group + 1) * perGroup * 2; i++) expected += value(i) * value(3 * i);
      return sum !== expected;
    });
    expect(wrong.length).toBe(0);
    for (const tensor of [x, weight, y]) tensor.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });
});
