import { describe, expect, it } from "vitest";
import * as finetuning from "../../src/finetune/index.ts";
import {
  evaluate,
  type FinetuneOptions,
  finetune,
  TextExamples,
  type TrainingData,
  type TrainingExample,
} from "../../src/finetune/index.ts";
import * as modelling from "../../src/models/index.ts";
import { GPT2, GPT2ForSequenceClassification, generate, parseGPT2Config } from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { AdamW, SGD } from "../../src/nn/index.ts";
import { tensor } from "../../src/tensor/index.ts";
import { openDirectory } from "../support/files.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

const config = parseGPT2Config({ n_embd: 8, n_layer: 1, n_head: 1, vocab_size: 9, n_positions: 4 }, "config.json");
const group = (learningRate: number, weightDecay: number) => [
  { name: "all", parameters: new Map([["weight", tensor([1, 2])]]), learningRate, weightDecay },
];
const text = (...labels: number[]): TrainingExample => ({
  inputIds: Int32Array.of(1, 2),
  labels: Int32Array.from(labels),
});

describe("a training", () => {
  it.each<[string, Partial<FinetuneOptions>, TrainingData]>([
    ["epochs must be a positive integer, got 0", { epochs: 0 }, { train: [text(1, 2)] }],
    ["evaluateEvery must be a positive integer, got -1", { evaluateEvery: -1 }, { train: [text(1, 2)] }],
    ["evaluationBatch must be a positive integer, got 0.5", { evaluationBatch: 0.5 }, { train: [text(1, 2)] }],
    ["maxSteps must be a whole number of 0 or more, got NaN", { maxSteps: Number.NaN }, { train: [text(1, 2)] }],
    ["clip must be 0 or more, got -1", { clip: -1 }, { train: [text(1, 2)] }],
    ["seed must be an integer, got 0.1", { seed: 0.1 }, { train: [text(1, 2)] }],
    ["example 1 has 2 tokens and 3 labels; expected", {}, { train: [text(1), text(1, 2, 3)] }],
    ["training example 1 has the class 2, expected 0 to 1", {}, { train: [text(1), text(2)], labels: ["a", "b"] }],
    [
      "validation example 0 has the class -1, expected 0 to 1",
      {},
      { train: [text(1)], valid: [text(-1)], labels: ["a", "b"] },
    ],
  ])("tells that %s", async (message, more, data) => {
    const model = GPT2.random(gpu(), config, 1);
    const optimizer = new AdamW([
      { name: "all", parameters: model.namedParameters(), learningRate: 1e-3, weightDecay: 0 },
    ]);
    const run = finetune(model, data, { optimizer, epochs: 1, batch: 1, ...more });
    await expect(run.next()).rejects.toThrow(message);
    for (const one of [optimizer, model]) one.dispose();
  });
});

it("an evaluation of no examples, or in batches of none, is refused", async () => {
  const model = GPT2.random(gpu(), config, 1);
  await expect(evaluate(model, [])).rejects.toThrow("evaluate: there are no examples");
  await expect(evaluate(model, new TextExamples([text(1, 2)], 0), { batch: 0 })).rejects.toThrow(
    "evaluate: batch must be a positive integer, got 0",
  );
  model.dispose();
});

it("an optimizer tells which of its rates is none", () => {
  expect(() => new AdamW(group(-1, 0))).toThrow(
    'optimizer: group "all" needs a rate and a weight decay of 0 or more, got -1 and 0',
  );
  expect(() => new SGD(group(1, Number.NaN))).toThrow("got 1 and NaN");
  expect(() => new AdamW(group(1, 0), { beta2: 1 })).toThrow("AdamW: beta1 0.9, beta2 1 and epsilon 1e-8");
  expect(() => new SGD(group(1, 0), { momentum: -1 })).toThrow("SGD: momentum must be 0 or more, got -1");
});

it("a text is written on from one token at least, by a whole number of tokens", async () => {
  const model = GPT2.random(gpu(), config, 1);
  const nothing = { inputIds: new Int32Array(0), batch: 1, length: 0 };
  const one = { inputIds: Int32Array.of(1), batch: 1, length: 1 };
  await expect(generate(model, nothing, { maximumNewTokens: 1 }).next()).rejects.toThrow("the prompt is empty");
  await expect(generate(model, one, { maximumNewTokens: -1 }).next()).rejects.toThrow(
    "maximumNewTokens must be a whole number of 0 or more, got -1",
  );
  model.dispose();
});

it("a model is opened from a path or a directory, and a classifier with a class", async () => {
  await expect(GPT2.fromPretrained(3 as unknown as string)).rejects.toThrow(
    "expected where a model lies, or a directory that holds one, got the number 3",
  );
  const directory = await openDirectory("assets/gpt2-mini-en");
  await expect(GPT2ForSequenceClassification.fromPretrained(directory, { labels: [] })).rejects.toThrow(
    "a classifier needs at least one class",
  );
});

