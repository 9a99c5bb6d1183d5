import { backward, capture } from "../../autograd/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import { GPT2, GPT2ForSequenceClassification, parseGPT2Config, prepareInputs } from "../../models/index.ts";
import { type Tensor, tensor, tidy } from "../../tensor/index.ts";
import { randomIndices, randomValues } from "../values.ts";
import type { StepRow } from "./step.ts";
import { adamw, trainingStep } from "./training-step.ts";

interface Shape {
  layers: number;
  width: number;
  heads: number;
  vocabulary: number;
  batch: number;
  length: number;
}

const configOf = ({ layers, width, heads, vocabulary, length }: Omit<Shape, "batch">) =>
  parseGPT2Config({
    model_type: "gpt2",
    n_layer: layers,
    n_embd: width,
    n_head: heads,
    n_positions: length,
    vocab_size: vocabulary,
    resid_pdrop: 0,
    embd_pdrop: 0,
    attn_pdrop: 0,
    eos_token_id: vocabulary - 1,
  });

/** Operations of the products of one block forward: projections, feed-forward, scores and weighted values. */
const blockOperations = (tokens: number, length: number, width: number): number =>
  2 * tokens * width * 12 * width + 4 * tokens * length * width;

const BLOCK = { layers: 1, width: 768, heads: 12, vocabulary: 64, length: 128 };
const BLOCK_OPERATIONS = blockOperations(BLOCK.length, BLOCK.length, BLOCK.width);

/** A pre-norm block of GPT-2 alone, forward, or forward and backward to its input and all its parameters. */
function blockRow(id: string, title: string, isBackward: boolean): StepRow {
  return {
    id,
    title,
    items: { count: BLOCK.length, unit: "tokens/s" },
    operations: (isBackward ? 3 : 1) * BLOCK_OPERATIONS,
    prepare: async (gpu) => {
      const model = GPT2.random(gpu, configOf(BLOCK), 1);
      if (!isBackward) model.freeze();
      const block = model.stages.find(({ name }) => name === "h.0")!;
      const ids = randomIndices(BLOCK.length, BLOCK.vocabulary, 7);
      const inputs = prepareInputs(gpu, { inputIds: ids, batch: 1, length: BLOCK.length }, model.config);
      const shape = [1, BLOCK.length, BLOCK.width];
      const [x, g] = [5, 6].map((seed) => tensor(randomValues(BLOCK.length * BLOCK.width, seed), shape, { gpu }));
      x.requiresGrad = isBackward;
      // The gradients of the parameters are made and given up; that of the input is the result.
      const step = capture(gpu, () => {
        const y = block.run(x, inputs);
        return isBackward ? backward(y, { gradient: g }).get(x)! : y;
      });
      const run = (): Tensor => step({});
      return {
        run: () => void run(),
        check: async () => finiteFault(tidy(run)),
        [Symbol.dispose]: () => {
          for (const one of [step, x, g]) one.dispose();
          model.release(inputs);
          model.dispose();
        },
      };
    },
  };
}

async function finiteFault(result: Tensor): Promise<string | undefined> {
  const values = await result.data();
  result.dispose();
  return values.every((value) => Number.isFinite(value)) ? undefined : "a number of the result is not finite";
}

/** A training step of a GPT-2 with random weights: every parameter, AdamW, no dropout. */
function languageRow(id: string, title: string, shape: Shape, clip?: number): StepRow {
  const { layers, width, vocabulary, batch, length } = shape;
  const tokens = batch * length;
  return {
    id,
    title,
    items: { count: tokens, unit: "tokens/s" },
    operations: 3 * (layers * blockOperations(tokens, length, width) + 2 * tokens * width * vocabulary),
    prepare: async (gpu) => {
      const model = GPT2.random(gpu, configOf(shape), 1);
      const ids = randomIndices(tokens, vocabulary, 7);
      const inputs = prepareInputs(gpu, { inputIds: ids, batch, length }, model.config);
      const labels = tensor(randomIndices(tokens, vocabulary, 9), [tokens], { gpu });
      const optimizer = adamw(model.namedParameters(), 1e-3);
      return trainingStep(
        gpu,
        optimizer,
        () => model.loss(model.features(inputs), labels, "mean"),
        () => {
          labels.dispose();
          model.release(inputs);
          model.dispose();
        },
        clip,
      );
    },
  };
}

const FINETUNE_BATCH = 16;
const FINETUNE_LENGTH = 64;

/** A step of the second stage of `graft start`: head, last two blocks and final norm of the bundled model. */
const bundledFinetune: StepRow = {
  id: "bundled-finetune/step",
  title: `Fine-tuning step of the bundled GPT-2: head and last two blocks, batch ${FINETUNE_BATCH} of ${FINETUNE_LENGTH} tokens`,
  items: { count: FINETUNE_BATCH * FINETUNE_LENGTH, unit: "tokens/s" },
  operations: 0,
  prepare: async (gpu: Gpu, { bundledModel }) => {
    if (!bundledModel) return undefined;
    const labels = ["ham", "spam"];
    const model = await GPT2ForSequenceClassification.fromPretrained(await bundledModel(), { gpu, labels });
    const { layers, vocabularySize } = model.config;
    model.freeze();
    model.unfreeze("score.*", "*ln_f.*", `*h.${layers - 1}.*`, `*h.${layers - 2}.*`);
    const trained = [...model.namedParameters()].filter(([, parameter]) => parameter.requiresGrad);
    const optimizer = adamw(new Map(trained), 3e-4);
    const ids = randomIndices(FINETUNE_BATCH * FINETUNE_LENGTH, vocabularySize, 7);
    const inputs = model.prepare({ inputIds: ids, batch: FINETUNE_BATCH, length: FINETUNE_LENGTH });
    const targets = tensor(randomIndices(FINETUNE_BATCH, labels.length, 9), [FINETUNE_BATCH], { gpu });
    return trainingStep(
      gpu,
      optimizer,
      () => model.loss(model.features(inputs), targets, "mean"),
      () => {
        targets.dispose();
        model.release(inputs);
        model.dispose();
      },
      1,
    );
  },
};

export const LANGUAGE_ROWS: readonly StepRow[] = [
  blockRow("transformer-block/forward", "Transformer block forward, width 768, 12 heads, 128 tokens", false),
  blockRow("transformer-block/forward+backward", "Transformer block forward and backward", true),
  languageRow("training-step", "Training step of GPT-2, 4 layers of 256, 4 × 64 tokens, vocabulary 50257, AdamW", {
    layers: 4,
    width: 256,
    heads: 4,
    vocabulary: 50257,
    batch: 4,
    length: 64,
  }),
  bundledFinetune,
  languageRow(
    "gpt2-124m/step",
    "Training step of the GPT-2 124M shape, 1 × 64 tokens, AdamW",
    { layers: 12, width: 768, heads: 12, vocabulary: 50257, batch: 1, length: 64 },
    1,
  ),
];
