import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openFile } from "../../../src/io/node/files.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/reader.ts";
import { counting, makeFile, refusal } from "../safetensors/support.ts";

const GiB = 2 ** 30;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-reader-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("a file larger than memory should hold", () => {
  const big = 4 * GiB + 3;
  const header = {
    big: { dtype: "U8", shape: [big], data_offsets: [0, big] },
    tail: { dtype: "F32", shape: [2, 2], data_offsets: [big, big + 16] },
  };
  const dataStart = 8 + JSON.stringify(header).length;
  let path: string;

  beforeAll(async () => {
    path = join(folder, "sparse.safetensors");
    const handle = await open(path, "w");
    await handle.write(makeFile(header));
    await handle.truncate(dataStart + big + 16);
    await handle.write(new Uint8Array(Float32Array.of(1, -2, 3, -4).buffer), 0, 16, dataStart + big);
    await handle.write(Uint8Array.of(42), 0, 1, dataStart + 4 * GiB);
    await handle.close();
  });

  test("one tensor is read by its range, beyond 4 GiB and off an element boundary", async () => {
    const source = counting(await openFile(path));
    const file = await SafetensorsFile.open(source);
    expect(source.bytesRead).toBe(dataStart);
    expect(file.info("tail")).toMatchObject({ begin: dataStart + big, end: dataStart + big + 16, size: 4 });
    expect([...(await file.readFloat32("tail"))]).toEqual([1, -2, 3, -4]);
    expect(source.ranges.slice(2)).toEqual([[dataStart + big, dataStart + big + 16]]);
    expect([...(await file.readBytes("big", 4 * GiB - 1, 4 * GiB + 2))]).toEqual([0, 42, 0]);
    expect(source.bytesRead).toBe(dataStart + 16 + 3);
    await file.close();
  });

  test("the file cut short is refused", async () => {
    const source = { ...(await openFile(path)), size: dataStart + big + 15 };
    expect(await refusal(SafetensorsFile.open(source))).toMatchObject({ tensor: "tail", byte: dataStart + big + 15 });
  });
});
