import { describe, expect, it } from "vitest";
import { full, ones, zeros } from "../../src/kernels/create.ts";
import {
  arange,
  type DType,
  type NestedNumbers,
  type Tensor,
  tensor,
  upload,
  uploadPart,
} from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

/** Shape, type and values, and the tensor gone. */
async function contents(x: Tensor): Promise<[readonly number[], DType, number[]]> {
  const result: [readonly number[], DType, number[]] = [x.shape, x.dtype, [...(await x.data())]];
  x.dispose();
  return result;
}

describe("tensor", () => {
  it("takes numbers, nested arrays and typed arrays, and infers shape and type", async () => {
    expect(await contents(tensor(3))).toEqual([[], "f32", [3]]);
    expect(await contents(tensor(true))).toEqual([[], "bool", [1]]);
    expect(await contents(tensor([]))).toEqual([[0], "f32", []]);
    const nested = [
      [[1], [2]],
      [[3], [4]],
      [[5], [6]],
    ];
    expect(await contents(tensor(nested))).toEqual([[3, 2, 1], "f32", [1, 2, 3, 4, 5, 6]]);
    expect(await contents(tensor([[], []]))).toEqual([[2, 0], "f32", []]);
    expect(await contents(tensor([new Float32Array([1, 2]), [3, 4]]))).toEqual([[2, 2], "f32", [1, 2, 3, 4]]);
    expect(await contents(tensor(new Int32Array([-1, 2]), [2, 1]))).toEqual([[2, 1], "i32", [-1, 2]]);
    expect(await contents(tensor(new Uint32Array([4_000_000_000])))).toEqual([[1], "u32", [4_000_000_000]]);
    expect(await contents(tensor(new Float64Array([0.1])))).toEqual([[1], "f32", [Math.fround(0.1)]]);
    expect(await contents(tensor([1, 2, 3, 4], [2, 2]))).toEqual([[2, 2], "f32", [1, 2, 3, 4]]);
  });

  it("converts to the type asked for", async () => {
    expect(await contents(tensor([1.9, -1.9], undefined, { dtype: "i32" }))).toEqual([[2], "i32", [1, -1]]);
    expect(await contents(tensor([0, 2, -3], undefined, { dtype: "bool" }))).toEqual([[3], "bool", [0, 1, 1]]);
    expect(await contents(tensor([1, 2049, 0.1], undefined, { dtype: "f16" }))).toEqual([
      [3],
      "f16",
      [1, 2048, 0.0999755859375],
    ]);
  });

  it("refuses ragged arrays, wrong counts and impossible shapes", () => {
    const ragged: NestedNumbers[] = [
      [[1, 2], [3]],
      [[1], 2],
      [1, [2]],
      [[[1]], [2]],
      [[1, 2], new Float32Array(3)],
    ];
    for (const values of ragged) expect(() => tensor(values)).toThrow("tensor: nested arrays are ragged");
    expect(() => tensor([1, 2, 3], [2, 2])).toThrow("tensor: 3 values do not fill shape [2, 2]");
    expect(() => tensor([1], [-1])).toThrow("tensor: shape [-1] has a length that is not a non-negative integer");
    expect(() => upload(gpu(), [3], "f32", new Uint8Array(11))).toThrow("upload: 11 bytes given, f32[3] takes 12");
    expect(gpu().statistics.liveBuffers).toBe(0);
  });

  it("takes raw bytes in the device's form", async () => {
    const bytes = new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x3800).buffer);
    expect(await contents(upload(gpu(), [3], "f16", bytes))).toEqual([[3], "f16", [1, -2, 0.5]]);
  });
});

