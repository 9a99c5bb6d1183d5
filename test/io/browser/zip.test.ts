import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { zipFiles } from "../../../src/io/browser/index.ts";
import { headersOf } from "../../../src/io/browser/zip.ts";
import { unzip } from "../../support/unzip.ts";

const bytesOf = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer());
const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

describe("a zip archive", () => {
  it("has the bytes that the format asks for", async () => {
    const archive = await bytesOf(await zipFiles({ "a/é": new Blob(["123456789"]) }));
    const local = "504b0304 1400 0008 0000 0000 2100 2639f4cb 09000000 09000000 0400 0000 612fc3a9";
    const data = "313233343536373839";
    const central =
      "504b0102 1400 1400 0008 0000 0000 2100 2639f4cb 09000000 09000000 0400 0000 0000 0000 0000 00000000 00000000 612fc3a9";
    const end = "504b0506 0000 0000 0100 0100 32000000 2b000000 0000";
    expect(hex(archive)).toBe((local + data + central + end).replaceAll(" ", ""));
  });

  it("gives back what was put in, in order, and the same bytes again", async () => {
    const name = fc.stringMatching(/^[a-zäж_][a-z0-9._ ж-]{0,12}$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.uint8Array({ maxLength: 300 }), { maxKeys: 5 }), async (contents) => {
        const blobs = Object.fromEntries(
          Object.entries(contents).map(([file, bytes]) => [`m/${file}`, new Blob([new Uint8Array(bytes)])]),
        );
        const archive = await bytesOf(await zipFiles(blobs));
        const found = unzip(archive);
        expect(Object.keys(found)).toEqual(Object.keys(blobs));
        for (const [file, blob] of Object.entries(blobs)) expect([...found[file]]).toEqual([...(await bytesOf(blob))]);
        expect(await bytesOf(await zipFiles(blobs))).toEqual(archive);
      }),
      { numRuns: 30 },
    );
  });

  it("writes sizes and places beyond 4 GiB in the long form", () => {
    const name = new TextEncoder().encode("w");
    const size = 5 * 2 ** 30;
    const { local, central, end } = headersOf([
      { name, crc: 1, size },
      { name, crc: 2, size: 7 },
    ]);
    expect(local.map(({ length }) => length)).toEqual([30 + 1 + 20, 30 + 1]);
    expect(hex(local[0].subarray(18, 26))).toBe("ffffffffffffffff");
    expect(hex(local[0].subarray(31))).toBe("0100100000000040010000000000004001000000");
    const second = 51 + size;
    expect(hex(central[1].subarray(42, 46))).toBe("ffffffff");
    expect(hex(central[1].subarray(47))).toBe(
      `01000800${hex(new Uint8Array(BigUint64Array.of(BigInt(second)).buffer))}`,
    );
    const start = second + 31 + 7;
    const view = new DataView(end.buffer);
    expect([end.length, hex(end.subarray(0, 4)), hex(end.subarray(56, 60)), hex(end.subarray(76, 80))]).toEqual([
      56 + 20 + 22,
      "504b0606",
      "504b0607",
      "504b0506",
    ]);
    expect(Number(view.getBigUint64(48, true))).toBe(start);
    expect(Number(view.getBigUint64(64, true))).toBe(start + central[0].length + central[1].length);
    expect(hex(end.subarray(92, 96))).toBe("ffffffff");
  });

  it.each(["", "/etc/passwd", "a/../b", "..", "a\\b"])("takes no path that leads elsewhere: %j", async (path) => {
    await expect(zipFiles({ [path]: new Blob() })).rejects.toThrow("is not a path within an archive");
  });
});
