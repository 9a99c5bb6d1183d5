import {
  classificationExamples,
  cosineSchedule,
  type Examples,
  type FinetuneOptions,
  finetune,
  ImageExamples,
  layerwiseGroups,
  type TrainingData,
  type TrainingExample,
} from "../../../src/finetune/index.ts";
import { Gpu } from "../../../src/gpu/index.ts";
import {
  defaultPreprocessing,
  labelIndices,
  loadTextDataset,
  MemoryDirectory,
  makeImage,
  mulberry32,
  Tokenizer,
  tokenizeExamples,
} from "../../../src/io/index.ts";
import {
  GPT2,
  GPT2ForSequenceClassification,
  parseGPT2Config,
  ResNet,
  type StagedModel,
} from "../../../src/models/index.ts";
import { AdamW } from "../../../src/nn/index.ts";

/*
 * Short training runs that give the same bits wherever they run: in Node and in a browser, on the same driver.
 */

/** What a run came to: the loss and the gradient norm of each step, the evaluations, and the weights, as a hash. */
export interface RunResult {
  adapter: string;
  losses: number[];
  gradientNorms: (number | null)[];
  evaluations: number[];
  weights: string;
}

/** Reads a file of the repository by its path from the root. */
export type ReadFile = (path: string) => Promise<Uint8Array<ArrayBuffer>>;

export type RunName = "tiny GPT-2" | "GPT-2 mini" | "ResNet-20";

/** One run, with dropout or augmentation, a schedule, clipping and rates by layer, so that every number of the host counts. */
export async function trainingRun(name: RunName, read: ReadFile, seed: number): Promise<RunResult> {
  const gpu = (await Gpu.open({ software: !globalThis.navigator?.gpu })).use();
  try {
    const runs: Record<RunName, () => Promise<RunResult>> = {
      "tiny GPT-2": () => tinyLanguageModel(gpu, seed),
      "GPT-2 mini": () => miniClassifier(gpu, read, seed),
      "ResNet-20": () => imageClassifier(gpu, read, seed),
    };
    return await runs[name]();
  } finally {
    gpu.close();
  }
}

async function follow<Host, Inputs>(
  gpu: Gpu,
  model: StagedModel<Host, Inputs>,
  data: TrainingData<Examples<Host>>,
  options: Omit<FinetuneOptions, "optimizer">,
): Promise<RunResult> {
  const optimizer = new AdamW(layerwiseGroups(model, { learningRate: 1e-3, decay: 0.8, weightDecay: 0.01 }));
  const result: RunResult = { adapter: gpu.adapter.class, losses: [], gradientNorms: [], evaluations: [], weights: "" };
  const settings = {
    clip: 0.5,
    keepBest: false,
    evaluateFirst: true,
    schedule: (totalSteps: number) => cosineSchedule({ warmupSteps: 2, totalSteps }),
    ...options,
  };
  for await (const event of finetune(model, data, { optimizer, ...settings })) {
    if (event.type === "evaluation") result.evaluations.push(event.evaluation.loss);
    if (event.type !== "step") continue;
    result.losses.push(event.loss);
    result.gradientNorms.push(event.gradientNorm);
  }
  const values = await Promise.all([...model.namedParameters().values()].map((one) => one.data()));
  result.weights = await hashOf(values as Float32Array<ArrayBuffer>[]);
  optimizer.dispose();
  model.dispose();
  return result;
}

