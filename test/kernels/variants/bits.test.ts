import { describe, expect, it } from "vitest";
import type { Gpu } from "../../../src/gpu/index.ts";
import { contiguous, copy, copyInto } from "../../../src/kernels/copy.ts";
import { uniform } from "../../../src/kernels/create.ts";
import * as BINARY from "../../../src/kernels/elementwise/binary-functions.ts";
import { binary, binaryWithNumber, castTo, unary } from "../../../src/kernels/elementwise/elementwise.ts";
import { ternary } from "../../../src/kernels/elementwise/ternary.ts";
import * as UNARY from "../../../src/kernels/elementwise/unary-functions.ts";
import { crossEntropyBackward } from "../../../src/kernels/losses/cross-entropy.ts";
import { rowNormBackwardWeight, rowNormForward } from "../../../src/kernels/normalization/row-norm.ts";
import { softmaxBackward, softmaxForward } from "../../../src/kernels/normalization/softmax.ts";
import { reduce } from "../../../src/kernels/reduction/reduce.ts";
import * as REDUCTIONS from "../../../src/kernels/reduction/reduction-functions.ts";
import {
  permuteView,
  type Shape,
  sliceView,
  type Tensor,
  tensor,
  tidy,
  transposeView,
} from "../../../src/tensor/index.ts";
import { asHardware, asSoftware, useGpu } from "../../support/gpu.ts";

const software = useGpu({}, asSoftware);
const hardware = useGpu({}, asHardware);

/** Makes numbers in [-2, 2) that are the same on every adapter. */
type Make = (shape: Shape, seed?: number) => Tensor;

async function wordsFrom(gpu: Gpu, work: (make: Make) => Tensor[]): Promise<Uint32Array[]> {
  gpu.use();
  const make: Make = (shape, seed = 1) => uniform(shape, { seed, low: -2, high: 2, gpu });
  const tensors = tidy(() => work(make));
  const values = await Promise.all(tensors.map((x) => x.data()));
  for (const x of tensors) x.dispose();
  return values.map((array) => new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4));
}

async function expectAlike(work: (make: Make) => Tensor[]): Promise<void> {
  const expected = await wordsFrom(hardware(), work);
  expect(await wordsFrom(software(), work)).toEqual(expected);
  software().variants = { elementwise: "written-out" };
  try {
    expect(await wordsFrom(software(), work)).toEqual(expected);
  } finally {
    software().variants = {};
  }
}

/** Around the 16 elements that an invocation of a processor takes. */
const LENGTHS = [1, 3, 15, 16, 17, 33, 65];

describe("kernels give the same bits however many elements an invocation takes", () => {
  it.each(LENGTHS)("elementwise over [5, %i] and its views", async (n) => {
    await expectAlike((make) => {
      const [a, b] = [make([5, n]), make([5, n], 2)];
      const scalar = sliceView(make([7], 3), 0, 3, 4); // its place in the buffer is no whole vector
      const odd = sliceView(make([5 * n + 3], 4), 0, 3, 5 * n + 3);
      const flat = make([5 * n], 5);
      const c = binary("less", a, b, BINARY.less);
      return [
        unary("gelu", a, UNARY.geluTanh),
        binaryWithNumber("div", a, 3, "left", BINARY.div),
        binary("add", a, b, BINARY.add),
        binary("mul", a, scalar, BINARY.mul),
        binary("sub", scalar, b, BINARY.sub),
        binary("sub", odd, flat, BINARY.sub),
        binary("sub", a, make([n], 6), BINARY.sub),
        binary("sub", a, make([5, 1], 7), BINARY.sub),
        binary("mul", transposeView(a), make([n, 5], 8), BINARY.mul),
        ternary("where", c, a, scalar, "where", [5, n], "f32"),
        ternary("where", c, a, make([n], 9), "where", [5, n], "f32"),
      ];
    });
  });

  it.each(LENGTHS)("copies of [3, %i, 2, 5] and into slices", async (n) => {
    await expectAlike((make) => {
      const x = make([3, n, 2, 5]);
      const target = make([3, n + 2], 2);
      copyInto(sliceView(target, 1, 1, n + 1), make([3, n], 3));
      return [copy(permuteView(x, [2, 0, 3, 1])), copy(permuteView(x, [0, 2, 1, 3])), target];
    });
  });

  it.each([15, 16, 17, 50])("the gradient of a cross-entropy over %i classes", async (classes) => {
    await expectAlike((make) => {
      const logits = make([6, classes, 2]);
      const labels = tensor([0, 1, 2, 3, -100, 5, 6, 7, 8, 9, 14, 99], [6, 2], { dtype: "i32", gpu: logits.gpu });
      const targets = { labels, ignoreIndex: -100, classes, smoothing: 0.1, weight: make([classes], 2) };
      const state = make([12, 2], 3);
      return [crossEntropyBackward("crossEntropy", logits, targets, state, { g: make([6, 2], 4) })];
    });
  });
});

