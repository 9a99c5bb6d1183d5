import {
  ByteLevelPreTokenizer,
  Tokenizer as HubTokenizer,
  type PreTokenizer,
  SequencePreTokenizer,
} from "@huggingface/tokenizers";
import { byteLevelBpe, parseMerges, parseVocabulary } from "./byte-level-bpe.ts";

/** What a tokenizer needs of the directory it is read from; a `ModelDirectory` is one. */
export interface TokenizerDirectory {
  readonly name: string;
  has(file: string): Promise<boolean>;
  readText(file: string): Promise<string>;
}

/** What {@link Tokenizer.encode} adds to a text's own tokens. */
export interface EncodeOptions {
  /** Whether the tokenizer's own template (such as BERT's `[CLS]` and `[SEP]`) is put around the text. */
  readonly addSpecialTokens?: boolean;
}

/** What {@link Tokenizer.decode} leaves out. */
export interface DecodeOptions {
  /** Whether tokens such as `<|endoftext|>` are left out. */
  readonly skipSpecialTokens?: boolean;
}

type Json = Record<string, unknown>;

/** OpenAI's own names of GPT-2's files, and those of the Hub. The contents are the same. */
const HUB_NAME_OF: ReadonlyMap<string, string> = new Map([
  ["encoder.json", "vocab.json"],
  ["vocab.bpe", "merges.txt"],
]);

const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "vocab.txt",
  ...HUB_NAME_OF.keys(),
] as const;

const GPT2_END_OF_TEXT = "<|endoftext|>";

/**
 * GPT-2's split into words. `\s` of the published pattern is spelled out: in Python and Rust it is Unicode's
 * White_Space, whereas JavaScript's also takes U+FEFF and leaves out U+0085, which gives other ids.
 */
const GPT2_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Text to token ids and back, as the model in the same directory was trained with. */
export class Tokenizer {
  /** The number of ids, special tokens included: every id lies in [0, vocabularySize). */
  readonly vocabularySize: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  readonly padTokenId: number | null;
  readonly #hub: HubTokenizer;
  readonly #cleanUpSpaces: boolean;
  readonly #files: ReadonlyMap<string, string>;

  /**
   * Reads `tokenizer.json` with `tokenizer_config.json`; where there is none, builds GPT-2's byte-level BPE from
   * `vocab.json` and `merges.txt`, or from OpenAI's `encoder.json` and `vocab.bpe`.
   *
   * @throws naming directory and file when a file is missing or broken
   */
  static async fromDirectory(directory: TokenizerDirectory): Promise<Tokenizer> {
    if (typeof directory?.has !== "function") {
      const given = typeof directory === "string" ? `the string ${directory}` : String(directory);
      throw new TypeError(`Tokenizer: expected a directory, such as await NodeDirectory.open("gpt2"), got ${given}`);
    }
    const files = new Map<string, string>();
    for (const file of TOKENIZER_FILES) {
      if (await directory.has(file)) files.set(file, await directory.readText(file));
    }
    return new Tokenizer(files, directory.name);
  }

