import type { Tokenizer } from "../io/index.ts";
import { type GenerateOptions, type GPT2, type GPT2Config, generate, type TokenInputs } from "../models/index.ts";

/** Token ids of a prompt; an empty one begins a text of its own. @throws when it does not fit the model. */
export function promptIds(tokenizer: Tokenizer, prompt: string, { positions }: GPT2Config, name: string): Int32Array {
  const ids = tokenizer.encode(prompt);
  if (ids.length === 0) {
    const begin = tokenizer.bosTokenId ?? tokenizer.eosTokenId;
    if (begin === null) throw new Error(`${name}: an empty prompt needs a tokenizer with a begin token`);
    ids.push(begin);
  }
  if (ids.length > positions) {
    throw new Error(`the prompt has ${ids.length} tokens, the model only ${positions} positions`);
  }
  return Int32Array.from(ids);
}

/** What has been written so far. */
export interface Written {
  /** What is new; empty while a character is not whole yet. */
  readonly text: string;
  /** Tokens so far. */
  readonly tokens: number;
  /** Whether the model ended the text. */
  readonly isEnded: boolean;
}

/** Writes on from a prompt. Aborting the signal ends the text where it is. */
export async function* writeOn(
  model: GPT2,
  tokenizer: Tokenizer,
  prompt: Int32Array,
  options: GenerateOptions,
): AsyncGenerator<Written, void> {
  const stream = tokenizer.stream({ skipSpecialTokens: true });
  const inputs: TokenInputs = { inputIds: prompt, batch: 1, length: prompt.length };
  let tokens = 0;
  let isEnded = false;
  try {
    for await (const { ids } of generate(model, inputs, options)) {
      tokens++;
      isEnded = ids[0] === model.config.eosTokenId;
      yield { text: isEnded ? "" : stream.push(ids[0]), tokens, isEnded };
    }
  } catch (error) {
    if (!options.signal?.aborted) throw error;
  }
  yield { text: stream.flush(), tokens, isEnded };
}
