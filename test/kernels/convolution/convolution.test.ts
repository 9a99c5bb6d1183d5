import { describe, expect, it } from "vitest";
import { describeAdapter } from "../../../src/gpu/adapter/adapter.ts";
import { Gpu } from "../../../src/gpu/index.ts";
import {
  convolveInputGradientInto,
  convolveInto,
  convolveWeightGradient,
} from "../../../src/kernels/convolution/convolve.ts";
import { empty, type Tensor, tensor, tidy } from "../../../src/tensor/index.ts";
import { convolvedShape, type Geometry } from "../../reference/convolution.ts";
import { sizeOf } from "../../reference/nd-array.ts";
import { asHardware, useGpu } from "../../support/gpu.ts";
import { seeded } from "../../support/values.ts";

interface Convolution extends Geometry {
  x: number[];
  weight: number[];
  y: number[];
  hasBias: boolean;
}

const CHANNELS = [1, 1, 2, 3, 4, 5, 8, 13, 17, 33, 65];
const LENGTHS = [1, 2, 3, 5, 7, 8, 13, 17, 31, 65];

function randomConvolutions(count: number, seed: number): Convolution[] {
  const random = seeded(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  const convolutions: Convolution[] = [];
  while (convolutions.length < count) {
    const kind = pick(["plain", "plain", "plain", "grouped", "depthwise", "point"]);
    const groups = kind === "grouped" ? pick([2, 3, 4]) : kind === "depthwise" ? pick([2, 3, 8, 17]) : 1;
    const perGroup = kind === "depthwise" ? 1 : pick(CHANNELS);
    const outputs = groups * (kind === "depthwise" ? pick([1, 1, 2, 3]) : pick(CHANNELS));
    const each = (list: readonly number[], otherwise: number): [number, number] =>
      kind === "point" ? [otherwise, otherwise] : [pick(list), pick(list)];
    const kernel = each([1, 1, 2, 3, 3, 4, 5, 7], 1);
    const geometry: Geometry = {
      stride: each([1, 1, 1, 2, 3, 4], 1),
      padding: [each([0, 0, 1, 2, 3], 0), each([0, 0, 1, 2, 3], 0)],
      dilation: each([1, 1, 1, 2, 3, 4], 1),
      groups,
    };
    const x = [pick([1, 1, 2, 3]), groups * perGroup, pick(LENGTHS), pick(LENGTHS)];
    const weight = [outputs, perGroup, ...kernel];
    const y = convolvedShape(x, weight, geometry);
    if (y[2] < 1 || y[3] < 1 || sizeOf(y) * perGroup * kernel[0] * kernel[1] > 60_000) continue;
    convolutions.push({ ...geometry, x, weight, y, hasBias: random() < 0.5 });
  }
  return convolutions;
}

const { fround } = Math;

/** Places on an axis of the input that a place on the output meets, tap by tap; null where there is a zero. */
const source = ({ stride, padding, dilation, x }: Convolution, axis: 0 | 1, place: number, tap: number) => {
  const at = place * stride[axis] + tap * dilation[axis] - padding[axis][0];
  return at >= 0 && at < x[2 + axis] ? at : null;
};

/** The places on an axis of the output that meet a place on the input through a tap. */
const target = ({ stride, padding, dilation, y }: Convolution, axis: 0 | 1, place: number, tap: number) => {
  const at = (place + padding[axis][0] - tap * dilation[axis]) / stride[axis];
  return Number.isInteger(at) && at >= 0 && at < y[2 + axis] ? at : null;
};

const at = ([, b, c, d]: readonly number[], i: number, j: number, k: number, l: number): number =>
  ((i * b + j) * c + k) * d + l;

/** Fills an array of four axes. */
function fill(shape: readonly number[], value: (index: [number, number, number, number]) => number): Float32Array {
  const result = new Float32Array(sizeOf(shape));
  let position = 0;
  for (let i = 0; i < shape[0]; i++)
    for (let j = 0; j < shape[1]; j++)
      for (let k = 0; k < shape[2]; k++) for (let l = 0; l < shape[3]; l++) result[position++] = value([i, j, k, l]);
  return result;
}

/** Tap by tap, and channel by channel within a tap; then the bias. */
function forward(test: Convolution, x: Float32Array, weight: Float32Array, bias: Float32Array | null): Float32Array {
  const [outputs, perGroup, kernelHeight, kernelWidth] = test.weight;
  return fill(test.y, ([n, o, p, q]) => {
    const first = Math.floor(o / (outputs / test.groups)) * perGroup;
    let sum = 0;
    for (let i = 0; i < kernelHeight; i++) {
      for (let j = 0; j < kernelWidth; j++) {
        const [row, column] = [source(test, 0, p, i), source(test, 1, q, j)];
        if (row === null || column === null) continue;
        for (let c = 0; c < perGroup; c++) {
          const product = fround(weight[at(test.weight, o, c, i, j)] * x[at(test.x, n, first + c, row, column)]);
          sum = fround(sum + product);
        }
      }
    }
    return bias ? fround(sum + bias[o]) : sum;
  });
}

/** Tap by tap, and output by output within a tap; then the bias. */
function inputGradient(
  test: Convolution,
  g: Float32Array,
  weight: Float32Array,
  bias: Float32Array | null,
): Float32Array {
  const [outputs, perGroup, kernelHeight, kernelWidth] = test.weight;
  const outputsPerGroup = outputs / test.groups;
  return fill(test.x, ([n, channel, row, column]) => {
    const first = Math.floor(channel / perGroup) * outputsPerGroup;
    let sum = 0;
    for (let i = 0; i < kernelHeight; i++) {
      for (let j = 0; j < kernelWidth; j++) {
        const [p, q] = [target(test, 0, row, i), target(test, 1, column, j)];
        if (p === null || q === null) continue;
        for (let o = first; o < first + outputsPerGroup; o++) {
          const product = fround(weight[at(test.weight, o, channel % perGroup, i, j)] * g[at(test.y, n, o, p, q)]);
          sum = fround(sum + product);
        }
      }
    }
    return bias ? fround(sum + bias[channel]) : sum;
  });
}

/**
 * Image by image, row by row and column by column of the output, in parts. At most 256 parts, at least 512 products in
 * each, at most 2^18 partial sums in all: of whole rows, or, when there are fewer rows than parts, of pieces of a row
 * whose length is a multiple of four. Then part by part.
 */
function weightGradient(test: Convolution, x: Float32Array, g: Float32Array): Float32Array {
  const [outputs, perGroup] = test.weight;
  const [images, , height, width] = test.y;
  const rows = images * height;
  const most = Math.min(256, Math.floor(2 ** 18 / sizeOf(test.weight)), Math.floor((rows * width) / 512));
  const rowsInPart = most <= 1 ? rows : Math.max(1, Math.ceil(rows / most));
  const columnsInPart = most <= Math.max(1, rows) ? width : 4 * Math.ceil(width / Math.floor(most / rows) / 4);
  return fill(test.weight, ([o, c, i, j]) => {
    const channel = Math.floor(o / (outputs / test.groups)) * perGroup + c;
    let total = 0;
    for (let firstRow = 0; firstRow < rows; firstRow += rowsInPart) {
      for (let firstColumn = 0; firstColumn < width; firstColumn += columnsInPart) {
        let sum = 0;
        for (let r = firstRow; r < Math.min(rows, firstRow + rowsInPart); r++) {
          const [n, p] = [Math.floor(r / height), r % height];
          for (let q = firstColumn; q < Math.min(width, firstColumn + columnsInPart); q++) {
            const [row, column] = [source(test, 0, p, i), source(test, 1, q, j)];
            if (row === null || column === null) continue;
            sum = fround(sum + fround(g[at(test.y, n, o, p, q)] * x[at(test.x, n, channel, row, column)]));
          }
        }
        total = fround(total + sum);
      }
    }
    return total;
  });
}

/** The three operations on the GPU and in single precision here: one rounding after every product and every sum. */
function both(test: Convolution): { result: Tensor; expected: Float32Array; products: number }[] {
  const random = seeded(sizeOf(test.x) * 7919 + sizeOf(test.weight));
  const values = (shape: readonly number[]) => Float32Array.from({ length: sizeOf(shape) }, () => 2 * random() - 1);
  const [x, weight, g] = [values(test.x), values(test.weight), values(test.y)];
  const bias = test.hasBias ? values([test.weight[0]]) : null;
  const inputBias = test.hasBias ? values([test.x[1]]) : null;
  const inputs = [tensor(x, test.x), tensor(weight, test.weight), tensor(g, test.y)];
  const biases = [bias, inputBias].map((b) => (b ? tensor(b) : undefined));
  const { gpu } = inputs[0];
  const [y, dx, dw] = tidy(() => {
    const results = [empty(gpu, test.y, "f32"), empty(gpu, test.x, "f32")];
    convolveInto("conv2d", inputs[0], inputs[1], biases[0], results[0], test);
    convolveInputGradientInto("conv2d", inputs[2], inputs[1], biases[1], results[1], test);
    return [...results, convolveWeightGradient("conv2d", inputs[0], inputs[2], test.weight, test)];
  });
  for (const input of [...inputs, ...biases]) input?.dispose();
  const [outputs, perGroup, ...kernel] = test.weight;
  return [
    { result: y, expected: forward(test, x, weight, bias), products: perGroup * sizeOf(kernel) },
    { result: dx, expected: inputGradient(test, g, weight, inputBias), products: outputs * sizeOf(kernel) },
    { result: dw, expected: weightGradient(test, x, g), products: sizeOf(test.y) },
  ];
}

/** Elements whose bits differ; a GPU may fuse product and sum, and is held to the error of a sum instead. */
function countDifferent(gpu: Gpu, actual: Float32Array, expected: Float32Array, products: number): number {
  if (actual.length !== expected.length) return Math.max(actual.length, expected.length);
  if (describeAdapter(gpu.device.adapterInfo).isSoftware) {
    const [own, wanted] = [actual, expected].map((x) => new Uint32Array(x.buffer, x.byteOffset, x.length));
    return own.filter((bits, i) => bits !== wanted[i]).length;
  }
  return actual.filter((value, i) => !(Math.abs(value - expected[i]) <= 2 ** -22 * (products + 1))).length;
}

/** Runs convolutions in batches, so that few readbacks are waited for. */
async function expectSameBits(gpu: Gpu, tests: readonly Convolution[]): Promise<void> {
  const before = gpu.statistics.liveBuffers;
  for (let begin = 0; begin < tests.length; begin += 16) {
    const batch = tests.slice(begin, begin + 16).map((test) => ({ test, outcomes: both(test) }));
    await Promise.all(
      batch.map(async ({ test, outcomes }) => {
        const different: number[] = [];
        for (const { result, expected, products } of outcomes) {
          different.push(countDifferent(gpu, (await result.data()) as Float32Array, expected, products));
          result.dispose();
        }
        expect(different, `elements of y, dx and dw that differ in ${JSON.stringify(test)}`).toEqual([0, 0, 0]);
      }),
    );
  }
  expect(gpu.statistics.liveBuffers - before).toBe(0);
}

/** Strided convolutions of few channels, whose input gradient is made several phases of pixels at a time. */
function stridedConvolutions(): Convolution[] {
  const geometries = [
    { stride: [2, 2], padding: 3, kernel: [7, 7], x: [2, 3, 15, 18] },
    { stride: [2, 2], padding: 0, kernel: [2, 3], x: [1, 8, 9, 33] },
    { stride: [2, 2], padding: 2, kernel: [1, 4], x: [2, 5, 7, 6] }, // phases without a tap
    { stride: [3, 2], padding: 1, kernel: [3, 3], x: [1, 4, 13, 12] },
    { stride: [4, 4], padding: 2, kernel: [11, 11], x: [1, 3, 23, 17] }, // four fours of phases
    { stride: [1, 4], padding: 1, kernel: [3, 2], x: [1, 1, 5, 21] },
    { stride: [5, 5], padding: 0, kernel: [3, 3], x: [1, 2, 14, 16] }, // pixels that no tap meets
    { stride: [2, 2], padding: 1, kernel: [3, 3], x: [1, 6, 8, 9], groups: 2 },
  ];
  return geometries.map(({ stride, padding, kernel, x, groups = 1 }, i) => {
    const around = [padding, padding] as const;
    const geometry = { stride, padding: [around, around], dilation: [1, 1], groups } as unknown as Geometry;
    const weight = [8 * groups, x[1] / groups, ...kernel];
    return { ...geometry, x, weight, y: convolvedShape(x, weight, geometry), hasBias: i % 2 === 0 };
  });
}

const plain = (x: number[], weight: number[]): Convolution => {
  const padding = [
    [0, 0],
    [0, 0],
  ] as const;
  const geometry: Geometry = { stride: [1, 1], padding, dilation: [1, 1], groups: x[1] / weight[1] };
  return { ...geometry, x, weight, y: convolvedShape(x, weight, geometry), hasBias: false };
};

/** A device that does without subgroups. */
const onTheirOwn = (device: GPUDevice, info: GPUAdapterInfo): Gpu =>
  new Gpu(device, info, { variants: { convolution: "register" } });

describe.each([
  { title: "the adapter's kernels", make: undefined, count: 75, seed: 31 },
  { title: "the kernels for GPUs", make: asHardware, count: 25, seed: 32 },
  { title: "lanes on their own", make: onTheirOwn, count: 25, seed: 34 },
])("convolution with $title", ({ make, count, seed }) => {
  const gpu = useGpu({}, make);

  it(`gives the bits of a loop in single precision, forward and both gradients, ${3 * count} times`, async () => {
    await expectSameBits(gpu(), randomConvolutions(count, seed));
  });

  it("gives these bits also where phases of an input gradient are made together", async () => {
    await expectSameBits(gpu(), stridedConvolutions());
  });

  it("keeps infinities of the gradient to the pixels whose taps meet them", async () => {
    const geometry = {
      stride: [2, 2],
      padding: [
        [1, 1],
        [1, 1],
      ],
      dilation: [1, 1],
      groups: 1,
    } as const;
    const g = tensor(
      Float32Array.from({ length: 4 * 9 }, (_, i) => (i % 9 === 4 ? Number.POSITIVE_INFINITY : 0)),
      [1, 4, 3, 3],
    );
    const weight = tensor(new Float32Array(4 * 2 * 9).fill(1), [4, 2, 3, 3]);
    const x = empty(gpu(), [1, 2, 5, 5], "f32");
    convolveInputGradientInto("conv2d", g, weight, undefined, x, geometry);
    const values = [...(await x.data())];
    const meets = (i: number) => [1, 2, 3].includes(i % 5) && [1, 2, 3].includes(Math.floor(i / 5) % 5);
    expect(values).toEqual(values.map((_, i) => (meets(i) ? Number.POSITIVE_INFINITY : 0)));
    for (const used of [g, weight, x]) used.dispose();
  });

  it("sums a weight gradient in parts of rows, or of pieces of rows, that the shape alone decides", async () => {
    await expectSameBits(gpu(), [
      plain([3, 2, 40, 31], [3, 2, 2, 3]), // some rows in a part
      plain([1, 1, 3, 2001], [2, 1, 1, 2]), // pieces of a row
      plain([2, 2, 1, 1501], [2, 1, 1, 3]),
    ]);
  });
});

describe("convolution on SwiftShader", () => {
  const gpu = useGpu({ software: true });

  it("gives the same bits, 225 times", async () => {
    await expectSameBits(gpu(), randomConvolutions(75, 33));
  });

  it("gives the same bits where phases of an input gradient are made together", async () => {
    await expectSameBits(gpu(), stridedConvolutions());
  });
});
