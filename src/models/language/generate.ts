import { noGrad, reshape, slice } from "../../autograd/index.ts";
import { mulberry32 } from "../../io/index.ts";
import { type Tensor, tensor, tidy } from "../../tensor/index.ts";
import { requireObject } from "../../tensor/require-kind.ts";
import type { GPT2 } from "../gpt2.ts";
import { KeyValueCache } from "./key-value-cache.ts";
import { argmax, nextTokenProbabilities, type SamplingOptions, sampleToken } from "./sampling.ts";
import { countPositions, disposeInputs, prepareInputs, requireTokens, type TokenInputs } from "./token-inputs.ts";

/** How long and how {@link generate} writes. */
export interface GenerateOptions extends SamplingOptions {
  /** Tokens to append; generation also ends where the model's positions do. */
  maximumNewTokens: number;
  /** Take the most probable token each time. */
  greedy?: boolean;
  /** Seed of the draws. */
  seed?: number;
  /** A row that gives this token is finished; default the config's end-of-text. Null goes on to the end. */
  endToken?: number | null;
  signal?: AbortSignal;
}

/** The tokens one step appended: one id a row, and the logits [batch, V] they were chosen from. */
export interface GeneratedStep {
  ids: Int32Array;
  /** Rows that had ended before; their id is the end token again. */
  finished: readonly boolean[];
  logits: Float32Array;
}

/**
 * Continues prompts, padded on the left where lengths differ, a token a step. Keys and values of earlier tokens are
 * kept, so a step costs one token.
 */
export async function* generate(
  model: GPT2,
  prompt: TokenInputs,
  options: GenerateOptions,
): AsyncGenerator<GeneratedStep> {
  requireObject("generate", model, "a language model, as GPT2.fromPretrained gives", ["forward"]);
  requireTokens("generate", prompt);
  requireObject("generate", options, "options such as { maximumNewTokens: 20 }");
  const { batch, length } = prompt;
  const { config, gpu } = model;
  const room = config.positions - length;
  if (room < 0) throw new Error(`a prompt of ${length} tokens exceeds the model's ${config.positions} positions`);
  if (length < 1) throw new Error("generate: the prompt is empty; a model writes on from one token at least");
  if (!(Number.isInteger(options.maximumNewTokens) && options.maximumNewTokens >= 0)) {
    const given = options.maximumNewTokens;
    throw new RangeError(`generate: maximumNewTokens must be a whole number of 0 or more, got ${given}`);
  }
  const steps = Math.min(options.maximumNewTokens, room + 1);
  const endToken = options.endToken === undefined ? config.eosTokenId : options.endToken;
  const random = mulberry32(options.seed ?? 0);
  const capacity = length + Math.max(steps - 1, 0);
  const cache = new KeyValueCache(gpu, {
    layers: config.layers,
    batch,
    heads: config.heads,
    width: config.width / config.heads,
    capacity,
  });
  const isPadded = prompt.attentionMask?.includes(0) ?? false;
  // One line of the mask for all tokens to come: what is generated may always be seen.
  const fullMask = new Int32Array(batch * capacity).fill(1);
  if (isPadded) {
    for (let row = 0; row < batch; row++) {
      fullMask.set(prompt.attentionMask!.subarray(row * length, (row + 1) * length), row * capacity);
    }
  }
  const positions = prompt.positionIds ?? countPositions(prompt.attentionMask, batch, length);
  const nextPosition = Int32Array.from({ length: batch }, (_, row) => positions[row * length + length - 1] + 1);
  const finished = new Array<boolean>(batch).fill(false);
  let inputs: TokenInputs = { ...prompt, positionIds: positions };
  try {
    for (let step = 0; step < steps; step++) {
      options.signal?.throwIfAborted();
      const logits = await nextLogits(
        model,
        inputs,
        cache,
        isPadded ? maskUpTo(fullMask, batch, capacity, cache.length + inputs.length) : undefined,
      );
      const before = [...finished];
      const ids = new Int32Array(batch);
      for (let row = 0; row < batch; row++) {
        const own = logits.subarray(row * config.vocabularySize, (row + 1) * config.vocabularySize);
        const chosen = options.greedy ? argmax(own) : sampleToken(nextTokenProbabilities(own, options), random.next());
        ids[row] = finished[row] ? endToken! : chosen;
        finished[row] ||= ids[row] === endToken;
      }
      yield { ids, finished: before, logits };
      if (finished.every(Boolean)) return;
      inputs = { inputIds: ids, batch, length: 1, positionIds: nextPosition.slice() };
      for (let row = 0; row < batch; row++) nextPosition[row]++;
    }
  } finally {
    cache.dispose();
  }
}

/** The first `length` columns of a mask [batch, capacity]. */
function maskUpTo(mask: Int32Array, batch: number, capacity: number, length: number): Int32Array {
  const cut = new Int32Array(batch * length);
  for (let row = 0; row < batch; row++) cut.set(mask.subarray(row * capacity, row * capacity + length), row * length);
  return cut;
}

/** Logits [batch, V] of the token after the last, as host values. */
async function nextLogits(
  model: GPT2,
  inputs: TokenInputs,
  cache: KeyValueCache,
  mask: Int32Array | undefined,
): Promise<Float32Array> {
  const { width } = model.config;
  const { batch, length } = inputs;
  const prepared = prepareInputs(model.gpu, { ...inputs, attentionMask: undefined }, model.config);
  const logits = noGrad(() =>
    tidy((): Tensor => {
      const keys = mask && tensor(mask, [batch, mask.length / batch], { gpu: model.gpu });
      const hidden = model.extend(prepared, cache, keys);
      return model.head(reshape(slice(hidden, 1, length - 1, length), [batch, width]));
    }),
  );
  disposeInputs(prepared);
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  return values;
}
