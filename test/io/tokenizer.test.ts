import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Tokenizer, type TokenizerDirectory } from "../../src/io/tokenizer.ts";
import { openDirectory, readJson, readText } from "../support/files.ts";

const GPT2 = "test/fixtures/gpt2-tokenizer";
const MINI = "assets/gpt2-mini-en";

interface Case {
  readonly id: string;
  readonly text: string;
  readonly ids: number[];
}

let gpt2: Tokenizer;
let mini: Tokenizer;
let references: { cases: Case[]; prompts: Case[] };
let encoder: Record<string, number>;
let merges: string;

beforeAll(async () => {
  gpt2 = await Tokenizer.fromDirectory(await openDirectory(GPT2));
  mini = await Tokenizer.fromDirectory(await openDirectory(MINI));
  references = await readJson(`${GPT2}/cases.json`);
  encoder = await readJson(`${GPT2}/encoder.json`);
  merges = await readText(`${GPT2}/vocab.bpe`);
});

describe("GPT-2's tokenizer from encoder.json and vocab.bpe", () => {
  it("gives the ids of the real model's five prompts", () => {
    expect(references.prompts).toHaveLength(5);
    for (const { text, ids } of references.prompts) expect(gpt2.encode(text)).toEqual(ids);
  });

  it("gives the ids of transformers.js, gpt-tokenizer and tiktoken, and the text back", () => {
    expect(references.cases).toHaveLength(28);
    for (const { id, text, ids } of references.cases) {
      expect(gpt2.encode(text), id).toEqual(ids);
      expect(gpt2.decode(ids), id).toBe(text);
    }
  });

  it("agrees with a textbook BPE on any text", () => {
    const reference = textbookBpe(encoder, merges);
    fc.assert(
      fc.property(anyText, (text) => {
        expect(gpt2.encode(text)).toEqual(reference(text));
      }),
      { numRuns: 200 },
    );
  });

  // U+0085 is white space to Unicode and not to JavaScript's \s, U+FEFF the other way round.
  it.each(["a \u0085b", "a\u0085\u0085 b", "a \uFEFFb", "a\uFEFF\uFEFF b", "\uFEFFHello", "1 \uFEFF \u0085 2"])(
    "takes as white space what Python and Rust do: %j",
    (text) => {
      expect(gpt2.encode(text)).toEqual(textbookBpe(encoder, merges)(text));
      expect(gpt2.decode(gpt2.encode(text))).toBe(text);
    },
  );

  it("knows its special token, and cuts it out of a text", () => {
    expect(gpt2.vocabularySize).toBe(50257);
    expect([gpt2.bosTokenId, gpt2.eosTokenId, gpt2.padTokenId]).toEqual([50256, 50256, null]);
    expect(gpt2.encode("hello<|endoftext|>hello")).toEqual([31373, 50256, 31373]);
    expect(gpt2.decode([31373, 50256, 31373])).toBe("hello<|endoftext|>hello");
    expect(gpt2.decode([31373, 50256, 31373], { skipSpecialTokens: true })).toBe("hellohello");
  });

  it("saves its files under the Hub's names, and reads them back as the same tokenizer", async () => {
    const files = gpt2.files();
    expect([...files.keys()].sort()).toEqual(["merges.txt", "vocab.json"]);
    expect(files.get("merges.txt")).toBe(merges);
    const again = await Tokenizer.fromDirectory(inMemory(Object.fromEntries(files)));
    for (const { text, ids } of references.prompts) expect(again.encode(text)).toEqual(ids);
  });
});

