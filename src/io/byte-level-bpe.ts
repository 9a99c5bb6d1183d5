/** What of a tokenizer's configuration a byte-level BPE needs that its vocabulary does not say. */
export interface ByteLevelBpeOptions {
  /** A space is put before a text that does not begin with one. */
  readonly addPrefixSpace: boolean;
  /** Tokens of the vocabulary that are cut out of the text before merging, such as `<|endoftext|>`. */
  readonly specialTokens: readonly string[];
}

type Merge = readonly [string, string];

/**
 * GPT-2's byte-level BPE (Radford et al. 2019) from the two files it was published as, in the form of a
 * `tokenizer.json`.
 *
 * @param vocabulary token -> id, as in `vocab.json` or OpenAI's `encoder.json`
 * @param merges pairs in order of rank, as `parseMerges` reads them
 */
export function byteLevelBpe(
  vocabulary: Readonly<Record<string, number>>,
  merges: readonly Merge[],
  { addPrefixSpace, specialTokens }: ByteLevelBpeOptions,
): Record<string, unknown> {
  const byteLevel = { type: "ByteLevel", add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content) => ({
      id: vocabulary[content],
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: { ...byteLevel, trim_offsets: false },
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: vocabulary,
      merges,
    },
  };
}

/**
 * Reads `vocab.json` or `encoder.json`: an object of token -> id.
 *
 * @throws when it is not such an object, or when two tokens share an id
 */
export function parseVocabulary(json: unknown, file: string): Record<string, number> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Error(`${file}: expected an object of token -> id`);
  }
  const tokenOf = new Map<number, string>();
  for (const [token, id] of Object.entries(json)) {
    if (!Number.isInteger(id) || id < 0) {
      throw new Error(`${file}: token ${JSON.stringify(token)} has the id ${JSON.stringify(id)}, expected an integer`);
    }
    const other = tokenOf.get(id);
    if (other !== undefined) {
      throw new Error(`${file}: ${JSON.stringify(other)} and ${JSON.stringify(token)} have the same id ${id}`);
    }
    tokenOf.set(id, token);
  }
  if (tokenOf.size === 0) throw new Error(`${file}: the vocabulary is empty`);
  return json as Record<string, number>;
}

/**
 * Reads `merges.txt` or `vocab.bpe`: after an optional `#version` line, one pair a line in order of rank.
 *
 * @throws naming file and line when a line is no pair, or when what it makes is not in the vocabulary
 */
export function parseMerges(text: string, vocabulary: Readonly<Record<string, number>>, file: string): Merge[] {
  const merges: Merge[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    // Only this one line is a comment: "# #" is a merge like any other.
    if (line === "" || line.startsWith("#version")) continue;
    const [left, right, ...rest] = line.split(" ");
    if (!left || !right || rest.length > 0) {
      throw new Error(`${file}: line ${index + 1}: expected two symbols and a space between them, found "${line}"`);
    }
    if (!Object.hasOwn(vocabulary, left + right)) {
      throw new Error(`${file}: line ${index + 1}: "${line}" makes "${left + right}", which is not in the vocabulary`);
    }
    merges.push([left, right]);
  }
  return merges;
}
