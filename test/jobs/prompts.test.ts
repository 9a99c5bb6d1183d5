import { expect, it } from "vitest";
import type { Tokenizer } from "../../src/io/index.ts";
import { promptsOf } from "../../src/jobs/tasks/prompts.ts";

/** A tokenizer whose tokens are characters; "|" ends a text. */
const tokenizer = {
  eosTokenId: 124,
  encode: (text: string) => [...text].map((character) => character.codePointAt(0)!),
  decode: (ids: Int32Array) => String.fromCodePoint(...ids).replaceAll("|", ""),
} as unknown as Tokenizer;

const windows = (...texts: string[]) =>
  texts.map((text) => ({ inputIds: Int32Array.from([...text], (character) => character.codePointAt(0)!) }));

it("takes the first words of windows that are evenly spread", () => {
  const all = windows(...Array.from({ length: 9 }, (_, i) => `ded word ${i} is not the end`));
  expect(promptsOf(all, tokenizer)).toEqual(["word 0 is not the", "word 3 is not the", "word 6 is not the"]);
  expect(promptsOf(all.slice(0, 2), tokenizer)).toHaveLength(2);
  expect(promptsOf([], tokenizer)).toEqual([]);
});

it("begins with a text that begins in the window, and leaves out half a word before it", () => {
  expect(promptsOf(windows("of it.|Call me today, please."), tokenizer)).toEqual(["Call me today, please."]);
  expect(promptsOf(windows("ly said, and nothing else|"), tokenizer)).toEqual(["said, and nothing else"]);
  expect(promptsOf(windows("so.\nHe is on his way now."), tokenizer)).toEqual(["He is on his way"]);
  expect(promptsOf(windows(" the sea\n\tis wide"), tokenizer)).toEqual(["the sea is wide"]);
});

it("takes characters where there are no words, each text once, and none that cannot be read or does not fit", () => {
  expect(promptsOf(windows("\u6d77".repeat(30)), tokenizer)).toEqual(["\u6d77".repeat(30)]);
  expect(promptsOf(windows("a little more", "a little more"), tokenizer)).toEqual(["little more"]);
  expect(promptsOf(windows("half a \u{FFFD}", "     "), tokenizer)).toEqual([]);
  const long = { ...tokenizer, encode: (text: string) => Array(text.length + 9).fill(1) } as unknown as Tokenizer;
  expect(promptsOf(windows("a little more"), long)).toEqual([]);
});