/** SHA-256 of all bits in order. */
async function hashOf(values: Float32Array<ArrayBuffer>[]): Promise<string> {
  const bytes = await new Blob(values).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A language model made on the fly, over texts in which each token says the next. */
async function tinyLanguageModel(gpu: Gpu, seed: number): Promise<RunResult> {
  const drop = { resid_pdrop: 0.1, embd_pdrop: 0.1, attn_pdrop: 0.1 };
  const shape = { n_layer: 2, n_embd: 48, n_head: 3, n_positions: 24, vocab_size: 101 };
  const model = GPT2.random(gpu, parseGPT2Config({ model_type: "gpt2", ...drop, ...shape, eos_token_id: 0 }), seed);
  const random = mulberry32(seed);
  const texts = (count: number): TrainingExample[] =>
    Array.from({ length: count }, () => {
      const start = Math.floor(random.next() * 101);
      const ids = Int32Array.from({ length: 10 + Math.floor(random.next() * 8) }, (_, i) => (start + 7 * i * i) % 101);
      return { inputIds: ids.slice(0, -1), labels: ids.slice(1) };
    });
  const data = { train: texts(48), valid: texts(12) };
  return follow(gpu, model, data, { epochs: 3, batch: 4, accumulate: 2, seed });
}

/** The bundled model on the first of the bundled messages, its last blocks trained, with dropout everywhere. */
async function miniClassifier(gpu: Gpu, read: ReadFile, seed: number): Promise<RunResult> {
  const text = async (path: string): Promise<string> => new TextDecoder().decode(await read(path));
  const folder = "assets/gpt2-mini-en";
  const config = JSON.parse(await text(`${folder}/config.json`));
  const directory = new MemoryDirectory("mini", {
    "config.json": JSON.stringify({ ...config, resid_pdrop: 0.1, embd_pdrop: 0.1, attn_pdrop: 0.1 }),
    "model.safetensors": await read(`${folder}/model.safetensors`),
    "tokenizer.json": await read(`${folder}/tokenizer.json`),
    "tokenizer_config.json": await read(`${folder}/tokenizer_config.json`),
  });
  const tokenizer = await Tokenizer.fromDirectory(directory);
  const { examples, labels } = loadTextDataset("sms.tsv", await text("assets/sms-spam/sms.tsv"));
  const encode = (begin: number, end: number): TrainingExample[] => {
    const part = examples.slice(begin, end);
    return classificationExamples(tokenizeExamples(tokenizer, part, { maxLength: 24 }), labelIndices(part, labels));
  };
  const model = await GPT2ForSequenceClassification.fromPretrained(directory, { gpu, labels });
  model.freeze().unfreeze("score", "ln_f", "h.3", "h.2");
  const data = { train: encode(0, 16), valid: encode(32, 40), labels };
  return follow(gpu, model, data, { epochs: 2, batch: 4, seed });
}

/** The bundled ResNet-20 with a new head on striped and plain images, all of it trained, with random windows and colours. */
async function imageClassifier(gpu: Gpu, read: ReadFile, seed: number): Promise<RunResult> {
  const folder = "assets/resnet20-cifar10";
  const directory = new MemoryDirectory("resnet20", {
    "config.json": await read(`${folder}/config.json`),
    "model.safetensors": await read(`${folder}/model.safetensors`),
  });
  const labels = ["plain", "striped"];
  const model = await ResNet.fromPretrained(directory, { gpu, labels, head: { seed } });
  const random = mulberry32(seed);
  const images = (count: number) =>
    Array.from({ length: count }, (_, index) => {
      const stripes = (i: number): number => (index % 2) * 120 * (Math.floor(i / 2) % 2);
      const data = Uint8Array.from({ length: 3 * 32 * 32 }, (_, i) => stripes(i) + Math.floor(100 * random.next()));
      return { image: makeImage(3, 32, 32, data), label: index % 2 };
    });
  const preprocessing = defaultPreprocessing(3, 32, 32);
  const augmentation = { resizedCrop: { smallest: 0.4 }, flip: 0.5, jitter: 0.2 };
  const data = {
    train: new ImageExamples(images(16), { preprocessing, augmentation, seed }),
    valid: new ImageExamples(images(4), { preprocessing }),
    labels,
  };
  return follow(gpu, model, data, { epochs: 1, batch: 4, seed, task: "image-classify" });
}
