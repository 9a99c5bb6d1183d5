import { describe, expect, it } from "vitest";
import {
  backward,
  embedding,
  gather,
  indexSelect,
  ops,
  pad,
  reshape,
  scatter,
  scatterAdd,
  sum,
  takeAlongAxis,
} from "../../src/autograd/index.ts";
import { embeddingBackward } from "../../src/kernels/indexing/embedding.ts";
import { gatherAlong } from "../../src/kernels/indexing/gather.ts";
import { oneHotRows } from "../../src/kernels/indexing/one-hot.ts";
import { scatterAlong } from "../../src/kernels/indexing/scatter.ts";
import { expandView, type Tensor, tensor, tidy, transposeView } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";
import { ReadBatch } from "../support/read-batch.ts";
import { differences, useSplit } from "../support/split.ts";
import { seeded } from "../support/values.ts";

const LENGTHS = [1, 2, 3, 5, 7, 13, 31, 64, 65, 257];

/** A line of values scattered by `Math.fround`, in ascending order; all tensors are [outer, axis, inner]. */
function scatterAddReference(
  y: Float32Array,
  [outer, length, inner]: readonly number[],
  indices: Int32Array,
  source: Float32Array,
  lineLength: number,
): Float32Array {
  for (let i = 0; i < outer; i++) {
    for (let k = 0; k < lineLength; k++) {
      for (let j = 0; j < inner; j++) {
        const at = (i * lineLength + k) * inner + j;
        const place = (i * length + (indices[at] < 0 ? indices[at] + length : indices[at])) * inner + j;
        y[place] = Math.fround(y[place] + source[at]);
      }
    }
  }
  return y;
}

