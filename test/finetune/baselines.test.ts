import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { classificationExamples, finetune, layerwiseGroups, triangularSchedule } from "../../src/finetune/index.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { everyNth, labelIndices, loadTextDataset, Tokenizer, tokenizeExamples } from "../../src/io/index.ts";
import { GPT2ForSequenceClassification } from "../../src/models/index.ts";
import { AdamW } from "../../src/nn/index.ts";
import { openDirectory, readJson, readText } from "../support/files.ts";

const MODEL = "assets/gpt2-mini-en";
const baselines = await readJson(`${MODEL}/baselines.json`);

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

/** The losses of the first steps of a PyTorch run on the whole SMS set, by the recipe of baselines.json. */
async function firstLosses(trained: string[], learningRate: number, epochs: number): Promise<number[]> {
  const directory = await openDirectory(MODEL);
  const tokenizer = await Tokenizer.fromDirectory(directory);
  const dataset = loadTextDataset("sms.tsv", await readText("assets/sms-spam/sms.tsv"));
  const { train } = everyNth(dataset.examples, 5);
  const tokens = tokenizeExamples(tokenizer, train, { maxLength: 64 });
  const examples = classificationExamples(tokens, labelIndices(train, dataset.labels));
  const model = await GPT2ForSequenceClassification.fromPretrained(directory, {
    labels: dataset.labels,
    head: "zeros",
  });
  model.freeze().unfreeze(...trained);
  const optimizer = new AdamW(layerwiseGroups(model, { learningRate, weightDecay: 0.01 }));
  const losses: number[] = [];
  const run = finetune(
    model,
    { train: examples, labels: dataset.labels },
    // Kept activations would be computed ahead for all messages; five batches need none of that.
    {
      optimizer,
      epochs,
      batch: 16,
      clip: 1,
      seed: 42,
      cache: false,
      schedule: (totalSteps) => triangularSchedule({ totalSteps }),
    },
  );
  for await (const event of run) {
    if (event.type === "step") losses.push(event.loss);
    if (losses.length === 5) break;
  }
  optimizer.dispose();
  model.dispose();
  return losses;
}

describe("first steps on the SMS set against PyTorch", () => {
  for (const [name, trained] of Object.entries({
    a_head_only: ["score"],
    b_last2_blocks: ["score", "ln_f", "h.2", "h.3"],
    c_full: ["*"],
  })) {
    it(name, async () => {
      const { lr, epochs, first_step_losses: expected } = baselines.sms[name];
      const losses = await firstLosses(trained, lr, epochs);
      for (const [step, loss] of losses.entries()) expect(Math.abs(loss - expected[step])).toBeLessThan(3e-6);
      expect(losses).toHaveLength(5);
    });
  }
});
