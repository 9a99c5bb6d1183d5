import type { Plan } from "./plan.ts";

/** What may be changed so that training fits. */
export interface ChangedOptions {
  batch?: number;
  accumulate?: number;
  evaluationBatch?: number;
  checkpointBlocks?: boolean;
  /** Rank of low-rank adapters. */
  lora?: number;
  length?: number;
}

/** A change of the options with which training fits, as a rehearsal found. */
export interface Change {
  readonly description: string;
  readonly options: ChangedOptions;
  readonly peakBytes: number;
  /** Work of a step as a multiple of the plan's own, for as many examples. */
  readonly cost: number;
  /** Whether the training itself is another one, not only the way it is computed. */
  readonly changesResult: boolean;
}

/** The rank that PEFT has by default. */
const LORA_RANK = 8;

/** Halves down to 1. */
function halves(from: number): number[] {
  const list: number[] = [];
  for (let n = from; n > 1; ) {
    n = Math.ceil(n / 2);
    list.push(n);
  }
  return list;
}

/**
 * Tries changes and gives those that fit, the cheapest first: smaller batches whose gradients are added up, which cost
 * dispatches only; then activations that are computed twice; last what is another training: adapters in place of the
 * weights, shorter texts.
 */
export async function changesThatFit(
  asked: Plan,
  canLora: boolean,
  planWith: (change: ChangedOptions) => Promise<Plan>,
): Promise<Change[]> {
  const found: Change[] = [];
  /** Tries changes of one kind from the mildest on; the first that fits is enough. */
  const seek = async (candidates: readonly (ChangedOptions & { description: string })[]): Promise<void> => {
    for (const { description, ...options } of candidates) {
      const plan = await planWith(options);
      if (!plan.fits) continue;
      const examples = (plan.batch * plan.accumulate) / (asked.batch * asked.accumulate);
      const cost = asked.flops > 0 ? plan.flops / examples / asked.flops : 1;
      found.push({
        description,
        options,
        peakBytes: plan.peakBytes,
        cost,
        changesResult: options.length !== undefined || options.lora !== undefined,
      });
      return;
    }
  };
  const { batch, accumulate, length, evaluationBatch } = asked;
  const evaluating = (most: number): { evaluationBatch?: number; suffix: string } =>
    evaluationBatch !== null && evaluationBatch > most
      ? { evaluationBatch: most, suffix: `, evaluation batch ${most}` }
      : { suffix: "" };
  const smaller = halves(batch).map((size) => {
    const times = accumulate * Math.ceil(batch / size);
    const { suffix, ...evaluation } = evaluating(size);
    const description = `batch ${size} with accumulate ${times}${suffix}`;
    return { batch: size, accumulate: times, ...evaluation, description };
  });
  const again = { checkpointBlocks: true, description: "checkpointed blocks" };
  const milder = evaluationBatch === null ? [] : halves(evaluationBatch);
  await seek(milder.map((size) => ({ evaluationBatch: size, description: `evaluation batch ${size}` })));
  await seek(smaller);
  await seek([
    again,
    ...smaller.map((one) => ({ ...one, ...again, description: `${again.description}, ${one.description}` })),
  ]);
  if (canLora) {
    const adapters = { lora: LORA_RANK, description: `low-rank adapters (LoRA) of rank ${LORA_RANK}` };
    const together = (one: ChangedOptions & { description: string }): typeof one => ({
      ...one,
      ...adapters,
      description: `${adapters.description}, ${one.description}`,
    });
    await seek([
      adapters,
      ...smaller.map(together),
      ...smaller.map((one) => together({ ...one, ...again, description: `${again.description}, ${one.description}` })),
    ]);
  }
  if (length !== null) {
    const shorter = halves(length).filter((tokens) => tokens >= 8);
    await seek(shorter.map((tokens) => ({ length: tokens, description: `texts cut at ${tokens} tokens` })));
  }
  return found.sort((a, b) => Number(a.changesResult) - Number(b.changesResult) || a.cost - b.cost);
}
