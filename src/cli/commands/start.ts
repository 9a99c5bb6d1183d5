import { readFile } from "node:fs/promises";
import { formatCount } from "../../finetune/format.ts";
import {
  classificationExamples,
  headThenBlocks,
  predictAndEvaluate,
  runRecipe,
  type TrainingExample,
} from "../../finetune/index.ts";
import { type Prediction, type RunReport, renderReport } from "../../finetune/report.ts";
import { Gpu } from "../../gpu/index.ts";
import {
  everyNth,
  labelIndices,
  loadTextDataset,
  stratifiedSample,
  type TextExample,
  Tokenizer,
  tokenizeExamples,
} from "../../io/index.ts";
import { NodeDirectory } from "../../io/node/index.ts";
import { saveModel } from "../../jobs/model-folder.ts";
import { StageRecorder } from "../../jobs/training/stage-recorder.ts";
import { argmax, GPT2ForSequenceClassification } from "../../models/index.ts";
import { defineCommand } from "../arguments.ts";
import { assetPath } from "../assets.ts";
import { createRenderer } from "../render.ts";
import { TUNED_OPTION, useTuned } from "../tuned.ts";

const DATA = "sms-spam/sms.tsv";
const ATTRIBUTION = "SMS Spam Collection v.1, T. A. Almeida, J. M. Gómez Hidalgo, A. Yamakami, CC BY 4.0";
/** As in the PyTorch baselines: every fifth message is for validation. */
const VALIDATION_EVERY = 5;
const MAXIMUM_TOKENS = 64;
const BATCH = 16;
const PAD_ID = 0;
/** Messages of each class that the report shows. */
const SAMPLES_PER_CLASS = 5;

