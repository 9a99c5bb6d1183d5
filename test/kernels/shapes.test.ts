import { describe, expect, it } from "vitest";
import { copy } from "../../src/kernels/copy.ts";
import { uniform } from "../../src/kernels/create.ts";
import * as BINARY from "../../src/kernels/elementwise/binary-functions.ts";
import { binary, unary } from "../../src/kernels/elementwise/elementwise.ts";
import * as UNARY from "../../src/kernels/elementwise/unary-functions.ts";
import { embeddingBackward } from "../../src/kernels/indexing/embedding.ts";
import { softmaxForward } from "../../src/kernels/normalization/softmax.ts";
import { reduce, sumOfSquares } from "../../src/kernels/reduction/reduce.ts";
import * as REDUCTIONS from "../../src/kernels/reduction/reduction-functions.ts";
import { expandView, reshapeView, type Tensor, tensor, tidy, transposeView } from "../../src/tensor/index.ts";
import { randomWords, uniform24 } from "../reference/random.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const EDGES = [1, 63, 64, 65];

/** Small integers, whose sums are exact in any order. */
const integers = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => ((i * 37) % 19) - 9);

/** Reads results of a tidy block. */
const read = async (work: () => Tensor[]): Promise<number[][]> => {
  const tensors = tidy(work);
  const values = await Promise.all(tensors.map(async (x) => [...(await x.data())]));
  for (const x of tensors) x.dispose();
  return values;
};

describe("lengths at the edges of workgroups and vectors", () => {
  it.each(EDGES)("elementwise over %i and its neighbours of 4", async (n) => {
    for (const length of [n, n + 1, n + 2, n + 3]) {
      const values = integers(length);
      const [sum, doubled] = await read(() => {
        const x = tensor(values);
        return [binary("add", x, x, BINARY.mul), unary("affine", x, UNARY.affine, 2, 1)];
      });
      expect(sum).toEqual([...values].map((v) => v * v));
      expect(doubled).toEqual([...values].map((v) => 2 * v + 1));
    }
  });

  it.each(EDGES.flatMap((rows) => EDGES.map((columns) => [rows, columns])))(
    "reductions of [%i, %i]",
    async (rows, columns) => {
      const values = integers(rows * columns);
      const [byRow, byColumn, all, maxima] = await read(() => {
        const x = tensor(values, [rows, columns]);
        return [
          reduce("sum", x, REDUCTIONS.sum, [1]),
          reduce("sum", x, REDUCTIONS.sum, [0]),
          reduce("sum", x, REDUCTIONS.sum),
          reduce("max", x, REDUCTIONS.max, [0]),
        ];
      });
      const row = (i: number) => [...values.subarray(i * columns, (i + 1) * columns)];
      const column = (k: number) => Array.from({ length: rows }, (_, i) => values[i * columns + k]);
      const total = (list: number[]) => list.reduce((a, b) => a + b, 0);
      expect(byRow).toEqual(Array.from({ length: rows }, (_, i) => total(row(i))));
      expect(byColumn).toEqual(Array.from({ length: columns }, (_, k) => total(column(k))));
      expect(all).toEqual([total([...values])]);
      expect(maxima).toEqual(Array.from({ length: columns }, (_, k) => Math.max(...column(k))));
    },
  );

  it.each([255, 256, 257, 65_536, 65_537, 100_003])("a sum of squares of %i in stages", async (length) => {
    const values = Float32Array.from({ length }, (_, i) => (i % 3) - 1);
    const [result] = await read(() => [sumOfSquares("norm", tensor(values))]);
    expect(result).toEqual([values.reduce((sum, v) => sum + v * v, 0)]);
  });
});