describe("what is no model, data or option is refused with what was expected", () => {
  // biome-ignore lint/suspicious/noExplicitAny: the arguments are wrong on purpose
  const [library, models, layers] = [finetuning, modelling, nn] as any[];
  const MODEL = "expected a model, as GPT2.fromPretrained or ResNet.fromPretrained gives, got";
  const TOKENS = "expected token ids { inputIds, batch, length }, as padBatch gives, got";
  const cases: [call: string, run: (model: GPT2) => unknown, message: string][] = [
    ["finetune()", () => library.finetune().next(), `finetune: ${MODEL} undefined`],
    ["finetune(name)", () => library.finetune("gpt2", {}, {}).next(), `finetune: ${MODEL} the string gpt2`],
    ["finetune(model, data)", (m) => library.finetune(m, {}).next(), "finetune: expected options such as { optimizer,"],
    [
      "finetune(model, examples, options)",
      (m) => library.finetune(m, [text(1, 2)], { optimizer: { step() {} }, epochs: 1, batch: 1 }).next(),
      "finetune: expected examples as data.train, got undefined",
    ],
    [
      "finetune(model, nothing, options)",
      (m) => library.finetune(m, null, { optimizer: { step() {} }, epochs: 1, batch: 1 }).next(),
      "finetune: expected data { train, valid, labels }, got null",
    ],
    [
      "finetune of one example",
      (m) => library.finetune(m, { train: text(1, 2) }, { optimizer: { step() {} }, epochs: 1, batch: 1 }).next(),
      "examples: expected a list of texts { inputIds, labels }, or a set such as new ImageExamples(…), got an object",
    ],
    ["evaluate()", () => library.evaluate(), `evaluate: ${MODEL} undefined`],
    [
      "evaluate(model)",
      (m) => library.evaluate(m),
      "examples: expected a list of texts { inputIds, labels }, or a set such",
    ],
    ["plan()", () => library.plan(), `plan: ${MODEL} undefined`],
    ["plan(model)", (m) => library.plan(m), "plan: expected options such as { batch: 16, length: 128 }, got undefined"],
    ["parameterGroups()", () => library.parameterGroups(), `parameterGroups: ${MODEL} undefined`],
    [
      "parameterGroups(model, rule)",
      (m) => library.parameterGroups(m, { match: ["*"] }),
      "parameterGroups: expected rules { name, match, learningRate } in an array, got an object",
    ],
    [
      "layerwiseGroups(model)",
      (m) => library.layerwiseGroups(m),
      "layerwiseGroups: expected options such as { learningRate: 1e-4 }, got undefined",
    ],
    [
      "headThenBlocks(model)",
      (m) => library.headThenBlocks(m),
      "headThenBlocks: expected options { headEpochs, epochs,",
    ],
    [
      "runRecipe(model)",
      (m) => library.runRecipe(m).next(),
      "runRecipe: expected data { train, valid, labels }, got undefined",
    ],
    [
      "runRecipe(model, data)",
      (m) => library.runRecipe(m, { train: [] }).next(),
      "runRecipe: expected stages in an array, as headThenBlocks gives, got undefined",
    ],
    [
      "runRecipe(model, data, stages)",
      (m) => library.runRecipe(m, { train: [] }, []).next(),
      "runRecipe: expected options such as { batch: 16 }, got undefined",
    ],
    [
      "addTrunkLora(model)",
      (m) => library.addTrunkLora(m),
      "addTrunkLora: expected options such as { rank: 8 }, got undefined",
    ],
    ["addLora(model)", (m) => layers.addLora(m), "addLora: expected options such as { rank: 8 }, got undefined"],
    ["addLora()", () => layers.addLora(), "addLora: expected a module, got undefined"],
    [
      "new AdamW(model)",
      (m) => new layers.AdamW(m),
      "optimizer: expected groups { name, parameters, learningRate, weightDecay } in an",
    ],
    [
      "new SGD()",
      () => new layers.SGD(),
      "optimizer: expected groups { name, parameters, learningRate, weightDecay } in an",
    ],
    [
      "classificationExamples(tokens)",
      () => library.classificationExamples([]),
      "classificationExamples: expected classes as an Int32Array, as labelIndices gives, got undefined",
    ],
    [
      "languageExamples()",
      () => library.languageExamples(),
      "languageExamples: expected blocks { inputs, targets } in an array",
    ],
    [
      "new TextExamples()",
      () => new library.TextExamples(),
      "TextExamples: expected examples { inputIds, labels } in an array",
    ],
    [
      "new ImageExamples()",
      () => new library.ImageExamples(),
      "ImageExamples: expected examples { image, label } in an array, got undefined",
    ],
    [
      "new ImageExamples([])",
      () => new library.ImageExamples([]),
      "ImageExamples: expected options { preprocessing }, got undefined",
    ],
    [
      "new ImageExamples([], {})",
      () => new library.ImageExamples([], {}),
      "ImageExamples: expected the model's preprocessing among the options, got undefined",
    ],
    [
      "generate()",
      () => models.generate().next(),
      "generate: expected a language model, as GPT2.fromPretrained gives, got",
    ],
    ["generate(model, text)", (m) => models.generate(m, "The sea").next(), `generate: ${TOKENS} the string The sea`],
    ["generate(model, {})", (m) => models.generate(m, {}).next(), `generate: ${TOKENS} an object`],
    [
      "generate(model, prompt)",
      (m) => models.generate(m, { inputIds: Int32Array.of(1), batch: 1, length: 1 }).next(),
      "generate: expected options such as { maximumNewTokens: 20 }, got undefined",
    ],
    ["prepareInputs(gpu)", () => models.prepareInputs(gpu()), `prepareInputs: ${TOKENS} undefined`],
    [
      "readGPT2Config(path)",
      () => models.readGPT2Config("gpt2"),
      "config.json: expected a directory, as await NodeDirectory",
    ],
  ];
  it.each(cases)("%s", async (_, run, message) => {
    const model = GPT2.random(gpu(), config, 1);
    const error = await Promise.resolve(model)
      .then(run)
      .then(
        () => undefined,
        (one: Error) => one,
      );
    model.dispose();
    expect(error?.message).toContain(message);
  });
});
