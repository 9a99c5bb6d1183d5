import { describe, expect, it } from "vitest";
import {
  labelIndices,
  packTokens,
  padBatch,
  randomBlocks,
  tokenizeExamples,
} from "../../../src/io/datasets/batches.ts";
import { loadTextDataset } from "../../../src/io/datasets/datasets.ts";
import { mulberry32 } from "../../../src/io/datasets/random.ts";
import { everyNth } from "../../../src/io/datasets/split.ts";
import { Tokenizer } from "../../../src/io/tokenizer.ts";
import { readText } from "../../support/files.ts";

/** One token a character. */
const characters = { eosTokenId: 99, encode: (text: string) => [...text].map((c) => c.codePointAt(0) as number) };

describe("tokenizeExamples", () => {
  it("cuts on the right, and puts one end-of-text token for an empty text", () => {
    const examples = [
      { text: "abcd", label: "x" },
      { text: "", label: "y" },
    ];
    expect(tokenizeExamples(characters, examples, { maxLength: 3 })).toEqual([
      { inputIds: Int32Array.of(97, 98, 99), label: "x" },
      { inputIds: Int32Array.of(99), label: "y" },
    ]);
    expect(() => tokenizeExamples({ ...characters, eosTokenId: null }, examples, { maxLength: 3 })).toThrow(
      /example 1 has no tokens/,
    );
    expect(() => tokenizeExamples(characters, examples, { maxLength: 0 })).toThrow(/at least one token, got 0/);
  });

  it("gives the baselines' mean length on the bundled messages", async () => {
    const read = (file: string): Promise<string> => readText(`assets/${file}`);
    const tokenizer = await Tokenizer.fromDirectory({
      name: "gpt2-mini-en",
      has: async (file) => file === "tokenizer.json",
      readText: (file) => read(`gpt2-mini-en/${file}`),
    });
    const { train } = everyNth(loadTextDataset("sms.tsv", await read("sms-spam/sms.tsv")).examples, 5);
    const lengths = tokenizeExamples(tokenizer, train, { maxLength: 64 }).map(({ inputIds }) => inputIds.length);
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    const { counts } = JSON.parse(await read("gpt2-mini-en/baselines.json")).sms;
    expect(mean.toFixed(2)).toBe(counts.mean_train_tokens.toFixed(2));
  });
});

describe("labelIndices", () => {
  it("gives each class's place", () => {
    const examples = [{ label: "spam" }, { label: "ham" }];
    expect(labelIndices(examples, ["ham", "spam"])).toEqual(Int32Array.of(1, 0));
    expect(() => labelIndices(examples, ["ham"])).toThrow(/example 0: unknown class "spam"; the classes are ham/);
  });
});

describe("padBatch", () => {
  const sequences = [Int32Array.of(5, 6, 7), [8]];

  it("pads on the right", () => {
    expect(padBatch(sequences, { padId: 9 })).toEqual({
      inputIds: Int32Array.of(5, 6, 7, 8, 9, 9),
      attentionMask: Int32Array.of(1, 1, 1, 1, 0, 0),
      length: 3,
      batch: 2,
    });
  });

  it("pads on the left", () => {
    const { inputIds, attentionMask } = padBatch(sequences, { padId: 9, side: "left" });
    expect(inputIds).toEqual(Int32Array.of(5, 6, 7, 9, 9, 8));
    expect(attentionMask).toEqual(Int32Array.of(1, 1, 1, 0, 0, 1));
  });

  it("refuses a batch with nothing to attend to", () => {
    expect(() => padBatch([], { padId: 0 })).toThrow(/at least one sequence/);
    expect(() => padBatch([[1], []], { padId: 0 })).toThrow(/sequence 1 of the batch has no tokens/);
  });
});

describe("packTokens", () => {
  const plain = (blocks: ReturnType<typeof packTokens>) =>
    blocks.map(({ inputs, targets }) => [[...inputs], [...targets]]);

  it("cuts windows at 0, n, 2n, ..., with targets one further, and drops the rest", () => {
    const blocks = [
      [
        [0, 1, 2],
        [1, 2, 3],
      ],
      [
        [3, 4, 5],
        [4, 5, 6],
      ],
    ];
    expect(plain(packTokens([0, 1, 2, 3, 4, 5, 6], 3))).toEqual(blocks);
    expect(plain(packTokens([0, 1, 2, 3, 4, 5, 6, 7, 8], 3))).toEqual(blocks);
    expect(packTokens([0, 1, 2, 3, 4, 5], 3)).toHaveLength(1);
  });

  it("refuses a text that fills no window", () => {
    expect(() => packTokens([1, 2, 3], 3)).toThrow(/3 tokens are too few for a block of 3 and the token after it/);
    expect(() => packTokens([1, 2, 3], 0)).toThrow(/at least one token, got 0/);
  });
});

describe("randomBlocks", () => {
  it("starts at floor(u·(N - n)), one number a window", () => {
    const ids = Int32Array.from({ length: 50 }, (_, i) => i);
    const random = mulberry32(7);
    const starts = [0, 1, 2].map(() => Math.floor(random.next() * 42));
    const blocks = randomBlocks(ids, 8, 3, mulberry32(7));
    expect(blocks.map(({ inputs }) => inputs[0])).toEqual(starts);
    expect([...blocks[0].targets]).toEqual([...blocks[0].inputs].map((id) => id + 1));
  });

  it("reaches the first window and the last, and none beyond", () => {
    const at = (u: number) => [...randomBlocks([0, 1, 2, 3, 4], 2, 1, { state: 0, next: () => u })[0].targets];
    expect(at(0)).toEqual([1, 2]);
    expect(at(1 - 2 ** -32)).toEqual([3, 4]);
  });
});
