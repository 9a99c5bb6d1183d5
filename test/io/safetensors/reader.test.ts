import { describe, expect, test } from "vitest";
import { blobSource, bytesSource } from "../../../src/io/byte-source.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/reader.ts";
import { openFile } from "../../support/files.ts";
import { counting, FIXTURES, fixture, makeFile, openBytes, refusal } from "./support.ts";

describe("every kind of source gives the same", () => {
  test("memory, Blob and disk, with data that starts at an odd byte", async () => {
    const bytes = await fixture("raw/unaligned.safetensors");
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const sources = [
      bytesSource("memory", bytes),
      bytesSource("shifted", shifted.subarray(1)),
      blobSource("blob", new Blob([new Uint8Array(bytes)])),
      await openFile(`${FIXTURES}/raw/unaligned.safetensors`),
    ];
    for (const source of sources) {
      const file = await SafetensorsFile.open(source);
      expect([...(await file.readFloat32("z"))]).toEqual([1.25, -2.5]);
      expect([...(await file.readArray("m"))]).toEqual([8589934593n]);
      await file.close();
    }
  });

  test("what is read is the caller's own: changing it changes nothing else", async () => {
    const file = await openBytes(makeFile({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, [0, 0, 128, 63]));
    (await file.readFloat32("a"))[0] = 7;
    expect([...(await file.readFloat32("a"))]).toEqual([1]);
  });
});

describe("reading", () => {
  test("a half-precision tensor is converted window by window", async () => {
    const count = 9_000_000; // more than one window of 16 MiB
    const data = new Uint8Array(2 * count);
    const halves = new Uint16Array(data.buffer);
    for (let i = 0; i < count; i++) halves[i] = i % 0x7c00;
    const bytes = makeFile({ a: { dtype: "F16", shape: [count], data_offsets: [0, 2 * count] } }, data);
    const source = counting(bytesSource("half.safetensors", bytes));
    const values = await (await SafetensorsFile.open(source)).readFloat32("a");
    expect(source.ranges.slice(2).map(([start, end]) => end - start)).toEqual([1 << 24, 2 * count - (1 << 24)]);
    const powers = [values[0x3c00], values[0x3c00 + 0x7c00], values[0x3c00 + 282 * 0x7c00], values[1]];
    expect([values.length, ...powers]).toEqual([count, 1, 1, 1, 2 ** -24]);
  });

  test("a part of a tensor can be had, in every floating-point dtype", async () => {
    const values = [1, -2.5, 0.5, 8];
    const bytesOf = (array: { buffer: ArrayBuffer }) => new Uint8Array(array.buffer);
    const stored = {
      F32: bytesOf(Float32Array.from(values)),
      F64: bytesOf(Float64Array.from(values)),
      F16: bytesOf(Uint16Array.of(0x3c00, 0xc100, 0x3800, 0x4800)),
      BF16: bytesOf(Uint16Array.of(0x3f80, 0xc020, 0x3f00, 0x4100)),
    };
    for (const [dtype, data] of Object.entries(stored)) {
      const bytes = makeFile({ a: { dtype, shape: [2, 2], data_offsets: [0, data.length] } }, data);
      const source = counting(bytesSource("part.safetensors", bytes));
      const file = await SafetensorsFile.open(source);
      expect([...(await file.readFloat32("a", 1, 3))]).toEqual([-2.5, 0.5]);
      expect(source.ranges.at(-1)).toEqual([bytes.length - (data.length * 3) / 4, bytes.length - data.length / 4]);
      expect([...(await file.readFloat32("a", 3))]).toEqual([8]);
      expect([...(await file.readFloat32("a", 4))]).toEqual([]);
      await expect(file.readFloat32("a", 2, 5)).rejects.toThrow('tensor "a": bytes');
    }
  });

  test("integers are not silently read as f32, a missing tensor is named", async () => {
    const file = await openBytes(makeFile({ n: { dtype: "I64", shape: [], data_offsets: [0, 8] } }, new Uint8Array(8)));
    expect((await refusal(file.readFloat32("n"))).message).toBe(
      `test.safetensors: tensor "n": dtype I64 cannot be read as f32, expected F32, F16, BF16 or F64 (byte ${file.info("n").begin})`,
    );
    expect(await refusal(file.readBytes("x"))).toMatchObject({ tensor: "x", problem: "no such tensor in the file" });
    await expect(file.readBytes("n", 0, 9)).rejects.toThrow('tensor "n": bytes 0 to 9 are not within');
    await expect(file.readBytes("n", -1, 1)).rejects.toThrow(RangeError);
  });

  test("a tensor that no memory holds is an error that names it", async () => {
    const size = 2 ** 45;
    const header = makeFile({ huge: { dtype: "BF16", shape: [size], data_offsets: [0, 2 * size] } });
    const source = { ...bytesSource("huge.safetensors", header), size: header.length + 2 * size };
    const file = await SafetensorsFile.open(source);
    expect((await refusal(file.readFloat32("huge"))).message).toContain(
      'tensor "huge": its 70368744177664 bytes cannot',
    );
  });

  test("a source that gives fewer bytes than asked for is noticed", async () => {
    const bytes = makeFile({ a: { dtype: "U8", shape: [4], data_offsets: [0, 4] } }, [1, 2, 3, 4]);
    const whole = bytesSource("shrinking", bytes);
    const file = await SafetensorsFile.open({
      ...whole,
      read: async (start, end) => (await whole.read(start, end)).subarray(0, start > 8 ? 3 : undefined),
    });
    expect(await refusal(file.readBytes("a"))).toMatchObject({ tensor: "a", byte: bytes.length - 1 });
  });

  test("the source is closed when the file is, and when it is refused", async () => {
    let closed = 0;
    const close = async () => {
      closed++;
    };
    const file = await SafetensorsFile.open({ ...bytesSource("good", makeFile({})), close });
    expect(closed).toBe(0);
    await file.close();
    expect(closed).toBe(1);
    await refusal(SafetensorsFile.open({ ...bytesSource("bad", makeFile("{]")), close }));
    expect(closed).toBe(2);
  });
});
