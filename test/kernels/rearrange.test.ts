import { describe, expect, it } from "vitest";
import {
  concat,
  flip,
  ops,
  pad,
  roll,
  slice,
  split,
  squeeze,
  stack,
  tile,
  tril,
  triu,
  unsqueeze,
} from "../../src/autograd/index.ts";
import { type DType, expandView, type Tensor, tensor, tidy, transposeView } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";
import { useSplit } from "../support/split.ts";

const gpu = useGpu();

/** Values of a result, once it is certain that nothing else is left. */
async function values(work: () => Tensor): Promise<number[]> {
  const before = gpu().statistics.liveBuffers;
  const y = tidy(work);
  const result = [...(await y.data())];
  y.dispose();
  expect(gpu().statistics.liveBuffers).toBe(before);
  return result;
}

const MATRIX = [0, 1, 2, 3, 4, 5];
const matrix = (dtype: DType = "f32"): Tensor => tensor(MATRIX, [2, 3], { dtype });

describe("slices", () => {
  it("with a step are views, of views too", async () => {
    const x = tensor(Float32Array.from({ length: 20 }, (_, i) => i));
    const y = slice(x, 0, 1, 20, 3);
    const z = slice(y, 0, 1, -1, 2);
    expect([y.storage, z.storage]).toEqual([x.storage, x.storage]);
    expect([...(await y.data())]).toEqual([1, 4, 7, 10, 13, 16, 19]);
    expect([...(await z.data())]).toEqual([4, 10, 16]);
    for (const tensor of [x, y, z]) tensor.dispose();
  });

  it("may begin and end at the end, and hold nothing", async () => {
    expect(await values(() => slice(matrix(), 1, -2, -1))).toEqual([1, 4]);
    expect(await values(() => slice(matrix(), 1, 3, 3, 2))).toEqual([]);
    expect(await values(() => slice(tensor([], [0, 2]), 0, 0, 0))).toEqual([]);
  });

  it("that do not fit are refused by name", () => {
    tidy(() => {
      expect(() => slice(matrix(), 1, 0, 4)).toThrow("slice: 0 to 4 lies outside axis 1 of [2, 3]");
      expect(() => slice(matrix(), 1, 2, 1)).toThrow("slice: 2 to 1 lies outside axis 1 of [2, 3]");
      expect(() => slice(matrix(), 0, 0, 2, -1)).toThrow("slice: step -1 is not a positive integer; use flip");
      expect(() => split(matrix(), [1, 1], 1)).toThrow("split: lengths [1, 1] do not make up axis 1 of [2, 3]");
      expect(() => split(matrix(), 0)).toThrow("split: expected a positive length");
    });
  });

  it("make up a split, whose last part may be shorter", async () => {
    const x = matrix();
    const parts = split(x, 2, -1);
    expect(parts.map((part) => part.shape)).toEqual([
      [2, 2],
      [2, 1],
    ]);
    expect(parts.every((part) => part.storage === x.storage)).toBe(true);
    expect(await Promise.all(parts.map(async (part) => [...(await part.data())]))).toEqual([
      [0, 1, 3, 4],
      [2, 5],
    ]);
    const lengths = split(x, [0, 2, 1], 1);
    expect(lengths.map((part) => part.shape[1])).toEqual([0, 2, 1]);
    for (const tensor of [x, ...parts, ...lengths]) tensor.dispose();
  });
});

describe("axes of length 1", () => {
  it("come and go as views", () => {
    tidy(() => {
      const x = transposeView(tensor(MATRIX, [2, 1, 3, 1]), 0, 2);
      expect(squeeze(x).shape).toEqual([3, 2]);
      expect(squeeze(x, 1).shape).toEqual([3, 2, 1]);
      expect(squeeze(x, [0, -1]).shape).toEqual([3, 1, 2]);
      expect(unsqueeze(x, -1).shape).toEqual([3, 1, 2, 1, 1]);
      expect(unsqueeze(x, 0).storage).toBe(x.storage);
      expect(unsqueeze(tensor(1), 0).shape).toEqual([1]);
      expect(() => squeeze(x, 4)).toThrow("squeeze: axis 4 is out of range");
      expect(() => unsqueeze(x, 5)).toThrow("unsqueeze: axis 5 is out of range");
    });
  });
});