  /**
   * @param files name -> text, the names as in a directory of the Hub
   * @param name where the files come from, for error messages
   */
  constructor(files: ReadonlyMap<string, string>, name: string) {
    this.#files = withHubNames(files);
    const config = readJson(files, "tokenizer_config.json", name) ?? {};
    const specialTokens: Json = { ...readJson(files, "special_tokens_map.json", name), ...config };
    const definition = tokenizerDefinition(files, specialTokens, name);
    try {
      this.#hub = new HubTokenizer(definition, config);
    } catch (error) {
      throw new Error(`${name}/tokenizer.json: ${messageOf(error)}`, { cause: error });
    }
    useUnicodeWhitespace(this.#hub.pre_tokenizer);

    let size = 0;
    for (const [token, id] of this.#hub.get_vocab()) {
      // The library lists an unused id under the token `undefined`.
      if (token !== undefined) size = Math.max(size, id + 1);
    }
    if (size === 0) throw new Error(`${name}/tokenizer.json: the vocabulary is empty`);
    this.vocabularySize = size;
    const idOf = (role: string, fallback?: string): number | null => {
      const given = specialTokens[role];
      if (given === undefined && fallback !== undefined) return this.#hub.token_to_id(fallback) ?? null;
      const token = contentOf(given);
      if (token === null) return null;
      const id = this.#hub.token_to_id(token);
      if (id === undefined) throw new Error(`${name}: ${role} "${token}" is not in the tokenizer's vocabulary`);
      return id;
    };
    this.bosTokenId = idOf("bos_token", GPT2_END_OF_TEXT);
    this.eosTokenId = idOf("eos_token", GPT2_END_OF_TEXT);
    this.padTokenId = idOf("pad_token");
    this.#cleanUpSpaces = config.clean_up_tokenization_spaces === true;
  }

  /** Token ids of a text. Special tokens spelled out in the text become their ids. */
  encode(text: string, { addSpecialTokens = false }: EncodeOptions = {}): number[] {
    const { ids, tokens } = this.#hub.encode(text, { add_special_tokens: addSpecialTokens });
    const unknown = ids.indexOf(undefined as unknown as number);
    if (unknown >= 0) throw new Error(`the tokenizer has no id for ${JSON.stringify(tokens[unknown])}`);
    return ids;
  }

  /**
   * The text of token ids. Bytes that are not valid UTF-8 become U+FFFD.
   *
   * Spaces before punctuation are removed only where `tokenizer_config.json` asks for it
   * (`clean_up_tokenization_spaces`).
   *
   * @throws RangeError on an id outside the vocabulary
   */
  decode(ids: ArrayLike<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string {
    return this.#decode(ids, skipSpecialTokens, this.#cleanUpSpaces);
  }

  /**
   * A decoder for tokens that come one by one. A character may be spread over several tokens; text is given out
   * only when it is complete.
   */
  stream({ skipSpecialTokens = false }: DecodeOptions = {}): TokenStream {
    // Cleaning up looks across tokens, so a text that is already out could change.
    return new TokenStream((ids) => this.#decode(ids, skipSpecialTokens, false));
  }

  /**
   * The files this tokenizer was read from, name -> text, to be written next to a saved model. OpenAI's
   * `encoder.json` and `vocab.bpe` come out under the names the Hub has for them, so that transformers finds them.
   */
  files(): ReadonlyMap<string, string> {
    return this.#files;
  }

  #decode(ids: ArrayLike<number>, skipSpecialTokens: boolean, cleanUpSpaces: boolean): string {
    const list = Array.from(ids);
    if (list.length === 0) return "";
    for (const id of list) {
      if (this.#hub.id_to_token(id) === undefined) {
        throw new RangeError(`token id ${id} is not in the vocabulary of ${this.vocabularySize} tokens`);
      }
    }
    return this.#hub.decode(list, {
      skip_special_tokens: skipSpecialTokens,
      clean_up_tokenization_spaces: cleanUpSpaces,
    });
  }
}

/** Decodes a stream of tokens; the pieces given out, put together, are the decoded whole. */
export class TokenStream {
  readonly #decode: (ids: readonly number[]) => string;
  /**
   * The tokens of the last piece, then those not given out yet. The last piece is decoded again with what follows
   * it, because some decoders treat the beginning of a text in a special way.
   */
  #ids: number[] = [];
  #given = 0;

  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** Takes one token; returns the text that is complete with it, which may be empty. */
  push(id: number): string {
    this.#ids.push(id);
    const before = this.#decode(this.#ids.slice(0, this.#given));
    const text = this.#decode(this.#ids);
    // A trailing U+FFFD is most likely the beginning of a character that the next token ends.
    if (text.length <= before.length || text.endsWith("\u{FFFD}")) return "";
    this.#ids = this.#ids.slice(this.#given);
    this.#given = this.#ids.length;
    return text.slice(before.length);
  }