describe("sums of values with equal indices", () => {
  const gpu = useGpu();

  it("agree in every bit with a loop in f32, over 200 random shapes, and repeat in every bit", async () => {
    const random = seeded(31);
    const pick = (list: readonly number[]): number => list[Math.floor(list.length * random())];
    const floats = (length: number) => Float32Array.from({ length }, () => 2 * random() - 1);
    let different = 0;
    for (let round = 0; round < 10; round++) {
      const batch = new ReadBatch(gpu());
      const checks: [expected: Float32Array, values: () => ArrayLike<number>][] = [];
      for (let i = 0; i < 20; i++) {
        const [length, lineLength] = [pick(LENGTHS), pick(LENGTHS)];
        const [outer, inner] = [pick(LENGTHS.slice(0, 5)), pick(LENGTHS.slice(0, 5))];
        const shape = [outer, length, inner];
        const sourceShape = [outer, lineLength, inner];
        const source = floats(outer * lineLength * inner);
        const start = floats(outer * length * inner);
        const indices = Int32Array.from(source, () => Math.floor(2 * length * random()) - length);
        const ids = Int32Array.from({ length: outer * lineLength }, () => Math.floor(length * random()));
        const spread = Int32Array.from(source, (_, at) => ids[Math.floor(at / inner)]);
        const zeros = (n: number) => new Float32Array(n);
        const added = scatterAddReference(start.slice(), shape, indices, source, lineLength);
        const gathered = scatterAddReference(zeros(start.length), shape, indices, source, lineLength);
        const flat = [1, length, inner];
        const embedded = scatterAddReference(zeros(length * inner), flat, spread, source, outer * lineLength);
        tidy(() => {
          const [x, g] = [tensor(start, shape), tensor(source, sourceShape)];
          const along = tensor(indices, sourceShape);
          checks.push([added, batch.add(scatterAdd(x, 1, along, g))]);
          checks.push([gathered, batch.add(ops.gatherGradient([g, along], { axis: 1, shape }))]);
          const rows = tensor(ids, [outer, lineLength]);
          for (let k = 0; k < (i === 0 ? 10 : 1); k++) {
            checks.push([embedded, batch.add(embeddingBackward(g, rows, length))]);
          }
        });
      }
      await batch.read();
      for (const [expected, values] of checks) {
        different += differences(values(), expected);
      }
      batch.dispose();
    }
    expect(different).toBe(0);
  });

  // Above a thousand, equal indices are found by sorting.
  it.each([
    { title: "few rows", length: 5003, rows: 3 },
    { title: "many rows", length: 20_011, rows: 50_257 },
    { title: "one row", length: 3001, rows: 1 },
  ])("are in order in long lines: $title", async ({ length, rows }) => {
    const random = seeded(rows);
    const ids = Int32Array.from({ length }, () => Math.floor(2 * rows * random()) - rows);
    const source = Float32Array.from({ length: length * 3 }, () => 2 * random() - 1);
    const spread = Int32Array.from(source, (_, at) => ids[Math.floor(at / 3)]);
    const expected = scatterAddReference(new Float32Array(rows * 3), [1, rows, 3], spread, source, length);
    for (let k = 0; k < 2; k++) {
      const y = tidy(() => embeddingBackward(tensor(source, [length, 3]), tensor(ids), rows));
      expect(differences(await y.data(), expected)).toBe(0);
      y.dispose();
    }
    const last = tidy(() =>
      scatterAlong("scatter", zerosOf(rows), tensor(ids), tensor(source.slice(0, length)), 0, "replace"),
    );
    const put = new Float32Array(rows);
    ids.forEach((id, k) => {
      put[id < 0 ? id + rows : id] = source[k];
    });
    expect(differences(await last.data(), put)).toBe(0);
    last.dispose();
  });

  it("are in order in several long lines, along either axis, and leave out a padding row", async () => {
    const [lines, lineLength, length] = [3, 2100, 70];
    const random = seeded(9);
    const indices = Int32Array.from({ length: lines * lineLength }, () => Math.floor(length * random()));
    const source = Float32Array.from(indices, () => 2 * random() - 1);
    const expected = scatterAddReference(
      new Float32Array(lines * length),
      [lines, length, 1],
      indices,
      source,
      lineLength,
    );
    const results = tidy(() => {
      const [along, values] = [tensor(indices, [lines, lineLength]), tensor(source, [lines, lineLength])];
      const start = zerosOf(lines, length);
      const across = scatterAdd(transposeView(start), 0, transposeView(along), transposeView(values));
      const padded = embeddingBackward(tensor(source, [lines * lineLength, 1]), along, length, 5);
      return [scatterAdd(start, 1, along, values), transposeView(across), padded];
    });
    expect(await results[0].data()).toEqual(expected);
    expect(await results[1].data()).toEqual(expected);
    const sums = await results[2].data();
    expect(sums[5]).toBe(0);
    expect(sums.filter((value) => value === 0)).toHaveLength(1);
    for (const x of results) x.dispose();
  });

  const zerosOf = (...shape: number[]): Tensor => tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
});

describe("backward", () => {
  const gpu = useGpu();

  it("through repeated indices gives the same bits ten times", async () => {
    const random = seeded(77);
    const floats = (...shape: number[]) =>
      tensor(
        Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1),
        shape,
      );
    const picks = (length: number, ...shape: number[]) =>
      tensor(
        Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.floor(length * random())),
        shape,
      );
    const x = floats(9, 65, 3);
    const cotangents = [floats(9, 300, 3), floats(9, 1500, 3), floats(40, 195), floats(9, 71, 3)];
    const [along, slices, ids] = [picks(65, 9, 300, 3), picks(65, 1500), picks(9, 40)];
    x.requiresGrad = true;
    const batch = new ReadBatch(gpu());
    const runs = Array.from({ length: 10 }, () =>
      tidy(() => {
        const results = [
          gather(x, 1, along),
          indexSelect(x, 1, slices),
          embedding(reshape(x, [9, 195]), ids),
          pad(
            x,
            [
              [0, 0],
              [3, 3],
              [0, 0],
            ],
            { mode: "reflect" },
          ),
        ];
        return results.map((y, i) => batch.add(backward(y, { gradient: cotangents[i] }).get(x)!));
      }),
    );
    await batch.read();
    for (const run of runs) {
      run.forEach((values, i) => {
        expect(differences(values(), runs[0][i]())).toBe(0);
      });
    }
    batch.dispose();
    for (const owned of [x, ...cotangents, along, slices, ids]) owned.dispose();
  });
});