describe("elements in another order", () => {
  const orders: [string, (x: Tensor) => Tensor, number[]][] = [
    ["flip", (x) => flip(x), [5, 4, 3, 2, 1, 0]],
    ["flip of an axis", (x) => flip(x, -1), [2, 1, 0, 5, 4, 3]],
    ["roll", (x) => roll(x, 2), [4, 5, 0, 1, 2, 3]],
    ["roll along axes", (x) => roll(x, [1, -4], [0, 1]), [4, 5, 3, 1, 2, 0]],
    ["tile", (x) => tile(x, 2), [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]],
    ["tile with an axis in front", (x) => tile(x, [2, 1, 1]), [...MATRIX, ...MATRIX]],
    ["tril", (x) => tril(x), [0, 0, 0, 3, 4, 0]],
    ["triu", (x) => triu(x, 1), [0, 1, 2, 0, 0, 5]],
    ["tril of everything", (x) => tril(x, 1000), MATRIX],
    ["triu of nothing", (x) => triu(x, 2 ** 40), [0, 0, 0, 0, 0, 0]],
    [
      "pad",
      (x) =>
        pad(
          x,
          [
            [0, 1],
            [1, -1],
          ],
          { value: x.dtype === "bool" ? 1 : 7 },
        ),
      [7, 0, 1, 7, 3, 4, 7, 7, 7],
    ],
    [
      "reflect",
      (x) =>
        pad(
          x,
          [
            [0, 0],
            [2, 1],
          ],
          { mode: "reflect" },
        ),
      [2, 1, 0, 1, 2, 1, 5, 4, 3, 4, 5, 4],
    ],
    [
      "edge",
      (x) =>
        pad(
          x,
          [
            [1, 0],
            [0, 2],
          ],
          { mode: "edge" },
        ),
      [0, 1, 2, 2, 2, 0, 1, 2, 2, 2, 3, 4, 5, 5, 5],
    ],
    ["concat", (x) => concat([x, x], 1), [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5]],
    ["stack", (x) => stack([x, x], -1), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]],
  ];

  it.each(orders)("%s: exact in every type, of any view", async (_name, order, expected) => {
    const types: DType[] = gpu().features.has("shader-f16") ? ["f32", "i32", "u32", "f16"] : ["f32", "i32", "u32"];
    for (const dtype of types) {
      expect(await values(() => order(matrix(dtype)))).toEqual(expected);
      const transposed = () => transposeView(tensor([0, 3, 1, 4, 2, 5], [3, 2], { dtype }));
      expect(await values(() => order(transposed()))).toEqual(expected);
    }
    const truth = await values(() =>
      order(
        tensor(
          MATRIX.map((v) => v % 2),
          [2, 3],
          { dtype: "bool" },
        ),
      ),
    );
    expect(truth).toEqual(expected.map((v) => (v === 7 ? 1 : v % 2)));
    const same = await values(() => order(expandView(tensor([[3]]), [2, 3])));
    expect(same).toHaveLength(expected.length);
  });

  it("keeps every bit of a float, and fills with any", async () => {
    const bits = new Uint32Array([0x7fc00123, 0xff800000, 0x80000000, 1, 0xffffffff, 0x7f7fffff]);
    const x = tensor(new Float32Array(bits.buffer));
    const y = tidy(() => pad(flip(x), [[1, 0]], { value: Number.NEGATIVE_INFINITY }));
    const read = new Uint32Array(((await y.data()) as Float32Array).buffer);
    expect([...read]).toEqual([0xff800000, ...[...bits].reverse()]);
    const z = tidy(() => tril(tensor([Number.NaN, Number.NaN], [1, 2])));
    expect([...(await z.data())]).toEqual([Number.NaN, 0]);
    for (const owned of [x, y, z]) owned.dispose();
    expect(await values(() => pad(tensor([Number.NaN]), [[1, 1]], { value: Number.NaN }))).toEqual(
      Array(3).fill(Number.NaN),
    );
  });

  it("of nothing is nothing", async () => {
    const empty = () => tensor([], [0, 3]);
    for (const order of [
      () => flip(empty()),
      () => roll(empty(), 1, 0),
      () => tile(empty(), [2, 2]),
      () => tile(matrix(), [0, 1]),
      () => tril(empty()),
      () => concat([empty(), empty()]),
      () => stack([empty()], 1),
      () =>
        pad(matrix(), [
          [-2, 0],
          [0, 0],
        ]),
      () =>
        pad(
          empty(),
          [
            [0, 0],
            [1, 1],
          ],
          { mode: "reflect" },
        ),
    ]) {
      expect(await values(order)).toEqual([]);
    }
    expect(await values(() => concat([empty(), matrix()]))).toEqual(MATRIX);
  });

  it("takes one dispatch, a concat one for each part", () => {
    const dispatches = (work: () => unknown): number => {
      const before = gpu().statistics.dispatches;
      tidy(() => void work());
      return gpu().statistics.dispatches - before;
    };
    const x = tensor(new Float32Array(24), [2, 3, 4]);
    const view = transposeView(x);
    for (const source of [x, view]) {
      expect(dispatches(() => flip(source))).toBe(1);
      expect(dispatches(() => roll(source, [1, 2], [0, 2]))).toBe(1);
      expect(dispatches(() => tile(source, [2, 3]))).toBe(1);
      expect(dispatches(() => tril(source))).toBe(1);
      expect(
        dispatches(() =>
          pad(
            source,
            [
              [1, 1],
              [1, 0],
              [2, 1],
            ],
            { mode: "reflect" },
          ),
        ),
      ).toBe(1);
      expect(dispatches(() => concat([source, source, source], 1))).toBe(3);
    }
    x.dispose();
    view.dispose();
  });

  it("walks eight axes, and refuses more by name", async () => {
    const shape = [2, 2, 2, 2, 2, 2, 2, 2];
    const numbers = Array.from({ length: 256 }, (_, i) => i);
    expect(await values(() => flip(tensor(numbers, shape)))).toEqual(numbers.toReversed());
    tidy(() => {
      const x = tensor(new Float32Array(512), [2, ...shape]);
      expect(() => flip(x)).toThrow("flip: a view with 9 separate axes exceeds the 8 a kernel can walk");
      expect(flip(x, [0, 8]).shape).toEqual(x.shape);
    });
  });

  it("reaches beyond 65,535 workgroups", async () => {
    const [length, times] = [1025, 4093];
    const y = tidy(() => tile(tensor(Float32Array.from({ length }, (_, i) => i)), times));
    const result = await y.data();
    y.dispose();
    gpu().trim();
    expect(result.length).toBeGreaterThan(65_535 * 64);
    let different = 0;
    for (let i = 0; i < result.length; i++) if (result[i] !== i % length) different++;
    expect(different).toBe(0);
  });

  it("that does not fit is refused by name", () => {
    tidy(() => {
      const x = matrix();
      expect(() => flip(x, [0, -2])).toThrow("flip: axes [0, -2] name one axis twice");
      expect(() => roll(x, [1, 2], [0])).toThrow("roll: 2 shifts do not fit 1 axes");
      expect(() => tile(x, [2, -1])).toThrow("tile: repeats [2, -1] are not non-negative integers");
      expect(() => tril(tensor([1]))).toThrow("tril: expected at least two axes, got [1]");
      expect(() => concat([])).toThrow("concat: expected at least one tensor");
      expect(() => concat([x, matrix("i32")])).toThrow("concat: types f32 and i32 differ; cast one");
      expect(() => concat([x, tensor([[1, 2]])])).toThrow("concat: [1, 2] does not continue [2, 3] along axis 0");
      expect(() => stack([x, tensor([1])])).toThrow("stack: shapes [2, 3] and [1] differ");
      expect(() => pad(x, [[1, 1]])).toThrow("pad: expected a pair of widths for each axis of [2, 3], got [[1, 1]]");
      expect(() =>
        pad(
          x,
          [
            [0, 0],
            [3, 0],
          ],
          { mode: "reflect" },
        ),
      ).toThrow("pad: reflect widths [3, 0] exceed 2");
      expect(() =>
        pad(x, [
          [0, 0],
          [-2, -2],
        ]),
      ).toThrow("pad: widths [-2, -2] do not fit axis 1 of [2, 3]");
      expect(() => pad(tensor([], [0]), [[1, 0]], { mode: "edge" })).toThrow("pad: edge widths [1, 0] exceed 0");
    });
  });
});

