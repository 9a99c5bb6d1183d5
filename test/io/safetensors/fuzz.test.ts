import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SafetensorsError } from "../../../src/io/safetensors/error.ts";
import { serializeSafetensors } from "../../../src/io/safetensors/writer.ts";
import { makeFile, openBytes } from "./support.ts";

const valid = await serializeSafetensors([
  { name: "a", dtype: "F32", shape: [2], data: Float32Array.of(1, 2) },
  { name: "b.weight", dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) },
  { name: "z", dtype: "F16", shape: [0, 4], data: new Uint8Array() },
  { name: "n", dtype: "I64", shape: [], data: BigInt64Array.of(5n) },
]);
const headerBytes = Number(new DataView(valid.buffer).getBigUint64(0, true));

/** Opens a file that may be broken. When it opens, a plain reading of its header must agree. Gives whether it did. */
async function openOrRefuse(bytes: Uint8Array): Promise<boolean> {
  let file: Awaited<ReturnType<typeof openBytes>>;
  try {
    file = await openBytes(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    expect((error as SafetensorsError).byte).toBeGreaterThanOrEqual(0);
    expect((error as SafetensorsError).byte).toBeLessThanOrEqual(Math.max(bytes.length, 8));
    return false;
  }
  const dataStart = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const { __metadata__, ...plain } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, dataStart)));
  expect(Object.fromEntries(file.metadata)).toEqual(__metadata__ ?? {});
  expect(file.names().sort()).toEqual(Object.keys(plain).sort());
  let total = 0;
  for (const name of file.names()) {
    const { dtype, shape, data_offsets } = plain[name];
    expect(file.info(name)).toMatchObject({ dtype, shape });
    const data = await file.readBytes(name);
    expect(data).toEqual(bytes.slice(dataStart + data_offsets[0], dataStart + data_offsets[1]));
    total += data.length;
  }
  expect(dataStart + total).toBe(bytes.length);
  return true;
}

describe("a broken file is refused or read right, never anything else", () => {
  test("every single byte of the prefix and header, changed in many ways", async () => {
    let opened = 0;
    const replacements = [0, 0x20, 0x22, 0x2c, 0x2d, 0x30, 0x31, 0x39, 0x5b, 0x5c, 0x5d, 0x65, 0x7b, 0x7d, 0x80, 0xff];
    for (let i = 0; i < 8 + headerBytes; i++) {
      for (const replacement of replacements) {
        const broken = valid.slice();
        broken[i] = replacement;
        if (await openOrRefuse(broken)) opened++;
      }
    }
    expect(opened).toBeGreaterThan(50); // a change within a name leaves a good file
  });

  test("cut at every length, and lengthened", async () => {
    for (let length = 0; length < valid.length; length++) {
      expect(await openOrRefuse(valid.subarray(0, length))).toBe(false);
    }
    for (const more of [1, 2, 8, 100]) {
      const longer = new Uint8Array(valid.length + more);
      longer.set(valid);
      expect(await openOrRefuse(longer)).toBe(false);
    }
    expect(await openOrRefuse(valid)).toBe(true);
  });

  test("random edits", async () => {
    const edit = fc.record({
      at: fc.nat(valid.length - 1),
      remove: fc.nat(6),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 6 }),
        fc
          .constantFrom('"a"', "{", "}", "[", "]", ",", ":", "0", "9007199254740993", "-1", "1e5", "null", '"\\u0061"')
          .map((text) => new TextEncoder().encode(text)),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.boolean(), async (edits, mendLength) => {
        let bytes = [...valid];
        for (const { at, remove, insert } of edits) bytes.splice(at, remove, ...insert);
        const mended = headerBytes + bytes.length - valid.length;
        if (mendLength && bytes.length > 8 && mended > 0) {
          const prefix = new Uint8Array(8);
          new DataView(prefix.buffer).setBigUint64(0, BigInt(mended), true);
          bytes = [...prefix, ...bytes.slice(8)];
        }
        await openOrRefuse(Uint8Array.from(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  test("headers of the right form with any numbers", async () => {
    const number = fc.oneof(fc.nat(9), fc.maxSafeNat(), fc.constantFrom(-1, 0.5, 2 ** 53, 2 ** 63, 2 ** 64, 1e300));
    const entry = fc.record({
      dtype: fc.constantFrom("F32", "U8", "F4", "F6_E2M3", "I64", "f32", "F128"),
      shape: fc.array(number, { maxLength: 3 }),
      data_offsets: fc.array(number, { minLength: 1, maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), entry), fc.nat(16), async (header, bytes) => {
        await openOrRefuse(makeFile(header, new Uint8Array(bytes)));
      }),
      { numRuns: 2000 },
    );
  });

  test("noise", async () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.json().map((text) => makeFile(text)),
    );
    await fc.assert(
      fc.asyncProperty(noise, async (bytes) => {
        await openOrRefuse(bytes);
      }),
      { numRuns: 1000 },
    );
  });
});
