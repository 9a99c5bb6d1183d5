import { describe, expect, test } from "vitest";
import { SafetensorsFile } from "../../../src/io/safetensors/reader.ts";
import { counting, makeFile, openBytes, refusal } from "./support.ts";

const entry = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
const noData = '"shape":[0],"data_offsets":[0,0]}';

/** Header and expected problem; ^ marks the byte that the error must name. */
const malformedJson: [header: string, tensor: string | undefined, problem: string][] = [
  ["^ {}", undefined, 'the header does not start with "{"'],
  ["^[]", undefined, 'the header does not start with "{"'],
  ["^\ufeff{}", undefined, 'the header does not start with "{"'],
  ["{}^\0", undefined, "unexpected text after the end of the JSON object; found byte 0x00"],
  ["{} ^{}", undefined, 'unexpected text after the end of the JSON object; found "{"'],
  [`{"a":${entry}^`, undefined, 'expected "," or "}"; the JSON ends here'],
  [`{"a":${entry},^}`, undefined, 'expected a key, a string; found "}"'],
  ["{^'a':1}", undefined, `expected a key, a string; found "'"`],
  ['{"a"^,1}', undefined, 'expected ":"; found ","'],
  ['{"a^', undefined, "the JSON ends within a string; the JSON ends here"],
  ['{"a\\"}^', undefined, "the JSON ends within a string; the JSON ends here"],
  ['{"a^\n":1}', undefined, "control character within a string; found byte 0x0a"],
  ['{^"\\x41":1}', undefined, "a string has an invalid escape sequence"],
  ['{^"\\ud800":1}', undefined, "a string has half of a surrogate pair"],
  [`{"a":${entry},^"a":${entry}}`, undefined, 'duplicate key "a" in the header'],
  [`{"a":${entry},^"\\u0061":${entry}}`, undefined, 'duplicate key "a" in the header'],
  ['{"__metadata__":{},^"__metadata__":{}}', undefined, 'duplicate key "__metadata__" in the header'],
  ['{"__metadata__":{"k":"1",^"k":"2"}}', undefined, 'duplicate key "k" in __metadata__'],
  ['{"a":{"dtype":"U8",^"dtype":"U8"}}', "a", `duplicate key "dtype" in the tensor's entry`],
  ['{"a":{"more":{"x":1,^"x":2}}}', "a", 'duplicate key "x" in an object'],
  ['{"a":{"more":^01}}', "a", 'expected a number; found "0"'],
  ['{"a":{"more":^nul}}', "a", 'expected a JSON value; found "n"'],
  ['{"a":{"more":^1e999}}', "a", "a number overflows"],
  [`{"a":{"more":${"[".repeat(126)}^1`, "a", "JSON nested more than 127 deep; found"],
  ['{"__metadata__":^null}', undefined, 'expected __metadata__, starting with "{"; found "n"'],
  ['{"__metadata__":{"k":^1}}', undefined, 'expected a metadata value, a string; found "1"'],
  ['{"a":^[]}', "a", `expected the tensor's entry, starting with "{"; found "["`],
  ['{"a":^null}', "a", `expected the tensor's entry, starting with "{"; found "n"`],
];

const malformedEntries: [header: string, problem: string][] = [
  [`{^"a":{"dtype":"U8","shape":[0]}}`, "the entry needs dtype, shape and data_offsets"],
  [`{"a":{"dtype":^"float32",${noData}}`, 'unknown dtype "float32"'],
  [`{"a":{"dtype":^"constructor",${noData}}`, 'unknown dtype "constructor"'],
  [`{"a":{"dtype":^1,${noData}}`, 'expected dtype, a string; found "1"'],
  ['{"a":{"dtype":"U8","shape":^0,"data_offsets":[0,0]}}', 'expected shape, starting with "["; found "0"'],
  ['{"a":{"dtype":"U8","shape":[^-1],"data_offsets":[0,0]}}', "expected a number of shape, a non-negative integer"],
  ['{"a":{"dtype":"U8","shape":[^-0],"data_offsets":[0,0]}}', "expected a number of shape, a non-negative integer"],
  ['{"a":{"dtype":"U8","shape":[^1.0],"data_offsets":[0,1]}}', "expected a number of shape, a non-negative integer"],
  ['{"a":{"dtype":"U8","shape":[^1e0],"data_offsets":[0,1]}}', "expected a number of shape, a non-negative integer"],
  ['{"a":{"dtype":"U8","shape":[^NaN],"data_offsets":[0,0]}}', 'expected a number; found "N"'],
  ['{"a":{"dtype":"U8","shape":[^"1"],"data_offsets":[0,1]}}', "expected a number"],
  [
    '{"a":{"dtype":"U8","shape":[^9007199254740992,0],"data_offsets":[0,0]}}',
    'a number of shape "9007199254740992" overflows (more than 2^53 - 1)',
  ],
  ['{"a":{"dtype":"U8","shape":[1],"data_offsets":^[1]}}', "data_offsets has 1 numbers, expected 2"],
  ['{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,^2]}}', "data_offsets has more than 2 numbers"],
  [
    '{^"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}',
    "shape [4294967296, 4294967296] of dtype F32 overflows",
  ],
  [
    '{^"a":{"dtype":"F64","shape":[1125899906842624],"data_offsets":[0,0]}}',
    "overflows: its data would pass 2^53 bits",
  ],
  ['{^"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}', "overflows"],
  ['{^"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}', "shape [3] of dtype F4 is not a whole number of bytes"],
  ['{^"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}', "data_offsets [1, 0] run backwards"],
  [
    '{^"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}}',
    "shape [2, 3] of dtype F32 needs 24 bytes, data_offsets [0, 20] give 20",
  ],
];