describe("indices", () => {
  const gpu = useGpu();
  const values = async (work: () => Tensor): Promise<number[]> => {
    const before = gpu().statistics.liveBuffers;
    const y = tidy(work);
    const result = [...(await y.data())];
    y.dispose();
    expect(gpu().statistics.liveBuffers).toBe(before);
    return result;
  };

  it("count from the end when negative, and stay inside", async () => {
    const x = () => tensor([10, 11, 12, 13]);
    const ids = (list: number[], dtype: "i32" | "u32" = "i32") => tensor(list, [list.length], { dtype });
    const wild = [-1, -4, -5, -(2 ** 31), 3, 4, 2 ** 31 - 1];
    expect(await values(() => gather(x(), 0, ids(wild)))).toEqual([13, 10, 10, 10, 13, 13, 13]);
    expect(await values(() => gather(x(), 0, ids([0, 3, 4, 2 ** 32 - 1], "u32")))).toEqual([10, 13, 13, 13]);
    const ones = tensor(new Float32Array(7).fill(1));
    expect(await values(() => scatterAdd(x(), 0, ids(wild), ones))).toEqual([13, 11, 12, 17]);
    ones.dispose();
  });

  it("pick in every type, bit for bit", async () => {
    const bits = new Uint32Array([0x7fc00123, 0xff800000, 0x80000000, 1, 0xffffffff]);
    const picked = [4, 0, 2, 1, 3];
    const floats = tidy(() => gather(tensor(new Float32Array(bits.buffer)), 0, tensor(new Int32Array(picked))));
    const read = new Uint32Array(((await floats.data()) as Float32Array).buffer);
    // A host may quiet a signalling NaN, which the fifth is not.
    expect([...read]).toEqual(picked.map((i) => bits[i]));
    floats.dispose();
    for (const dtype of ["i32", "u32", "bool"] as const) {
      const list = dtype === "bool" ? [1, 0, 1, 1, 0] : [5, 7, 2 ** 31 - 1, 0, 3];
      const y = () => gather(tensor(list, [5], { dtype }), 0, tensor(new Int32Array(picked)));
      expect(await values(y)).toEqual(picked.map((i) => list[i]));
    }
    const whole = () =>
      scatterAdd(
        tensor([1, 2], [2], { dtype: "i32" }),
        0,
        tensor(new Int32Array([1, 1, 1])),
        tensor([5, 6, -1], [3], { dtype: "i32" }),
      );
    expect(await values(whole)).toEqual([1, 12]);
  });

  it("select whole slices, and broadcast along the other axes", async () => {
    const x = () => tensor([0, 1, 2, 3, 4, 5], [2, 3]);
    expect(await values(() => indexSelect(x(), 1, tensor(new Int32Array([2, 0, -1, 2]))))).toEqual([
      2, 0, 2, 2, 5, 3, 5, 5,
    ]);
    expect(await values(() => takeAlongAxis(x(), tensor([[1], [0]], undefined, { dtype: "i32" }), 1))).toEqual([1, 3]);
    expect(await values(() => takeAlongAxis(x(), tensor([[0, 1]], undefined, { dtype: "i32" }), 1))).toEqual([
      0, 1, 3, 4,
    ]);
    expect(
      await values(() => takeAlongAxis(tensor([[4, 5, 6]]), tensor([[2], [0]], undefined, { dtype: "i32" }), 1)),
    ).toEqual([6, 4]);
  });

  it("that select slices share their links: the gradient of a selection costs no more than that of a table", async () => {
    const x = tensor(new Float32Array(4 * 50 * 6), [4, 50, 6]);
    x.requiresGrad = true;
    const ids = tensor(Int32Array.from({ length: 2000 }, (_, i) => (i * 7) % 50));
    const total = tidy(() => sum(indexSelect(x, 1, ids)));
    const before = gpu().statistics.liveBytes;
    gpu().resetPeak();
    const gradients = backward(total);
    const counts = (await gradients.get(x)!.data()) as Float32Array;
    expect([...counts]).toEqual(Array.from({ length: 1200 }, () => 40));
    // Links of all 48,000 values would take 384 KB.
    expect(gpu().statistics.peakBytes - before).toBeLessThan(100_000);
    for (const owned of [x, ids, total, gradients]) owned.dispose();
  });

  it("of no elements give nothing, and leave everything", async () => {
    const none = () => tensor(new Int32Array(0));
    expect(await values(() => gather(tensor([1, 2]), 0, none()))).toEqual([]);
    expect(await values(() => scatter(tensor([1, 2]), 0, none(), tensor([])))).toEqual([1, 2]);
    expect(await values(() => embedding(tensor([[1, 2]]), none()))).toEqual([]);
    expect(await values(() => indexSelect(tensor([], [0, 3]), 0, none()))).toEqual([]);
    expect(await values(() => indexSelect(tensor([], [2, 0]), 0, tensor(new Int32Array([1, 1, 0]))))).toEqual([]);
  });

  it("reach beyond 65,535 workgroups", async () => {
    const length = 65_536 * 64 + 3;
    const y = tidy(() => {
      const ids = tensor(Int32Array.from({ length: 1 }, () => 1));
      return gather(tensor([3, 4, 5]), 0, expandView(ids, [length]));
    });
    const result = await y.data();
    y.dispose();
    gpu().trim();
    expect(result.every((value) => value === 4)).toBe(true);
    expect(result).toHaveLength(length);
  });

  it("that do not fit are refused by name", () => {
    tidy(() => {
      const x = tensor([0, 1, 2, 3, 4, 5], [2, 3]);
      const ids = (shape: number[]) => tensor(new Int32Array(shape.reduce((a, b) => a * b, 1)), shape);
      expect(() => gather(x, 0, ids([1]))).toThrow("gather: indices [1] must have the rank of [2, 3]");
      expect(() => gather(x, 0, ids([1, 4]))).toThrow("gather: indices [1, 4] must have the rank of [2, 3]");
      expect(() => gather(x, 2, ids([1, 3]))).toThrow("gather: axis 2 is out of range for rank 2");
      expect(() => gather(x, 0, x)).toThrow("gather: expected i32 or u32 indices, got f32[2, 3]");
      expect(() => gather(tensor([], [0, 3]), 0, ids([1, 3]))).toThrow("gather: axis 0 of [0, 3] has no elements");
      expect(() => scatterAdd(x, 1, ids([2, 2]), x)).toThrow("source [2, 3] must have the shape of indices [2, 2]");
      expect(() => scatter(x, 1, ids([2, 3]), ids([2, 3]))).toThrow("scatter: types f32 and i32 differ");
      expect(() => indexSelect(x, 0, ids([1, 1]))).toThrow("indexSelect: expected indices of rank 1");
      expect(() => takeAlongAxis(x, ids([3, 1]), 1)).toThrow(
        "takeAlongAxis: shapes [2, 1] and [3, 1] do not broadcast",
      );
      expect(() => embedding(x, ids([1]), { paddingIndex: 2 })).toThrow("embedding: paddingIndex 2 is no row");
      expect(() => embedding(tensor([], [0, 3]), ids([1]))).toThrow("embedding: a table [0, 3] has no rows");
    });
  });
});

