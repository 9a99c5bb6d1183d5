import { noGrad } from "../autograd/index.ts";
import { SafetensorsFile, type TensorToWrite, writeSafetensors } from "../io/index.ts";
import { createFileSink } from "../io/node/index.ts";
import { disposeInputs, type GPT2Base, prepareInputs, type TokenInputs } from "../models/index.ts";
import { type Tensor, tidy } from "../tensor/index.ts";
import { openPlace, shownPlace } from "./data.ts";

/** Logits of one pass over the model at most, in elements: rows of a larger batch are processed in turn. */
const LOGITS_A_PASS = 1 << 24;

type Ids = { values: Int32Array; batch: number; length: number };

/**
 * Reads token ids from a safetensors file, of a disk or at an address, and writes what the model gives: `logits` [batch, length, vocabulary], or
 * [batch, classes] of a classifier, and with `hidden` `hidden_states.0` (embeddings) to `hidden_states.N` (after the
 * final norm), all F32.
 */
export async function predictRaw(
  model: GPT2Base,
  input: string,
  output: string,
  { hidden, signal }: { hidden: boolean; signal: AbortSignal },
): Promise<void> {
  const file = await SafetensorsFile.open(await openPlace(input, signal));
  // Opened first: a place that cannot be written shows before the work, not after it.
  const sink = await createFileSink(output);
  try {
    const ids = await readIds(file, "input_ids");
    if (!ids)
      throw new Error(`${shownPlace(input)}: there is no tensor input_ids; found ${file.names().join(", ") || "none"}`);
    const mask = await readIds(file, "attention_mask", ids);
    const positions = await readIds(file, "position_ids", ids);
    const odd = mask?.values.find((value) => value !== 0 && value !== 1);
    if (odd !== undefined)
      throw new Error(`${shownPlace(input)}: attention_mask has the value ${odd}, expected 0 or 1`);
    const types = await readIds(file, "token_type_ids", ids);
    const results = await runRows(
      model,
      {
        inputIds: ids.values,
        batch: ids.batch,
        length: ids.length,
        attentionMask: mask?.values,
        positionIds: positions?.values,
        tokenTypeIds: types?.values,
      },
      hidden,
      signal,
    );
    const tensors: TensorToWrite[] = [...results].map(([name, { shape, parts }]) => ({
      name,
      dtype: "F32",
      shape,
      data: () => concatenate(parts),
    }));
    await writeSafetensors(sink, tensors);
  } catch (error) {
    await sink.abort();
    throw error;
  } finally {
    await file.close();
  }
}

/** A [batch, length] tensor of integers; null when absent. */
async function readIds(file: SafetensorsFile, name: string, like?: Ids): Promise<Ids | null> {
  if (!file.has(name)) return null;
  const { dtype, shape } = file.info(name);
  if ((dtype !== "I64" && dtype !== "I32") || shape.length !== 2) {
    throw new Error(`${file.name}: ${name} is ${dtype} [${shape}], expected I64 or I32 of shape [batch, length]`);
  }
  const [batch, length] = shape;
  if (like && (batch !== like.batch || length !== like.length)) {
    throw new Error(`${file.name}: ${name} has shape [${shape}], input_ids has [${like.batch},${like.length}]`);
  }
  if (batch === 0 || length === 0) throw new Error(`${file.name}: ${name} of shape [${shape}] is empty`);
  const stored = (await file.readArray(name)) as Int32Array | BigInt64Array;
  const values = Int32Array.from(stored as ArrayLike<number | bigint>, Number);
  // What does not fit 32 bits would come out as another id.
  const wrong = values.findIndex((value, i) => value !== Number(stored[i]));
  if (wrong >= 0) {
    const place = `row ${Math.floor(wrong / length)}, column ${wrong % length}`;
    throw new Error(`${file.name}: ${name} has ${stored[wrong]} at ${place}, which is no id`);
  }
  return { values, batch, length };
}

interface Result {
  shape: number[];
  parts: Float32Array[];
}

/** Runs the batch in groups of rows, so that memory is bounded however large it is. */
async function runRows(
  model: GPT2Base,
  { inputIds, batch, length, attentionMask, positionIds, tokenTypeIds }: TokenInputs,
  hidden: boolean,
  signal: AbortSignal,
): Promise<Map<string, Result>> {
  const rows = Math.max(1, Math.floor(LOGITS_A_PASS / (length * model.config.vocabularySize)));
  const results = new Map<string, Result>();
  for (let begin = 0; begin < batch; begin += rows) {
    signal.throwIfAborted();
    const count = Math.min(rows, batch - begin);
    const cut = (all?: Int32Array): Int32Array | undefined => all?.subarray(begin * length, (begin + count) * length);
    const inputs = prepareInputs(
      model.gpu,
      {
        inputIds: cut(inputIds)!,
        attentionMask: cut(attentionMask),
        positionIds: cut(positionIds),
        tokenTypeIds: cut(tokenTypeIds),
        batch: count,
        length,
      },
      model.config,
    );
    const outputs = noGrad(() =>
      tidy(() => {
        const named: Record<string, Tensor> = { logits: model.forward(inputs) };
        if (hidden) {
          model.hiddenStates(inputs).forEach((state, i) => {
            named[`hidden_states.${i}`] = state;
          });
        }
        return named;
      }),
    );
    disposeInputs(inputs);
    for (const [name, tensor] of Object.entries(outputs)) {
      const result = results.get(name) ?? { shape: [batch, ...tensor.shape.slice(1)], parts: [] };
      result.parts.push((await tensor.data()) as Float32Array);
      results.set(name, result);
      tensor.dispose();
    }
  }
  return results;
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0];
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}
