import fc from "fast-check";
import { SafeTensor } from "safetensors";
import { describe, expect, test } from "vitest";
import { type ByteSink, MemorySink } from "../../../src/io/byte-source.ts";
import type { SafetensorsDtype } from "../../../src/io/safetensors/dtype.ts";
import type { SafetensorsFile } from "../../../src/io/safetensors/reader.ts";
import {
  serializeSafetensors,
  type TensorToWrite,
  type WriteOptions,
  writeSafetensors,
} from "../../../src/io/safetensors/writer.ts";
import { readBytes } from "../../support/files.ts";
import { fixture, openBytes, refusal } from "./support.ts";

const headerText = (file: Uint8Array): string => {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  return new TextDecoder().decode(file.subarray(8, 8 + length));
};

/** The tensors of a file, in an order that the writer has to mend. */
const tensorsOf = (file: SafetensorsFile): TensorToWrite[] =>
  [...file.tensors.values()]
    .reverse()
    .map(({ name, dtype, shape }) => ({ name, dtype, shape, data: () => file.readBytes(name) }));

describe("as the official writer does", () => {
  test.each(["official-writer.safetensors", "raw/dtypes.safetensors"])("%s comes out byte for byte", async (path) => {
    const original = await fixture(path);
    const file = await openBytes(original);
    expect(await serializeSafetensors(tensorsOf(file), { metadata: file.metadata })).toEqual(original);
  });

  test("the bundled model, saved by transformers, comes out byte for byte with the default metadata", async () => {
    const original = await readBytes("assets/gpt2-mini-en/model.safetensors");
    const written = await serializeSafetensors(tensorsOf(await openBytes(original)));
    expect(written.length).toBe(original.length);
    expect(written.findIndex((byte, i) => byte !== original[i])).toBe(-1);
  });

  test("the header is padded with spaces to eight bytes and says that the format is pt", async () => {
    for (const name of ["a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh"]) {
      const file = await serializeSafetensors([{ name, dtype: "U8", shape: [1], data: Uint8Array.of(5) }]);
      const header = headerText(file);
      expect(header.length % 8).toBe(0);
      expect(header).toMatch(/^\{"__metadata__":\{"format":"pt"\},.*\} *$/);
      expect(JSON.parse(header)[name]).toEqual({ dtype: "U8", shape: [1], data_offsets: [0, 1] });
      expect([file.length, file.at(-1)]).toEqual([8 + header.length + 1, 5]);
    }
  });
});

test("npm safetensors reads what we write without metadata", async () => {
  const values = Float32Array.of(1.5, -2, 3);
  const bytes = await serializeSafetensors(
    [
      { name: "b", dtype: "F32", shape: [3], data: values },
      { name: "a", dtype: "I64", shape: [1], data: BigInt64Array.of(-7n) },
    ],
    { metadata: null },
  );
  const peer = new SafeTensor(bytes);
  expect(new Float32Array(peer.getTensor("b").slice().buffer)).toEqual(values);
  expect(new BigInt64Array(peer.getTensor("a").slice().buffer)).toEqual(BigInt64Array.of(-7n));
  expect([...peer.metadata.keys()].sort()).toEqual(["a", "b"]);
});