describe("a tokenizer.json", () => {
  it("reads the bundled model's", () => {
    expect(mini.vocabularySize).toBe(2048);
    expect([mini.bosTokenId, mini.eosTokenId, mini.padTokenId]).toEqual([0, 0, null]);
    expect(mini.encode("")).toEqual([]);
    expect(mini.decode([])).toBe("");
  });

  it("gives back any text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(mini.decode(mini.encode(text))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("gives the same ids as vocab.json and merges.txt next to it", async () => {
    const parts = { "vocab.json": textOf(mini, "vocab.json"), "merges.txt": textOf(mini, "merges.txt") };
    const built = await Tokenizer.fromDirectory(inMemory(parts));
    expect(built.eosTokenId).toBe(0);
    fc.assert(
      fc.property(anyText, (text) => {
        expect(built.encode(text)).toEqual(mini.encode(text));
      }),
      { numRuns: 100 },
    );
  });

  it("keeps the files as they are", async () => {
    for (const file of ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json"]) {
      expect(mini.files().get(file)).toBe(await readText(`${MINI}/${file}`));
    }
    expect(mini.files().has("config.json")).toBe(false);
  });

  it("puts special tokens around a text only when asked", () => {
    const post_processor = {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "<|endoftext|>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { "<|endoftext|>": { id: "<|endoftext|>", ids: [0], tokens: ["<|endoftext|>"] } },
    };
    const tokenizer = new Tokenizer(changed({ post_processor }), "templated");
    const plain = mini.encode("Hello");
    expect(tokenizer.encode("Hello")).toEqual(plain);
    expect(tokenizer.encode("Hello", { addSpecialTokens: true })).toEqual([0, ...plain]);
  });

  it("cleans up spaces only where the configuration says so", () => {
    const ids = mini.encode("Well , I do n't .");
    expect(mini.decode(ids)).toBe("Well , I do n't .");
    const cleaning = new Tokenizer(withConfig({ clean_up_tokenization_spaces: true }), "cleaning");
    expect(cleaning.decode(ids)).toBe("Well, I don't.");
    const silent = new Tokenizer(new Map([["tokenizer.json", textOf(mini, "tokenizer.json")]]), "silent");
    expect(silent.decode(ids)).toBe("Well , I do n't .");
  });

  it("puts a space first where the configuration says so", () => {
    const tokenizer = new Tokenizer(withConfig({ add_prefix_space: true }), "prefixed");
    expect(tokenizer.encode("Hello")).toEqual(mini.encode(" Hello"));
  });

  it("takes special tokens as strings or objects, and none where it says null", () => {
    const tokenizer = new Tokenizer(
      withConfig({ bos_token: null, eos_token: "the", pad_token: { content: "a", special: true } }),
      "named",
    );
    expect(tokenizer.bosTokenId).toBeNull();
    expect(tokenizer.eosTokenId).toBe(mini.encode("the")[0]);
    expect(tokenizer.padTokenId).toBe(mini.encode("a")[0]);
  });
});

describe("decoding token by token", () => {
  it("gives out complete characters only", () => {
    const text = "A 🌍 in 生活的真谛 é";
    const stream = gpt2.stream();
    const pieces = gpt2.encode(text).map((id) => stream.push(id));
    expect(pieces.some((piece) => piece === "")).toBe(true);
    expect(pieces.join("")).not.toContain("\uFFFD");
    expect(pieces.join("") + stream.flush()).toBe(text);
  });

  it("adds up to the whole for any tokens, valid UTF-8 or not", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2047 }), { maxLength: 40 }), fc.boolean(), (ids, skip) => {
        const stream = mini.stream({ skipSpecialTokens: skip });
        const text = ids.map((id) => stream.push(id)).join("") + stream.flush();
        expect(text).toBe(mini.decode(ids, { skipSpecialTokens: skip }));
      }),
      { numRuns: 300 },
    );
  });

  it("gives out at the end what was left incomplete, and starts anew", () => {
    const [first] = gpt2.encode("🌍");
    const stream = gpt2.stream();
    expect(stream.push(first)).toBe("");
    expect(stream.flush()).toContain("\uFFFD");
    expect(stream.push(31373)).toBe("hello");
    expect(stream.flush()).toBe("");
  });
});

