import type { Tokenizer } from "../../io/index.ts";

/** Prompts at most, and what they have of a text: tokens that are looked at, words, characters where there are no words. */
const MOST_PROMPTS = 3;
const TOKENS = 32;
const WORDS = 5;
const CHARACTERS = 48;

/** Beginnings of texts from windows that are evenly spread, for a language model to go on with. Each fits into a window. */
export function promptsOf(windows: readonly { readonly inputIds: Int32Array }[], tokenizer: Tokenizer): string[] {
  const count = Math.min(MOST_PROMPTS, windows.length);
  const spread = Array.from({ length: count }, (_, i) => windows[Math.floor((i * windows.length) / count)]);
  const prompts = spread.map(({ inputIds }) => {
    const prompt = beginningOf(inputIds, tokenizer);
    const isWhole = prompt !== "" && !prompt.includes("\u{FFFD}");
    return isWhole && tokenizer.encode(prompt).length <= inputIds.length ? prompt : [];
  });
  return [...new Set(prompts.flat())];
}

/** The first words of a text or of a line that begins in the window, if there is one: the window itself begins anywhere. */
function beginningOf(ids: Int32Array, tokenizer: Tokenizer): string {
  const { eosTokenId } = tokenizer;
  const end = eosTokenId === null ? -1 : ids.indexOf(eosTokenId);
  const begin = end >= 0 && end + WORDS < ids.length ? end + 1 : 0;
  const text = tokenizer.decode(ids.subarray(begin, begin + TOKENS), { skipSpecialTokens: true });
  const words = begin > 0 ? wordsOf(text) : (firstLine(text) ?? wordsOf(text.replace(/^\S+\s+/, "")));
  return [...words.slice(0, WORDS).join(" ")].slice(0, CHARACTERS).join("");
}

/** The words from the first line on that begins in a text; null where there are too few, the last of which may be cut. */
function firstLine(text: string): string[] | null {
  const words = text.includes("\n") ? wordsOf(text.slice(text.indexOf("\n") + 1)) : [];
  return words.length > WORDS ? words : null;
}

const wordsOf = (text: string): string[] => text.trim().split(/\s+/);
