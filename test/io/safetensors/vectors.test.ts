import { describe, expect, test } from "vitest";
import type { Checkpoint } from "../../../src/io/safetensors/checkpoint.ts";
import { SafetensorsError } from "../../../src/io/safetensors/error.ts";
import { SafetensorsFile } from "../../../src/io/safetensors/reader.ts";
import { openCheckpoint } from "../../../src/io/safetensors/sharded.ts";
import { bytesOfBase64, hexOf } from "../../support/bytes.ts";
import { openDirectory, openFile } from "../../support/files.ts";
import { FIXTURES, fixture, fixtureJson, openBytes, refusal } from "./support.ts";

interface Expected {
  dtype: string;
  shape: number[];
  data?: (number | string)[];
  data_hex?: string;
}

interface Case {
  verdict: "accept" | "reject" | "either";
  why?: string;
  tensors?: Record<string, Expected>;
  metadata?: Record<string, string>;
}

const { files, sharded } = (await fixtureJson("expected.json")) as {
  files: (Case & { file: string })[];
  sharded: (Case & { dir: string })[];
};
const mutations = (await fixtureJson("mutations.json")).cases as (Case & { id: string; b64: string })[];

const path = (relative: string): string => `${FIXTURES}/${relative}`;

/** Reads everything: the listed tensors with their values, others at least in full. */
async function check(checkpoint: Checkpoint, { tensors, metadata }: Case): Promise<void> {
  for (const name of checkpoint.names()) {
    const info = checkpoint.info(name);
    expect((await checkpoint.readBytes(name)).length).toBe(info.end - info.begin);
  }
  if (metadata) expect(Object.fromEntries(checkpoint.metadata)).toEqual(metadata);
  if (!tensors) return;
  expect(checkpoint.names().sort()).toEqual(Object.keys(tensors).sort());
  for (const [name, { dtype, shape, data, data_hex }] of Object.entries(tensors)) {
    const info = checkpoint.info(name);
    expect([info.dtype, info.shape]).toEqual([dtype, shape]);
    if (data) expect([...(await checkpoint.readArray(name))].map(Number)).toEqual(data.map(Number));
    const hex = hexOf(await checkpoint.readBytes(name));
    if (data_hex !== undefined) expect(hex).toBe(data_hex);
  }
}

async function judge(opening: Promise<Checkpoint>, expected: Case): Promise<void> {
  if (expected.verdict === "reject") {
    expect((await refusal(opening)).message).toMatch(/./);
    return;
  }
  let checkpoint: Checkpoint;
  try {
    checkpoint = await opening;
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError);
    expect(expected.verdict, (error as Error).message).toBe("either");
    return;
  }
  await check(checkpoint, expected);
  await checkpoint.close();
}

describe("the official parser's cases", () => {
  test.each(files)("$verdict $file: $why", async ({ file, ...expected }) => {
    await judge(openFile(path(file)).then(SafetensorsFile.open), expected);
  });

  test.each(sharded)("$verdict $dir: $why", async ({ dir, ...expected }) => {
    await judge(openDirectory(path(dir)).then(openCheckpoint), expected);
  });

  test.each(mutations)("$verdict $id", async ({ b64, ...expected }) => {
    await judge(openBytes(bytesOfBase64(b64)), expected);
  });

  test("the sets are not empty", () => {
    expect([files.length, sharded.length, mutations.length]).toEqual([48, 7, 104]);
  });
});

describe("files written by PyTorch", async () => {
  const values: Record<string, Record<string, { shape: number[]; values: (number | string)[] }>> = await fixtureJson(
    "raw/values.json",
  );

  test.each(["dtypes", "unaligned"])("%s.safetensors has the values PyTorch put in", async (file) => {
    for (const opening of [openFile(path(`raw/${file}.safetensors`)), undefined]) {
      const opened = opening
        ? await SafetensorsFile.open(await opening)
        : await openBytes(await fixture(`raw/${file}.safetensors`));
      expect(opened.names().sort()).toEqual(Object.keys(values[file]));
      for (const [name, expected] of Object.entries(values[file])) {
        expect(opened.info(name).shape).toEqual(expected.shape);
        const got = await opened.readArray(name);
        const isBig = got instanceof BigInt64Array;
        expect([...got], name).toEqual(isBig ? expected.values.map(BigInt) : expected.values);
        if (["F64", "F32", "F16", "BF16"].includes(opened.info(name).dtype)) {
          expect([...(await opened.readFloat32(name))]).toEqual(expected.values.map((x) => Math.fround(Number(x))));
        }
      }
      await opened.close();
    }
  });

  test("metadata is kept", async () => {
    const opened = await openBytes(await fixture("raw/dtypes.safetensors"));
    expect([...opened.metadata]).toEqual([["note", "metadata values are strings"]]);
  });
});