export const start = defineCommand({
  name: "start",
  description:
    "Fine-tunes the bundled pretrained GPT-2 (gpt2-mini-en) on the bundled SMS spam data as a classifier of two " +
    "classes: measures the validation set, trains the new head on a frozen trunk, then thaws the last two blocks and " +
    "ln_f at a reduced, per-layer rate, measures again, and saves model, tokenizer and config in Hub layout with a " +
    "report. Ctrl-C stops after the current step and saves what there is.",
  options: {
    all: { type: "boolean", description: "take every message, shuffled without grouping, as the PyTorch baselines do" },
    train: {
      type: "integer",
      default: 1000,
      min: 2,
      description: "training messages, drawn with the shares of the classes",
    },
    valid: { type: "integer", default: 500, min: 2, description: "validation messages, drawn likewise" },
    headEpochs: { type: "integer", default: 3, min: 0, description: "epochs with the head alone" },
    epochs: { type: "integer", default: 2, min: 0, description: "epochs with the last two blocks too" },
    headLr: { type: "number", default: 1e-3, min: 0, exclusive: true, description: "learning rate of the head alone" },
    lr: { type: "number", default: 3e-4, min: 0, exclusive: true, description: "learning rate of the last block" },
    layerDecay: {
      type: "number",
      default: 0.8,
      min: 0,
      max: 1,
      description: "factor of the rate from a block to the one below",
    },
    seed: { type: "integer", default: 42, min: 0, description: "seed of the draw and of shuffling" },
    out: {
      type: "string",
      default: "runs/sms-spam",
      placeholder: "DIR",
      description: "where the model and report.html go",
    },
    tuned: TUNED_OPTION,
    json: { type: "boolean", description: "print one event a line" },
  },
  positionals: {},
  async run({ options }, { stdout, env, now, onInterrupt }) {
    using interrupt = onInterrupt();
    // Made first: a place that cannot be written shows before the work, not after it.
    const output = await NodeDirectory.create(options.out);
    using gpu = await Gpu.open();
    const renderer = createRenderer(stdout, { json: options.json, now });
    renderer.note(`Adapter: ${gpu.adapter.name}`);
    if (options.tuned) renderer.note(await useTuned(env, gpu));

    const directory = await NodeDirectory.open(assetPath("gpt2-mini-en"));
    const tokenizer = await Tokenizer.fromDirectory(directory);
    const dataset = loadTextDataset(DATA, await readFile(assetPath(DATA), "utf8"));
    const { labels } = dataset;
    const whole = everyNth(dataset.examples, VALIDATION_EVERY);
    const draw = (examples: TextExample[], count: number): TextExample[] =>
      options.all || count >= examples.length ? examples : stratifiedSample(examples, count, options.seed);
    const train = draw(whole.train, options.train);
    const valid = draw(whole.valid, options.valid);
    const of = (some: readonly unknown[], all: readonly unknown[]): string =>
      `${formatCount(some.length)} of ${formatCount(all.length)}`;
    const how = options.all ? "all" : `stratified, seed ${options.seed}`;
    renderer.note(
      `Data: ${of(train, whole.train)} training and ${of(valid, whole.valid)} validation messages (${how})`,
    );

    const encode = (texts: readonly TextExample[]): TrainingExample[] => {
      const tokens = tokenizeExamples(tokenizer, texts, { maxLength: MAXIMUM_TOKENS });
      return classificationExamples(tokens, labelIndices(texts, labels));
    };
    // Zeros give every class the same score: the start is the same in every engine.
    const model = await GPT2ForSequenceClassification.fromPretrained(directory, { gpu, labels, head: "zeros" });
    const data = { train: encode(train), valid: encode(valid), labels };
    const shown = labels.flatMap((label) => valid.filter((one) => one.label === label).slice(0, SAMPLES_PER_CLASS));
    const predictShown = async (): Promise<Prediction[]> => {
      const { probabilities } = await predictAndEvaluate(model, encode(shown), { padId: PAD_ID, labels });
      return probabilities.map((own) => ({ label: labels[argmax(own)], probability: own[argmax(own)] }));
    };
    const shownBefore = await predictShown();

    const stages = headThenBlocks(model, {
      headEpochs: options.headEpochs,
      epochs: options.epochs,
      blocks: 2,
      headLearningRate: options.headLr,
      learningRate: options.lr,
      layerDecay: options.layerDecay,
    });
    const settings = {
      maxLength: MAXIMUM_TOKENS,
      optimizer: "AdamW",
      weightDecay: 0.01,
      schedule: "triangular, warm-up of a tenth of the steps",
      headStart: "zeros",
    };
    const recorder = new StageRecorder();
    const run = runRecipe(model, data, stages, {
      batch: BATCH,
      clip: 1,
      seed: options.seed,
      groupByLength: !options.all,
      padId: PAD_ID,
      signal: interrupt.signal,
      modelName: "gpt2-mini-en",
      settings,
    });
    try {
      for await (const event of run) {
        renderer.event(event);
        recorder.record(event);
      }
    } finally {
      renderer.clear();
    }
    const { before, after } = recorder;
    const shownAfter = await predictShown();

    await saveModel(output, model, { directory }, tokenizer);
    const report: RunReport = {
      title: "GPT-2 mini learns to tell spam from ham",
      createdAt: new Date().toISOString(),
      adapter: gpu.adapter.name,
      model: "gpt2-mini-en",
      task: "classify",
      data: {
        source: "SMS Spam Collection",
        trainExamples: train.length,
        validExamples: valid.length,
        classes: labels.map((label) => ({
          label,
          train: train.filter((one) => one.label === label).length,
          valid: valid.filter((one) => one.label === label).length,
        })),
        attribution: ATTRIBUTION,
      },
      stages: recorder.stages,
      before,
      after,
      samples: shown.map((one, i) => ({ ...one, before: shownBefore[i], after: shownAfter[i] })),
      settings: { ...settings, batch: BATCH, clip: 1, seed: options.seed, groupByLength: !options.all },
    };
    await output.writeText("report.html", renderReport(report));
    renderer.summary({ before, after });
    renderer.note(`Saved model, tokenizer and report.html in ${options.out}`);
    return 0;
  },
});