describe("more than 65,535 workgroups", () => {
  it("elementwise", async () => {
    const length = 65_536 * 64 * 4 + 5;
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) values[i] = i % 1_000_003;
    const x = tensor(values);
    const y = unary("affine", x, UNARY.affine, 1, 1);
    x.dispose();
    const result = await y.data();
    y.dispose();
    gpu().trim();
    let different = 0;
    for (let i = 0; i < length; i++) if (result[i] !== values[i] + 1) different++;
    expect(different).toBe(0);
  });

  it("random numbers, copies, reductions and rows", async () => {
    const rows = 65_536 * 64 + 3; // one element an invocation
    const [numbers, copied, sums] = await read(() => {
      const x = uniform([rows], { seed: 5 });
      const twice = transposeView(expandView(x, [2, rows])); // [rows, 2] with stride 0
      return [x, copy(twice), reduce("sum", twice, REDUCTIONS.sum, [1])];
    });
    for (const i of [0, 1, 65_535 * 64 - 1, 65_535 * 64, 65_536 * 64, rows - 1]) {
      expect(numbers[i]).toBe(uniform24(randomWords(i, 5)[0]));
    }
    let different = 0;
    for (let i = 0; i < rows; i++) {
      if (copied[2 * i] !== numbers[i] || copied[2 * i + 1] !== numbers[i] || sums[i] !== 2 * numbers[i]) different++;
    }
    expect(different).toBe(0);

    const manyRows = 65_536 * 16 + 1; // 16 rows a workgroup
    const [probabilities] = await read(() => [
      softmaxForward("softmax", reshapeView(uniform([2 * manyRows], { seed: 6 }), [manyRows, 2])!),
    ]);
    for (let i = 0; i < manyRows; i++) {
      if (!(Math.abs(probabilities[2 * i] + probabilities[2 * i + 1] - 1) < 1e-6)) different++;
    }
    expect(different).toBe(0);
    gpu().trim();
  });
});

describe("embedding backward", () => {
  it("sums rows of repeated ids in ascending order, with the same bits every time", async () => {
    const [positions, columns, rows] = [257, 5, 7];
    const values = Float32Array.from({ length: positions * columns }, (_, i) => Math.sin(i) * 10 ** (i % 7));
    const ids = Int32Array.from({ length: positions }, (_, i) => (i * i) % rows);
    const expected = new Float32Array(rows * columns);
    for (let i = 0; i < positions; i++) {
      for (let c = 0; c < columns; c++) {
        const place = ids[i] * columns + c;
        expected[place] = Math.fround(expected[place] + values[i * columns + c]);
      }
    }
    for (let run = 0; run < 5; run++) {
      const [result] = await read(() => [embeddingBackward(tensor(values, [positions, columns]), tensor(ids), rows)]);
      expect(result).toEqual([...expected]);
    }
  });
});

describe("values that are not finite", () => {
  it("pass through maxima, sums and arithmetic", async () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    const [maxima, sums, products] = await read(() => {
      const x = tensor([
        [1, nan, 2],
        [nan, 1, 2],
        [1, 2, nan],
        [-inf, -5, -inf],
        [1, inf, 2],
      ]);
      return [
        reduce("max", x, REDUCTIONS.max, [1]),
        reduce("sum", x, REDUCTIONS.sum, [1]),
        binary("mul", x, tensor(1), BINARY.mul),
      ];
    });
    expect(maxima).toEqual([nan, nan, nan, -5, inf]);
    expect(sums).toEqual([nan, nan, nan, -inf, inf]);
    expect(products.filter(Number.isNaN)).toHaveLength(3);
  });

  it("give 0 for -Infinity in a softmax, and NaN for NaN", async () => {
    const [y] = await read(() => [
      softmaxForward(
        "softmax",
        tensor([
          [0, Number.NEGATIVE_INFINITY, 0],
          [1, Number.NaN, 2],
        ]),
      ),
    ]);
    expect(y.slice(0, 3)).toEqual([0.5, 0, 0.5]);
    // The rest of the row is NaN too, but where an adapter takes exp(NaN) for infinite.
    expect(y[4]).toBeNaN();
  });
});