describe("reductions give the same bits however many results an invocation makes", () => {
  it.each([
    { shape: [3, 8200], axes: [1] }, // chunks that take turns, the last tile not full
    { shape: [2, 643], axes: [1] }, // rows that begin at no whole vector
    { shape: [100, 1000], axes: [1] }, // 16 chunks in turn
    { shape: [70, 12], axes: [0] }, // results side by side
    { shape: [600, 8], axes: [0] }, // the same in several chunks
    { shape: [3, 70, 2, 8], axes: [1] },
    { shape: [70, 13], axes: [0] },
    { shape: [5, 8, 4], axes: [0, 2] },
  ])("over axes $axes of $shape", async ({ shape, axes }) => {
    await expectAlike((make) => {
      const x = make(shape);
      const { sum, max, norm, variance, argmax, countNonzero } = REDUCTIONS;
      const ways = [sum, max, norm, variance, argmax, countNonzero];
      const whole = castTo(x, "i32");
      return [...ways.map((reduction) => reduce("test", x, reduction, axes)), reduce("test", whole, sum, axes)];
    });
  });

  it("keeps NaN in the elements of a partial vector, and nothing from behind it", async () => {
    const values = Float32Array.from({ length: 2 * 8200 }, (_, i) => (i === 8199 || i === 8200 ? Number.NaN : i % 7));
    for (const gpu of [software(), hardware()]) {
      const x = tensor(values, [2, 8200], { gpu });
      const y = reduce("test", sliceView(x, 1, 1, 8199), REDUCTIONS.max, [1]);
      const rows = reduce("test", x, REDUCTIONS.max, [1]);
      expect([...(await y.data()), ...(await rows.data())]).toEqual([6, 6, Number.NaN, Number.NaN]);
      for (const tensorOf of [x, y, rows]) tensorOf.dispose();
    }
  });
});

describe("rows read by vectors and by elements", () => {
  it.each([4, 64, 260])("softmax of [9, %i] is that along the first axis of the transposed", async (n) => {
    const [y, dx, log, yAcross, dxAcross, logAcross] = await wordsFrom(software(), (make) => {
      const [x, g] = [make([9, n]), make([9, n], 2)];
      const [across, gAcross] = [x, g].map((part) => contiguous(transposeView(part)));
      const forward = softmaxForward("softmax", x);
      const columns = softmaxForward("softmax", across, { axis: 0 });
      return [
        forward,
        softmaxBackward("softmax", g, forward),
        softmaxForward("softmax", x, { log: true }),
        contiguous(transposeView(columns)),
        contiguous(transposeView(softmaxBackward("softmax", gAcross, columns, 0))),
        contiguous(transposeView(softmaxForward("softmax", across, { axis: 0, log: true }))),
      ];
    });
    expect(y).toEqual(yAcross);
    expect(dx).toEqual(dxAcross);
    expect(log).toEqual(logAcross);
  });

  it("layer normalisation adds the elements of a row in order", async () => {
    const [rows, columns] = [5, 260];
    const x = Float32Array.from({ length: rows * columns }, (_, i) => Math.fround(Math.sin(i) * 10 ** (i % 5)));
    const y = tidy(
      () => rowNormForward("layerNorm", tensor(x, [rows, columns], { gpu: software() }), { centered: true }, 1e-5)[1],
    );
    const statistics = await y.data();
    for (let row = 0; row < rows; row++) {
      let total = 0;
      for (const value of x.subarray(row * columns, (row + 1) * columns)) total = Math.fround(total + value);
      expect(statistics[2 * row]).toBe(Math.fround(total / columns));
    }
    y.dispose();
  });

  it.each([1, 64, 65, 130, 700])(
    "gradients of weight and bias of %i rows, added up at once or chunk by chunk",
    async (rows) => {
      await expectAlike((make) =>
        [7, 8].flatMap((columns) => {
          const [g, x, statistics] = [make([rows, columns]), make([rows, columns], 2), make([rows, 2], 3)];
          return rowNormBackwardWeight("layerNorm", g, x, statistics).map(contiguous);
        }),
      );
    },
  );

  it("gradients of weight and bias of 4 columns at a time are those of one at a time", async () => {
    const [wide, narrow] = await wordsFrom(software(), (make) => {
      const [g, x, statistics] = [make([130, 8]), make([130, 8], 2), make([130, 2], 3)];
      const seven = [g, x].map((part) => contiguous(sliceView(part, 1, 0, 7)));
      const all = rowNormBackwardWeight("layerNorm", g, x, statistics);
      const some = rowNormBackwardWeight("layerNorm", seven[0], seven[1], statistics);
      return [contiguous(sliceView(all[0], 0, 0, 7)), contiguous(some[0])];
    });
    expect(wide).toEqual(narrow);
  });
});