describe("indexing over the binding limit", () => {
  const { expectSameBits } = useSplit();
  const ids = (shape: number[], length: number, seed = 5): Int32Array => {
    const random = seeded(seed);
    return Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.floor(length * random()));
  };

  it.each([
    { x: [20_000], axis: 0, indices: [300] },
    { x: [300], axis: 0, indices: [20_000] },
    { x: [20_000], axis: 0, indices: [20_000] },
    { x: [7, 3000], axis: 1, indices: [6, 4000] },
    { x: [3000, 7], axis: 0, indices: [4000, 7] },
  ])("gathers, scatters and adds $indices along axis $axis of $x", async ({ x, axis, indices }) => {
    const values = ids(indices, x[axis]);
    await expectSameBits((make, gpu) => {
      const index = tensor(values, indices, { gpu });
      const [target, source] = [make(x), make(indices, { seed: 2 })];
      return [
        gatherAlong("gather", target, index, axis),
        scatterAlong("scatterAdd", target, index, source, axis, "add"),
        scatterAlong("scatter", target, index, source, axis, "replace"),
      ];
    });
  });

  it("makes one-hot rows in windows", async () => {
    await expectSameBits((_make, gpu) => [oneHotRows(tensor(ids([500], 103), [500], { gpu }), 101)]);
  });
});