const unmark = (marked: string): { header: string; byte: number } => ({
  header: marked.replace("^", ""),
  byte: 8 + marked.indexOf("^"),
});

describe("a malformed header is refused with the byte", () => {
  test.each(malformedJson)("%s", async (marked, tensor, problem) => {
    const { header, byte } = unmark(marked);
    const error = await refusal(openBytes(makeFile(header, [0, 0, 0, 0])));
    expect(error.message).toContain(problem);
    expect(error).toMatchObject({ file: "test.safetensors", tensor, byte });
  });

  test.each(malformedEntries)("%s", async (marked, problem) => {
    const { header, byte } = unmark(marked);
    const error = await refusal(openBytes(makeFile(header)));
    expect(error.message).toContain('test.safetensors: tensor "a": ');
    expect(error.message).toContain(problem);
    expect(error).toMatchObject({ tensor: "a", byte });
  });

  test("bytes that are not UTF-8", async () => {
    for (const bad of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      const file = makeFile(`{"${"?".repeat(bad.length)}":${entry}}`, [0, 0, 0, 0]);
      file.set(bad, 10);
      expect(await refusal(openBytes(file))).toMatchObject({ problem: "a string is not valid UTF-8", byte: 9 });
    }
  });
});

describe("a header length that cannot be is refused before anything is read", () => {
  test.each([
    ["an empty file", new Uint8Array(), "the file has 0 bytes, too few for a header length"],
    ["seven bytes", new Uint8Array(7), "the file has 7 bytes, too few for a header length"],
    ["zero", new Uint8Array(16), "the header length is 0"],
    ["beyond the end", makeFile("{}", [], 3n), "the header of 3 bytes goes beyond the file's 10 bytes"],
    ["over the limit", makeFile("{}", [], 100_000_001n), "100000001 is above the limit of 100000000 bytes"],
    ["2^32 + 2", makeFile("{}", [], 2n ** 32n + 2n), "4294967298 is above the limit"],
    ["2^64 - 1", makeFile("{}", [], 2n ** 64n - 1n), "18446744073709551615 is above the limit"],
    ["a Git LFS pointer", new TextEncoder().encode("version https://git-lfs.github.com/spec/v1"), "Git LFS pointer"],
  ])("%s", async (_, file, problem) => {
    const error = await refusal(openBytes(file));
    expect(error.message).toContain(problem);
    expect(error.byte).toBe(0);
  });

  test("a header of 100,000,001 bytes is refused after its first eight bytes, one of 100,000,000 is read", async () => {
    const spaces = new Uint8Array(8 + 100_000_001).fill(0x20);
    spaces.set(makeFile("{}", [], 100_000_001n));
    const source = counting({
      name: "big.safetensors",
      size: spaces.length,
      read: async (start, end) => spaces.slice(start, end),
      close: async () => {},
    });
    expect((await refusal(SafetensorsFile.open(source))).message).toContain("100000001 is above the limit");
    expect(source.bytesRead).toBe(8);

    const file = spaces.subarray(0, 8 + 100_000_000);
    file.set(makeFile("{}", [], 100_000_000n));
    expect((await openBytes(file)).names()).toEqual([]);
    file[file.length - 1] = 0x7d;
    expect(await refusal(openBytes(file))).toMatchObject({ byte: 8 + 100_000_000 - 1 });
  });

  test("five million dimensions are refused at the 1025th, 200,000 tensors are read", async () => {
    const dimensions = `{"a":{"dtype":"U8","shape":[${"0,".repeat(5e6)}0],"data_offsets":[0,0]}}`;
    expect((await refusal(openBytes(makeFile(dimensions)))).message).toContain("more than 1024 numbers");
    const tensors = Array.from({ length: 200_000 }, (_, i) => `"${i}":{"dtype":"U8",${noData}`);
    expect((await openBytes(makeFile(`{${tensors.join(",")}}`))).names()).toHaveLength(200_000);
  });
});