describe("a missing or broken tokenizer", () => {
  const open = (files: Record<string, string>): Promise<Tokenizer> => Tokenizer.fromDirectory(inMemory(files));

  it("says what it looked for and what it found", async () => {
    await expect(open({})).rejects.toThrow(/^model: no tokenizer: expected tokenizer\.json, or vocab\.json/);
    await expect(open({ "vocab.json": "{}" })).rejects.toThrow(/found only vocab\.json$/);
  });

  it.each([
    [{ "tokenizer.json": '{"model": ' }, /^model\/tokenizer\.json: .*JSON/],
    [{ "tokenizer.json": "[]" }, /^model\/tokenizer\.json: expected a JSON object/],
    [{ "tokenizer.json": "{}" }, /^model\/tokenizer\.json: .*model/],
    [{ "tokenizer.json": '{"model": {"type": "Oracle"}}' }, /^model\/tokenizer\.json: .*Oracle/],
    [{ "vocab.json": "[]", "merges.txt": "" }, /^model\/vocab\.json: expected a JSON object/],
    [{ "vocab.json": "{}", "merges.txt": "" }, /^model\/vocab\.json: the vocabulary is empty/],
    [{ "vocab.json": '{"a": -1}', "merges.txt": "" }, /^model\/vocab\.json: token "a" has the id -1/],
    [{ "vocab.json": '{"a": "0"}', "merges.txt": "" }, /^model\/vocab\.json: token "a" has the id "0"/],
    [{ "vocab.json": '{"a": 3, "b": 3}', "merges.txt": "" }, /^model\/vocab\.json: "a" and "b" have the same id 3/],
    [
      { "vocab.json": '{"a": 0}', "merges.txt": "#version: 0.2\na" },
      /^model\/merges\.txt: line 2: expected two symbols/,
    ],
    [{ "vocab.json": '{"a": 0}', "merges.txt": "a a" }, /^model\/merges\.txt: line 1: "a a" makes "aa"/],
    [
      { "vocab.json": '{"a": 0}', "merges.txt": "", "tokenizer_config.json": '{"pad_token": "<pad>"}' },
      /^model: pad_token "<pad>" is not in the tokenizer's vocabulary/,
    ],
  ] as [Record<string, string>, RegExp][])("names the file: %j", async (files, message) => {
    await expect(open(files)).rejects.toThrow(message);
  });

  it("refuses ids that are not in the vocabulary", () => {
    expect(() => mini.decode([5, 2048])).toThrow(/token id 2048 is not in the vocabulary of 2048 tokens/);
    expect(() => mini.decode([-1])).toThrow(RangeError);
  });

  it("reads added_tokens.json next to a vocabulary, and a byte order mark before one", async () => {
    const tokenizer = await open({
      "vocab.json": '\uFEFF{"a": 0, "b": 1, "ab": 2, "#": 3, "##": 4}',
      "merges.txt": "#version: 0.2\r\na b\r\n# #\r\n",
      "added_tokens.json": '{"<sep>": 5}',
    });
    expect(tokenizer.encode("ab<sep>ba##")).toEqual([2, 5, 1, 0, 4]);
    expect(tokenizer.eosTokenId).toBeNull();
    expect(tokenizer.vocabularySize).toBe(6);
  });
});

/** Words, white space of all kinds, special tokens, and any characters at all but lone surrogates. */
const anyText = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.string({ unit: "grapheme", maxLength: 12 }),
      fc.constantFrom(
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "\u0085",
        "\uFEFF",
        "\u00A0",
        "\u3000",
        "'s",
        "'ll",
        " the",
        " 123",
      ),
      fc.constant("<|endoftext|>"),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));

/**
 * Byte-level BPE as the paper tells it, without any data structure: in each word, as long as some neighbouring pair is
 * listed, merge the first occurrence of the pair of lowest rank.
 */
function textbookBpe(vocabulary: Record<string, number>, mergesText: string): (text: string) => number[] {
  const ranks = new Map(
    mergesText
      .split("\n")
      .slice(1)
      .map((line, rank) => [line, rank]),
  );
  const whiteSpace = "\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
  const words = new RegExp(
    `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${whiteSpace}\\p{L}\\p{N}]+|[${whiteSpace}]+(?![^${whiteSpace}])|[${whiteSpace}]+`,
    "gu",
  );
  const symbolOf: string[] = [];
  for (let byte = 0, other = 256; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    symbolOf.push(String.fromCharCode(printable ? byte : other++));
  }
  const encodeWord = (word: string): number[] => {
    let symbols = [...new TextEncoder().encode(word)].map((byte) => symbolOf[byte]);
    for (;;) {
      const pairs = symbols.slice(1).map((right, i) => ranks.get(`${symbols[i]} ${right}`) ?? Infinity);
      const lowest = Math.min(...pairs);
      if (lowest === Infinity) return symbols.map((symbol) => vocabulary[symbol]);
      const at = pairs.indexOf(lowest);
      symbols = [...symbols.slice(0, at), symbols[at] + symbols[at + 1], ...symbols.slice(at + 2)];
    }
  };
  const special = "<|endoftext|>";
  return (text) =>
    text
      .split(special)
      .flatMap((part, i) => [
        ...(i > 0 ? [vocabulary[special]] : []),
        ...(part.match(words) ?? []).flatMap((word) => encodeWord(word)),
      ]);
}

function inMemory(files: Record<string, string>): TokenizerDirectory {
  return {
    name: "model",
    has: async (file) => Object.hasOwn(files, file),
    readText: async (file) => files[file],
  };
}

function textOf(tokenizer: Tokenizer, file: string): string {
  return tokenizer.files().get(file) as string;
}

/** The bundled tokenizer with some keys of its tokenizer.json replaced. */
function changed(keys: Record<string, unknown>): Map<string, string> {
  const definition = JSON.parse(textOf(mini, "tokenizer.json"));
  return new Map([["tokenizer.json", JSON.stringify({ ...definition, ...keys })]]);
}

/** The bundled tokenizer with another configuration. */
function withConfig(config: Record<string, unknown>): Map<string, string> {
  return new Map([
    ["tokenizer.json", textOf(mini, "tokenizer.json")],
    ["tokenizer_config.json", JSON.stringify(config)],
  ]);
}
