import { describe, expect, it } from "vitest";
import * as browser from "../../src/io/browser/index.ts";
import { hubDirectory } from "../../src/io/hub/index.ts";
import * as io from "../../src/io/index.ts";

/** What JavaScript lets through: calls that TypeScript would refuse. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments are wrong on purpose
const [files, page, hub] = [io, browser, hubDirectory] as any[];

const DIRECTORY =
  'expected a directory, as await NodeDirectory.open("gpt2") or new MemoryDirectory(name, files) gives, ';
const SOURCE =
  "expected an open file, as openFile(path) of graft-gpu/node or blobSource(name, blob) of graft-gpu/io gives, ";
const IMAGE = "expected an image { channels, height, width, data }, as makeImage, fromInterleaved or a decoder gives, ";
const none = new io.MemoryDirectory("none");

describe("wrong arguments are refused with the function's name and what was expected", () => {
  const cases: [call: string, run: () => unknown, message: string][] = [
    [
      "SafetensorsFile.open(path)",
      () => files.SafetensorsFile.open("m.safetensors"),
      `SafetensorsFile.open: ${SOURCE}got the string m.safetensors`,
    ],
    ["SafetensorsFile.open()", () => files.SafetensorsFile.open(), `SafetensorsFile.open: ${SOURCE}got undefined`],
    [
      "SafetensorsFile.open(bytes)",
      () => files.SafetensorsFile.open(new Uint8Array(8)),
      `SafetensorsFile.open: ${SOURCE}got a Uint8Array`,
    ],
    ["openCheckpoint(path)", () => files.openCheckpoint("gpt2"), `openCheckpoint: ${DIRECTORY}got the string gpt2`],
    ["openCheckpoint({})", () => files.openCheckpoint({}, "a"), `openCheckpoint: ${DIRECTORY}got an object`],
    [
      "ShardedCheckpoint.open()",
      () => files.ShardedCheckpoint.open(),
      `ShardedCheckpoint.open: ${DIRECTORY}got undefined`,
    ],
    [
      "writeSafetensors(path)",
      () => files.writeSafetensors("out.safetensors", []),
      "writeSafetensors: expected a sink, as createFileSink(path) of graft-gpu/node gives, got the string out.safetensors",
    ],
    [
      "serializeSafetensors({})",
      () => files.serializeSafetensors({ name: "a" }),
      "writeSafetensors: expected tensors { name, dtype, shape, data } in an array, got an object",
    ],
    [
      "bytesSource(bytes)",
      () => files.bytesSource(new Uint8Array(1)),
      "bytesSource: expected a name and its bytes as a Uint8Array, got undefined",
    ],
    ["bytesSource(ArrayBuffer)", () => files.bytesSource("a", new ArrayBuffer(1)), "got a ArrayBuffer"],
    [
      "blobSource(blob)",
      () => files.blobSource(new Blob()),
      "blobSource: expected a name and a Blob, such as a File, got",
    ],
    [
      "tokenizeExamples without options",
      () => files.tokenizeExamples({ encode: () => [] }, []),
      "tokenizeExamples: expected options { maxLength }, got undefined",
    ],
    [
      "tokenizeExamples without tokenizer",
      () => files.tokenizeExamples([], { maxLength: 3 }),
      "tokenizeExamples: expected a tokenizer, as Tokenizer.fromDirectory gives, got an array",
    ],
    ["padBatch()", () => files.padBatch(), "padBatch: expected sequences of token ids in an array, got undefined"],
    ["padBatch(ids)", () => files.padBatch([[1]]), "padBatch: expected options { padId }, got undefined"],
    ["labelIndices(x)", () => files.labelIndices([]), "labelIndices: expected labels in an array, got undefined"],
    [
      "loadTextDataset(text)",
      () => files.loadTextDataset("a.tsv"),
      "loadTextDataset: expected a file's name and its text, got undefined",
    ],
    [
      "loadTexts(bytes)",
      () => files.loadTexts("a.txt", new Uint8Array(1)),
      "loadTexts: expected a file's name and its text, got a",
    ],
    ["loadTexts()", () => files.loadTexts(), "loadTexts: expected a file's name and its text, got undefined"],
    ["fitImage()", () => files.fitImage(), `fitImage: ${IMAGE}got undefined`],
    ["fitImage(blob)", () => files.fitImage(new Blob()), `fitImage: ${IMAGE}got a Blob`],
    [
      "fitImage(image)",
      () => files.fitImage(io.makeImage(1, 1, 1, Uint8Array.of(0))),
      "fitImage: expected the model's preprocessing, got undefined",
    ],
    ["resize(path)", () => files.resize("a.png", 1, 1), `resize: ${IMAGE}got the string a.png`],
    ["encodePng({})", () => files.encodePng({}), `encodePng: ${IMAGE}got an object`],
    ["hubDirectory()", () => hub(), "undefined is no model of the Hub; expected a name such as openai-community/gpt2"],
    ["hubDirectory({})", () => hub({ id: "a" }), '{"id":"a"} is no model of the Hub; expected a name such as'],
    [
      "cachedDirectory(url)",
      () => page.cachedDirectory("https://a"),
      `cachedDirectory: ${DIRECTORY}got the string https://a`,
    ],
    [
      "cachedDirectory without a store",
      () => page.cachedDirectory(none),
      "cachedDirectory: expected a store, as await OpfsDirectory.open(path, { create: true }) gives, got undefined",
    ],
    [
      "cachedDirectory into none",
      () => page.cachedDirectory(none, none),
      "cachedDirectory: expected a store, as await",
    ],
    [
      "OpfsDirectory.open()",
      () => page.OpfsDirectory.open(),
      "browser storage: expected a path as a string, got undefined",
    ],
    ["listStored(null)", () => page.listStored(null), "browser storage: expected a path as a string, got null"],
    ["clearStored({})", () => page.clearStored({}), "browser storage: expected a path as a string, got an object"],
    [
      "decodeImage()",
      () => page.decodeImage(),
      "decodeImage: expected an image as a Blob, such as a File, got undefined",
    ],
    [
      "decodeImage(path)",
      () => page.decodeImage("a.png"),
      "decodeImage: expected an image as a Blob, such as a File, got the",
    ],
    ["zipFiles()", () => page.zipFiles(), "zipFiles: expected files as { name: Blob }, got undefined"],
    ["saveFiles()", () => page.saveFiles(), "saveFiles: expected files as { name: Blob }, got undefined"],
    ["saveZip(files)", () => page.saveZip({}), "saveZip: expected a name and files, got an object"],
    ["saveZip(name)", () => page.saveZip("a.zip"), "saveZip: expected files as { name: Blob }, got undefined"],
  ];
  it.each(cases)("%s", async (_, run, message) => {
    const error = await Promise.resolve()
      .then(run)
      .then(
        () => undefined,
        (one: Error) => one,
      );
    expect(error?.message).toContain(message);
  });
});

it("quotes no more than the beginning of a long text", () => {
  expect(() => files.bytesSource("a", "x".repeat(1000))).toThrow(`got the string ${"x".repeat(40)}…`);
});