describe("the data must be covered exactly", () => {
  const range = (begin: number, end: number) => ({ dtype: "U8", shape: [end - begin], data_offsets: [begin, end] });
  const start = (header: object): number => 8 + JSON.stringify(header).length;

  test.each([
    ["overlap", { a: range(0, 4), b: range(2, 6) }, 6, "b", 2, "overlaps that of another tensor: it begins at"],
    ["the same range twice", { a: range(0, 4), b: range(0, 4) }, 4, "b", 0, "overlaps"],
    ["a hole", { a: range(0, 2), b: range(3, 6) }, 6, "b", 2, "there is a hole before the data"],
    ["a hole at the start", { a: range(1, 4) }, 4, "a", 0, "there is a hole before the data"],
    ["an empty tensor within another", { a: range(0, 4), b: range(2, 2) }, 4, "b", 2, "overlaps"],
    ["an empty tensor beyond the end", { a: range(0, 4), b: range(8, 8) }, 4, "b", 4, "there is a hole"],
    ["truncated data", { a: range(0, 2), b: range(2, 6) }, 5, "b", 5, "truncated: the data ends at byte"],
    ["trailing bytes", { a: range(0, 2) }, 5, undefined, 2, "3 trailing bytes after the last tensor"],
    ["trailing bytes without a tensor", {}, 1, undefined, 0, "1 trailing bytes"],
  ])("%s", async (_, header, dataBytes, tensor, byte, problem) => {
    const error = await refusal(openBytes(makeFile(header, new Uint8Array(dataBytes))));
    expect(error.message).toContain(problem);
    expect(error).toMatchObject({ tensor, byte: start(header) + byte });
  });

  test("in any order of the header, empty tensors anywhere between others", async () => {
    const header = { z: range(4, 6), e: range(4, 4), a: range(0, 4), last: range(6, 6), f: range(4, 4) };
    const file = await openBytes(makeFile(header, [1, 2, 3, 4, 5, 6]));
    expect(file.names()).toEqual(["a", "e", "f", "z", "last"]);
    expect([...(await file.readBytes("z"))]).toEqual([5, 6]);
    expect([...(await file.readBytes("e"))]).toEqual([]);
  });
});

describe("what the official parser lets pass passes", () => {
  test("names that are paths, prototype members, empty or escaped", async () => {
    const names = ["", "../x", "__proto__", "constructor", "toString", 'q"\\\n\u0001', "\u{1f600}", "é".repeat(300)];
    const header = names.map((name) => `${JSON.stringify(name)}:{"dtype":"U8",${noData}`).join(",");
    const file = await openBytes(makeFile(`{${header}}`));
    expect(file.names()).toEqual(names);
    expect(file.has("hasOwnProperty")).toBe(false);
    expect((await openBytes(makeFile(`{"\\ud83d\\ude00":{"dtype":"U8",${noData}}`))).names()).toEqual(["\u{1f600}"]);
  });

  test("white space between tokens and fields of later versions", async () => {
    const fields = '"more" : [ 1.5e-3 , { "x" : [ ] , "y" : null } , true , false , "s" ]';
    const file = await openBytes(
      makeFile(`{ "a" :\n{ ${fields} ,\t"dtype" : "U8" ,\r"shape":[ 2 ] , "data_offsets":[ 0 , 2 ] } } `, [7, 8]),
    );
    expect([...(await file.readBytes("a"))]).toEqual([7, 8]);
  });

  test("a tensor of an 8-bit float is listed and its bytes read; its values are refused by name", async () => {
    const file = await openBytes(makeFile({ a: { dtype: "F8_E4M3", shape: [2], data_offsets: [0, 2] } }, [1, 2]));
    expect(file.info("a")).toMatchObject({ dtype: "F8_E4M3", shape: [2], size: 2 });
    expect([...(await file.readBytes("a"))]).toEqual([1, 2]);
    expect((await refusal(file.readArray("a"))).message).toContain('tensor "a": dtype F8_E4M3 is not supported');
    expect((await refusal(file.readFloat32("a"))).message).toContain("dtype F8_E4M3 cannot be read as f32");
  });
});

test("a hostile name cannot write to the terminal through a message", async () => {
  const name = `\u001b[2J\u009b31m\u202e${"x".repeat(1000)}`;
  const { message } = await refusal(openBytes(makeFile({ [name]: { dtype: "?" } })));
  expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(message.length).toBeLessThan(400);
});