describe("filled tensors", () => {
  it("hold one value in every type, whatever their length", async () => {
    for (const length of [1, 3, 4, 5, 63, 65]) {
      expect(await contents(full([length], -2.5))).toEqual([[length], "f32", Array(length).fill(-2.5)]);
      expect(await contents(full([length], -7, { dtype: "i32" }))).toEqual([[length], "i32", Array(length).fill(-7)]);
      expect(await contents(full([length], 2 ** 31, { dtype: "u32" }))).toEqual([
        [length],
        "u32",
        Array(length).fill(2 ** 31),
      ]);
      expect(await contents(full([length], 5, { dtype: "bool" }))).toEqual([[length], "bool", Array(length).fill(1)]);
      expect(await contents(full([length], -0.1, { dtype: "f16" }))).toEqual([
        [length],
        "f16",
        Array(length).fill(-0.0999755859375),
      ]);
    }
    expect(await contents(zeros([2, 2]))).toEqual([[2, 2], "f32", [0, 0, 0, 0]]);
    expect(await contents(ones([], { dtype: "i32" }))).toEqual([[], "i32", [1]]);
    expect(await contents(zeros([0, 3]))).toEqual([[0, 3], "f32", []]);
    expect(() => zeros([2, -1])).toThrow("zeros: shape [2, -1] has a length that is not a non-negative integer");
  });
});

describe("arange", () => {
  it("counts from start up to, but without, stop", async () => {
    expect(await contents(arange(0, 5))).toEqual([[5], "f32", [0, 1, 2, 3, 4]]);
    expect(await contents(arange(3, -1, -2, { dtype: "i32" }))).toEqual([[2], "i32", [3, 1]]);
    expect(await contents(arange(0, 1, 0.3))).toEqual([[4], "f32", [0, 0.3, 0.6, 0.9].map(Math.fround)]);
    expect(await contents(arange(2, 2))).toEqual([[0], "f32", []]);
    expect(await contents(arange(2, 1))).toEqual([[0], "f32", []]);
  });

  it("does not pile up rounding errors", async () => {
    const [, , values] = await contents(arange(0, 100, 0.1));
    expect(values[999]).toBe(Math.fround(999 * 0.1));
  });

  it("refuses a range that has no end", () => {
    expect(() => arange(0, 1, 0)).toThrow("arange: the range from 0 to 1 by 0 is not finite");
    expect(() => arange(0, Number.POSITIVE_INFINITY)).toThrow("is not finite");
  });
});

describe("print", () => {
  const print = async (x: Tensor): Promise<string> => {
    const text = await x.print();
    x.dispose();
    return text;
  };

  it("shows type, shape and values, nested as the shape is", async () => {
    expect(await print(tensor(1 / 3))).toBe("f32[]\n0.333333");
    expect(
      await print(
        tensor([
          [1, -2.5],
          [1e-7, 123456789],
        ]),
      ),
    ).toBe("f32[2, 2]\n[[1, -2.5],\n [1e-7, 123457000]]");
    expect(await print(tensor([[[1, 2]], [[3, 4]]], undefined, { dtype: "i32" }))).toBe(
      "i32[2, 1, 2]\n[[[1, 2]],\n [[3, 4]]]",
    );
    expect(await print(tensor([1, 0], undefined, { dtype: "bool" }))).toBe("bool[2]\n[true, false]");
    expect(await print(tensor([Number.NaN, Number.NEGATIVE_INFINITY]))).toBe("f32[2]\n[NaN, -Infinity]");
    expect(await print(tensor([]))).toBe("f32[0]\n[]");
    expect(await print(tensor([[], []]))).toBe("f32[2, 0]\n[[],\n []]");
  });

  it("shortens long axes to their ends", async () => {
    expect(await print(arange(0, 6, 1, { dtype: "i32" }))).toBe("i32[6]\n[0, 1, 2, 3, 4, 5]");
    expect(await print(arange(0, 1000, 1, { dtype: "i32" }))).toBe("i32[1000]\n[0, 1, 2, …, 997, 998, 999]");
  });

  it("names a tensor by type and shape", () => {
    const x = tensor([1, 2]);
    expect(String(x)).toBe("Tensor(f32[2])");
    x.dispose();
    expect(String(x)).toBe("Tensor(f32[2], disposed)");
  });
});

it("takes values by parts, and none beyond its end", async () => {
  const x = tensor([1, 2, 3, 4, 5]);
  const bytes = new Uint8Array(Float32Array.of(8, 9).buffer);
  uploadPart(x, 1, bytes);
  uploadPart(x, 3, bytes);
  expect([...(await x.data())]).toEqual([1, 8, 9, 8, 9]);
  expect(() => uploadPart(x, 4, bytes)).toThrow("upload: 8 bytes are not elements 4 to 6 of a row-major f32[5]");
  x.dispose();
});
