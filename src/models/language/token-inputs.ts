import type { Gpu } from "../../gpu/index.ts";
import { formatShape, keep, type Tensor, tensor } from "../../tensor/index.ts";
import { describeKind } from "../../tensor/require-kind.ts";
import type { GPT2Config } from "../gpt2-config.ts";

/** Token ids of a batch on the host, row-major [batch, length], as `padBatch` gives them. */
export interface TokenInputs {
  readonly inputIds: Int32Array;
  readonly batch: number;
  readonly length: number;
  /** 1 on tokens, 0 on padding; absent when nothing is padded. */
  readonly attentionMask?: Int32Array;
  /** Rows of the position table; by default the tokens of each row are counted from 0, padding left out. */
  readonly positionIds?: Int32Array;
  /** Rows of the token table that are added to each token's own, as transformers' GPT-2 takes `token_type_ids`. */
  readonly tokenTypeIds?: Int32Array;
}

/** @throws TypeError where what `who` is given is no batch of token ids. */
export function requireTokens(who: string, inputs: TokenInputs): void {
  if (typeof inputs?.inputIds === "object") return;
  const expected = "token ids { inputIds, batch, length }, as padBatch gives";
  throw new TypeError(`${who}: expected ${expected}, got ${describeKind(inputs)}`);
}

/** The same on the GPU. Disposed by whoever made it. */
export interface DeviceInputs {
  readonly batch: number;
  readonly length: number;
  readonly ids: Tensor;
  readonly positions: Tensor;
  /** Absent when none were given. */
  readonly types?: Tensor;
  /** Absent when every key may be seen. */
  readonly mask?: Tensor;
  /** [batch]: index into batch · length of each row's last token. */
  readonly lastTokens: Tensor;
}

/**
 * Checks ids and positions on the host, where a wrong one can be named, and uploads them. A row's last token is the
 * last one that is not masked; without a mask, the last one that is not `padTokenId`.
 *
 * @throws naming row, column, value and the range it must lie in.
 */
export function prepareInputs(
  gpu: Gpu,
  inputs: TokenInputs,
  config: Pick<GPT2Config, "vocabularySize" | "positions" | "padTokenId">,
): DeviceInputs {
  requireTokens("prepareInputs", inputs);
  const { inputIds, batch, length, attentionMask, tokenTypeIds } = inputs;
  const shape = [batch, length];
  for (const [name, values] of Object.entries({
    inputIds,
    attentionMask,
    positionIds: inputs.positionIds,
    tokenTypeIds,
  })) {
    if (values && values.length !== batch * length) {
      throw new Error(`${name}: ${values.length} values do not fill a batch of shape ${formatShape(shape)}`);
    }
  }
  if (length > config.positions) {
    throw new Error(`a batch of ${length} tokens exceeds the model's ${config.positions} positions`);
  }
  const positionIds = inputs.positionIds ?? countPositions(attentionMask, batch, length);
  checkRange("token id", inputIds, length, config.vocabularySize, "vocabulary");
  if (tokenTypeIds) checkRange("token type", tokenTypeIds, length, config.vocabularySize, "vocabulary");
  checkRange("position", positionIds, length, config.positions, "position table");
  // Without a mask the padding id tells where a text ends, as it does in transformers; it hides nothing.
  const { padTokenId } = config;
  const real = attentionMask ?? (padTokenId === null ? undefined : inputIds.map((id) => (id === padTokenId ? 0 : 1)));
  const isPadded = attentionMask?.includes(0) ?? false;
  const upload = (values: Int32Array): Tensor => keep(tensor(values, shape, { gpu }));
  const last = lastTokens(real, batch, length);
  return {
    batch,
    length,
    ids: upload(inputIds),
    positions: upload(positionIds),
    types: tokenTypeIds && upload(tokenTypeIds),
    mask: isPadded ? upload(attentionMask!) : undefined,
    lastTokens: keep(tensor(last, [batch], { gpu })),
  };
}

/** Frees what {@link prepareInputs} made. */
export function disposeInputs(inputs: DeviceInputs): void {
  inputs.ids.dispose();
  inputs.positions.dispose();
  inputs.types?.dispose();
  inputs.mask?.dispose();
  inputs.lastTokens.dispose();
}

/** max(cumulative sum of the mask − 1, 0), row by row. */
export function countPositions(mask: Int32Array | undefined, batch: number, length: number): Int32Array {
  const positions = new Int32Array(batch * length);
  for (let row = 0; row < batch; row++) {
    let count = 0;
    for (let column = 0; column < length; column++) {
      const index = row * length + column;
      if (mask?.[index] !== 0) count++;
      positions[index] = Math.max(count - 1, 0);
    }
  }
  return positions;
}

function lastTokens(mask: Int32Array | undefined, batch: number, length: number): Int32Array {
  return Int32Array.from({ length: batch }, (_, row) => {
    let column = length - 1;
    while (mask && column > 0 && mask[row * length + column] === 0) column--;
    return row * length + column;
  });
}

function checkRange(what: string, values: Int32Array, length: number, limit: number, table: string): void {
  const bad = values.findIndex((value) => value < 0 || value >= limit);
  if (bad < 0) return;
  const place = `row ${Math.floor(bad / length)}, column ${bad % length}`;
  throw new Error(`${what} ${values[bad]} at ${place} lies outside the ${table} of ${limit}`);
}