describe("over the binding limit", () => {
  const { expectSameBits } = useSplit();

  it("elements are moved in parts, with the same bits", async () => {
    await expectSameBits((make) => [flip(make([200, 201])), flip(transposeView(make([200, 201])), 0)]);
    await expectSameBits((make) => [roll(make([30_001]), 7), roll(make([3, 20_000]), [1, 9999], [0, 1])]);
    await expectSameBits((make) => [tile(make([10, 30]), [11, 13]), tile(make([30_000]), 2)]);
    await expectSameBits((make) => [tril(make([200, 201]), 3), triu(transposeView(make([3, 100, 201])), -2)]);
    await expectSameBits((make) => [concat([make([100, 201]), make([100, 101], { seed: 2 })], 1)]);
    await expectSameBits((make) =>
      [
        slice(make([200, 201]), 1, 3, 200, 2),
        ops.padAxis([make([100, 201])], { axis: 0, begin: 1, shape: [300, 201], step: 2 }),
      ].map((x) =>
        pad(x, [
          [0, 0],
          [1, 0],
        ]),
      ),
    );
  });

  it("pads and their gradients are computed in parts, with the same bits", async () => {
    for (const mode of ["reflect", "symmetric", "edge", "wrap"] as const) {
      const widths = [
        [30, 20],
        [3, 40],
      ] as const;
      const shape = [200, 101];
      await expectSameBits((make) => [
        pad(make(shape), widths, { mode }),
        ops.padGradient([make([250, 144])], { shape, widths, mode }),
      ]);
    }
  });
});