  /** The rest, complete or not; the stream is then as new. */
  flush(): string {
    const text = this.#decode(this.#ids).slice(this.#decode(this.#ids.slice(0, this.#given)).length);
    this.#ids = [];
    this.#given = 0;
    return text;
  }
}

function withHubNames(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const [file, text] of files) {
    const hubName = HUB_NAME_OF.get(file) ?? file;
    if (hubName === file || !files.has(hubName)) named.set(hubName, text);
  }
  return named;
}

/** The content of `tokenizer.json`, read or built. */
function tokenizerDefinition(files: ReadonlyMap<string, string>, config: Json, name: string): Json {
  const definition = readJson(files, "tokenizer.json", name);
  if (definition === null) return buildByteLevelBpe(files, config, name);
  const preTokenizer = definition.pre_tokenizer as Json | null | undefined;
  // As transformers does: the configuration's word overrides the one in tokenizer.json.
  const overridden = preTokenizer?.type === "ByteLevel" && typeof config.add_prefix_space === "boolean";
  return {
    normalizer: null,
    post_processor: null,
    decoder: null,
    added_tokens: [],
    ...definition,
    pre_tokenizer: overridden ? { ...preTokenizer, add_prefix_space: config.add_prefix_space } : (preTokenizer ?? null),
  };
}

function buildByteLevelBpe(files: ReadonlyMap<string, string>, config: Json, name: string): Json {
  const pair = [
    ["vocab.json", "merges.txt"],
    ["encoder.json", "vocab.bpe"],
  ].find(([vocabulary, merges]) => files.has(vocabulary) && files.has(merges));
  if (pair === undefined) {
    throw new Error(
      `${name}: no tokenizer: expected tokenizer.json, or vocab.json and merges.txt, or encoder.json and vocab.bpe` +
        `${files.size > 0 ? `; found only ${[...files.keys()].join(", ")}` : ""}`,
    );
  }
  const [vocabularyFile, mergesFile] = pair;
  const base = parseVocabulary(readJson(files, vocabularyFile, name), `${name}/${vocabularyFile}`);
  const merges = parseMerges(files.get(mergesFile) as string, base, `${name}/${mergesFile}`);
  const added = readJson(files, "added_tokens.json", name) ?? {};
  const vocabulary = parseVocabulary({ ...base, ...added }, `${name}/added_tokens.json`);
  const named = ["bos_token", "eos_token", "unk_token", "pad_token"].map((role) => contentOf(config[role]));
  const special = new Set([GPT2_END_OF_TEXT, ...named, ...Object.keys(added)]);
  return byteLevelBpe(vocabulary, merges, {
    addPrefixSpace: config.add_prefix_space === true,
    specialTokens: [...special].filter((token) => token !== null && Object.hasOwn(vocabulary, token)) as string[],
  });
}

function useUnicodeWhitespace(preTokenizer: PreTokenizer | null): void {
  if (preTokenizer instanceof ByteLevelPreTokenizer) preTokenizer.pattern = GPT2_WORDS;
  if (preTokenizer instanceof SequencePreTokenizer) preTokenizer.tokenizers.forEach(useUnicodeWhitespace);
}

/** A token of `tokenizer_config.json`: a string, or an object with its content. */
function contentOf(token: unknown): string | null {
  if (typeof token === "string") return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === "string" ? content : null;
}

function readJson(files: ReadonlyMap<string, string>, file: string, name: string): Json | null {
  const text = files.get(file);
  if (text === undefined) return null;
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\u{FEFF}/u, ""));
  } catch (error) {
    throw new Error(`${name}/${file}: ${messageOf(error)}`, { cause: error });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Error(`${name}/${file}: expected a JSON object`);
  }
  return json as Json;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