describe("round trip", () => {
  const sizes: Partial<Record<SafetensorsDtype, number>> = {
    ...{ F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1 },
    ...{ U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1, F8_E4M3: 1, C64: 8 },
  };
  const text = fc.string({ unit: "grapheme", maxLength: 12 });
  const tensor = fc
    .record({
      name: text.filter((name) => name !== "__metadata__"),
      dtype: fc.constantFrom(...(Object.keys(sizes) as SafetensorsDtype[])),
      shape: fc.array(fc.nat(4), { maxLength: 4 }),
    })
    .chain(({ name, dtype, shape }) => {
      const length = shape.reduce((a, b) => a * b, 1) * (sizes[dtype] ?? 0);
      return fc
        .uint8Array({ minLength: length, maxLength: length })
        .map((data) => ({ name, dtype, shape, data }) satisfies TensorToWrite);
    });

  test("any tensors and metadata come back as they were", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 8 }),
        fc.option(fc.array(fc.tuple(text, text), { maxLength: 4 }).map((entries) => new Map(entries))),
        async (tensors, metadata) => {
          const file = await openBytes(await serializeSafetensors(tensors, { metadata }));
          expect([...file.metadata]).toEqual([...(metadata ?? [])]);
          expect(file.names().sort()).toEqual(tensors.map(({ name }) => name).sort());
          for (const { name, dtype, shape, data } of tensors) {
            expect(file.info(name)).toMatchObject({ dtype, shape });
            expect(await file.readBytes(name)).toEqual(data);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("f32 values in every floating-point dtype", async () => {
    const data = Float32Array.of(1, -0.5, 3.140625, 1e-3);
    for (const dtype of ["F64", "F32", "F16", "BF16"] as const) {
      const file = await openBytes(await serializeSafetensors([{ name: "x", dtype, shape: [2, 2], data }]));
      const got = await file.readFloat32("x");
      expect([...got.subarray(0, 3)]).toEqual([1, -0.5, 3.140625]);
      expect(Math.abs(got[3] - data[3])).toBeLessThan(
        dtype === "BF16" ? 2e-6 : dtype === "F16" ? 5e-7 : Number.MIN_VALUE,
      );
    }
  });

  test("metadata of a record, prototype members included", async () => {
    const metadata = JSON.parse('{"format":"pt","__proto__":"x","note":"a\\"b"}');
    const file = await openBytes(await serializeSafetensors([], { metadata }));
    expect([...file.metadata]).toEqual([
      ["format", "pt"],
      ["__proto__", "x"],
      ["note", 'a"b'],
    ]);
  });
});

describe("one tensor at a time", () => {
  test("a producer is called when its tensor's turn comes, after the one before was written", async () => {
    const events: string[] = [];
    const sink: ByteSink = {
      name: "log",
      write: async (bytes) => void events.push(`write ${bytes.length}`),
      close: async () => void events.push("close"),
      abort: async () => void events.push("abort"),
    };
    const produce = (name: string, bytes: number) => ({
      name,
      dtype: "U8" as const,
      shape: [bytes],
      data: async () => {
        events.push(`produce ${name}`);
        return new Uint8Array(bytes);
      },
    });
    await writeSafetensors(sink, [produce("b", 2), produce("a", 1), produce("c", 0)]);
    const header = events[0];
    expect(header).toMatch(/^write \d+$/);
    expect(events).toEqual([header, "produce a", "write 1", "produce b", "write 2", "produce c", "close"]);
  });

  test("a producer that throws aborts the sink, and its error comes through", async () => {
    let aborted = 0;
    const sink = new MemorySink("out.safetensors");
    const abort = sink.abort.bind(sink);
    sink.abort = async () => {
      aborted++;
      await abort();
    };
    const data = async (): Promise<never> => {
      throw new Error("the device was lost");
    };
    const tensors: TensorToWrite[] = [{ name: "a", dtype: "F32", shape: [1], data }];
    await expect(writeSafetensors(sink, tensors)).rejects.toThrow("the device was lost");
    expect([aborted, sink.bytes().length]).toEqual([1, 0]);
  });
});

describe("what cannot be written is refused by name", () => {
  const good: TensorToWrite = { name: "a", dtype: "F32", shape: [1], data: new Uint8Array(4) };

  test.each([
    [[good, good], {}, "two tensors have this name"],
    [[{ ...good, name: "__metadata__" }], {}, "the name is reserved for the metadata"],
    [[{ ...good, name: "\ud800" }], {}, "the name has half of a surrogate pair"],
    [[{ ...good, dtype: "float32" as SafetensorsDtype }], {}, 'unknown dtype "float32"'],
    [[{ ...good, shape: [1.5] }], {}, "shape [1.5] has a dimension that is not a non-negative integer"],
    [[{ ...good, shape: [-1] }], {}, "shape [-1] has a dimension that is not a non-negative integer"],
    [[{ ...good, shape: [2 ** 40, 2 ** 40] }], {}, "is not a number of whole bytes"],
    [[{ ...good, shape: [2] }], {}, "shape [2] of dtype F32 needs 8 bytes, the data has 4"],
    [[{ ...good, data: Int32Array.of(1) }], {}, "Int32Array does not hold values of dtype F32"],
    [[good], { metadata: { n: 1 } as unknown as Record<string, string> }, 'the metadata value of "n" is not a string'],
    [[good], { metadata: { long: "x".repeat(100_000_000) } }, "above 100000000"],
  ] as [TensorToWrite[], WriteOptions, string][])("%#: %3$s", async (tensors, options, problem) => {
    const error = await refusal(writeSafetensors(new MemorySink("out.safetensors"), tensors, options));
    expect(error.message).toContain(problem);
    expect(error.file).toBe("out.safetensors");
  });
});
