import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  addTrunkLora,
  type EndEvent,
  type Examples,
  type FinetuneOptions,
  finetune,
  layerwiseGroups,
  type PlanOptions,
  plan,
  type TrainingData,
  type TrainingExample,
} from "../../src/finetune/index.ts";
import { BlankImages, BlankTexts } from "../../src/finetune/plan/blank-examples.ts";
import { DryGpu, Gpu, MemoryLimitError } from "../../src/gpu/index.ts";
import { type ModelDirectory, mulberry32 } from "../../src/io/index.ts";
import {
  GPT2,
  type GPT2Config,
  GPT2ForSequenceClassification,
  parseGPT2Config,
  parseResNetConfig,
  ResNet,
  type StagedModel,
} from "../../src/models/index.ts";
import { AdamW, fillWith, hasLora, SGD } from "../../src/nn/index.ts";
import { openDirectory } from "../support/files.ts";
import { openWith, withLimits } from "../support/gpu.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openWith({});
});
afterAll(() => {
  expect(gpu.statistics.rescuedTensors).toBe(0);
  gpu.close();
});

const config = (more: Record<string, unknown> = {}): GPT2Config =>
  parseGPT2Config(
    { model_type: "gpt2", n_embd: 32, n_layer: 2, n_head: 4, vocab_size: 300, n_positions: 48, ...more },
    "config.json",
  );

function texts(count: number, longest: number, perToken: boolean): TrainingExample[] {
  const random = mulberry32(5);
  return Array.from({ length: count }, (_, i) => {
    const length = i === 3 ? longest : 1 + Math.floor(random.next() * longest);
    const inputIds = Int32Array.from({ length }, () => Math.floor(random.next() * 300));
    return { inputIds, labels: perToken ? inputIds : Int32Array.of(i % 2) };
  });
}

type Run<Host, Inputs> = [StagedModel<Host, Inputs>, TrainingData<Examples<Host>>, FinetuneOptions];

async function endOf<Host, Inputs>(...[model, data, options]: Run<Host, Inputs>): Promise<EndEvent> {
  let end: EndEvent | undefined;
  for await (const event of finetune(model, data, options)) if (event.type === "end") end = event;
  return end!;
}

/** Measured over predicted peak of a run, less one. */
async function error<Host, Inputs>(...[model, data, options]: Run<Host, Inputs>): Promise<number> {
  const planned = await plan(model, { ...options, data });
  expect(planned.fits).toBe(true);
  const { peakBytes } = await endOf(model, data, options);
  options.optimizer.dispose();
  model.dispose();
  return planned.peakBytes / peakBytes - 1;
}

const adamw = <Host, Inputs>(model: StagedModel<Host, Inputs>): AdamW =>
  new AdamW(layerwiseGroups(model, { learningRate: 1e-3, weightDecay: 0.01 }));

describe("the plan of a training", () => {
  const lm = (): TrainingData => ({ train: texts(12, 40, true), valid: texts(5, 40, true) });
  const labelled = (): TrainingData => ({
    train: texts(12, 40, false),
    valid: texts(5, 40, false),
    labels: ["even", "odd"],
  });

  function classifier(width: number, ...trained: string[]): GPT2ForSequenceClassification {
    const model = new GPT2ForSequenceClassification(gpu, { ...config({ n_embd: width }), labels: ["even", "odd"] });
    for (const tensor of model.parameters()) fillWith(tensor, 0.1);
    model.freeze().unfreeze(...trained);
    return model;
  }

  it.each([
    ["all of a language model", {}],
    ["with checkpointed blocks", { checkpointBlocks: true }],
    ["in accumulated batches", { batch: 2, accumulate: 3 }],
  ])("has the peak that is measured: %s", async (_name, more) => {
    const model = GPT2.random(gpu, config(), 1);
    const options = { optimizer: adamw(model), epochs: 2, batch: 6, clip: 1, ...more };
    expect(Math.abs(await error(model, lm(), options))).toBeLessThan(0.01);
  });

  it("has the peak that is measured: a table over the binding limit, which passes in windows", async () => {
    const small = await openWith({}, withLimits({ maxStorageBufferBindingSize: 2 ** 16 }));
    const model = GPT2.random(small, config({ vocab_size: 900 }), 1);
    const options = { optimizer: adamw(model), epochs: 2, batch: 6, clip: 1 };
    expect(4 * 900 * 32).toBeGreaterThan(small.limits.maxStorageBufferBindingSize);
    expect(Math.abs(await error(model, lm(), options))).toBeLessThan(0.01);
    small.close();
    gpu.use();
  });

  it("has the peak that is measured: low-rank adapters, planned before they are there", async () => {
    const model = GPT2.random(gpu, config(), 1);
    const planned = await plan(model, { data: lm(), batch: 6, lora: 4, clip: 1 });
    addTrunkLora(model, { rank: 4 });
    const options = { optimizer: adamw(model), epochs: 2, batch: 6, clip: 1 };
    const { peakBytes } = await plan(model, { ...options, data: lm() });
    expect(planned.peakBytes).toBe(peakBytes);
    expect(Math.abs(await error(model, lm(), options))).toBe(0);
  });

  it.each([
    ["kept activations", {}],
    ["activations computed anew", { cache: false as const }],
  ])("has the peak that is measured: a classifier on a frozen trunk, %s", async (_name, more) => {
    const model = classifier(32, "h.1", "score");
    expect(await error(model, labelled(), { optimizer: adamw(model), epochs: 2, batch: 4, ...more })).toBeCloseTo(0, 2);
  });

  it("has the peak that is measured: kept activations of several batches, in a run shorter than an epoch too", async () => {
    const many = { train: texts(30, 48, false), valid: texts(22, 48, false), labels: ["even", "odd"] };
    for (const more of [{ epochs: 2 }, { epochs: 1, maxSteps: 2, evaluateFirst: true }]) {
      const model = classifier(64, "score");
      const options = { optimizer: adamw(model), batch: 4, evaluationBatch: 8, ...more };
      expect(await error(model, many, options)).toBeCloseTo(0, 2);
    }
  });

  it("has the peak that is measured: a ResNet with SGD", async () => {
    const model = new ResNet(
      gpu,
      parseResNetConfig(
        { arch: "cifar_resnet", blocks_per_stage: 1, widths: [8, 16, 32], classes: ["a", "b"] },
        "config.json",
      ),
    );
    model.reinitialize("*", 1);
    const groups = layerwiseGroups(model, { learningRate: 1e-3 });
    const images = {
      train: new BlankImages(8, [3, 32, 32]),
      valid: new BlankImages(4, [3, 32, 32]),
      labels: model.labels,
    };
    const options = { optimizer: new SGD(groups, { momentum: 0.9 }), epochs: 1, batch: 4 };
    expect(Math.abs(await error(model, images, options))).toBe(0);
  });
});

describe("a dry run", () => {
  it("leaves the model as it was, and its device alone", async () => {
    const model = GPT2.random(gpu, config(), 1);
    const optimizer = adamw(model);
    const weight = model.transformer.h[0].attn.c_attn.weight;
    const before = await weight.data();
    const { dispatches, buffersCreated, liveBytes } = gpu.statistics;
    await plan(model, { batch: 4, length: 40, optimizer });
    const { statistics } = gpu;
    expect([statistics.dispatches, statistics.buffersCreated, statistics.liveBytes]).toEqual([
      dispatches,
      buffersCreated,
      liveBytes,
    ]);
    expect(model.gpu).toBe(gpu);
    expect(Object.keys(model)).not.toContain("loss");
    expect(optimizer.getState().tensors.size).toBe(0);
    expect(await weight.data()).toEqual(before);
    model.dispose();
  });

  it("plans a model whose weights were never read", async () => {
    const inner = await openDirectory("assets/gpt2-mini-en");
    let bytes = 0;
    const directory: ModelDirectory = {
      name: inner.name,
      list: () => inner.list(),
      has: (file) => inner.has(file),
      readText: (file) => inner.readText(file),
      open: async (file) => {
        const source = await inner.open(file);
        return {
          name: source.name,
          size: source.size,
          read: (begin, end) => {
            bytes += end - begin;
            return source.read(begin, end);
          },
          close: () => source.close(),
        };
      },
    };
    const dry = new DryGpu(gpu);
    const model = await GPT2.fromPretrained(directory, { gpu: dry });
    expect(bytes).toBeLessThan(20_000);
    const { bytes: kinds, fits, dispatches, pipelines, largestBinding } = await plan(model, { batch: 2, length: 32 });
    const weights = model.parameterCount() * 4;
    for (const [kind, times] of [
      ["weights", 1],
      ["gradients", 1],
      ["moments", 2],
    ] as const) {
      expect(kinds[kind] / (times * weights)).toBeGreaterThanOrEqual(1);
      expect(kinds[kind] / (times * weights)).toBeLessThan(1.1);
    }
    expect(fits).toBe(true);
    expect(dispatches).toBeGreaterThan(50);
    expect(pipelines.length).toBeGreaterThan(5);
    expect(largestBinding.bytes).toBeLessThanOrEqual(gpu.limits.maxStorageBufferBindingSize);
    expect(() => Gpu.default).not.toThrow();
    expect(Gpu.default).toBe(gpu);
  });

  it("counts the dispatches of a step as the device does", async () => {
    const model = GPT2.random(gpu, config(), 1);
    const even = { train: new BlankTexts(12, 40, true) };
    const options = { optimizer: adamw(model), epochs: 1, batch: 4, clip: 1 };
    const { dispatches } = await plan(model, { ...options, data: even });
    const counts: number[] = [];
    for await (const { type } of finetune(model, even, options)) {
      if (type === "step") counts.push(gpu.statistics.dispatches);
    }
    expect(counts[2] - counts[1]).toBe(dispatches);
    options.optimizer.dispose();
    model.dispose();
  });

  it("counts the operations of all products", async () => {
    const [width, layers, vocabulary, length, batch] = [64, 2, 64, 16, 4];
    const shape = { n_embd: width, n_layer: layers, vocab_size: vocabulary, attn_pdrop: 0 };
    const model = new GPT2(new DryGpu(gpu), config(shape));
    const { flops } = await plan(model, { batch, length });
    // Each product once forward and twice backward.
    const products = 3 * batch * length * (layers * 24 * width ** 2 + 2 * width * vocabulary);
    // Two products forward; backward three for the queries and four for keys and values, which make the scores anew.
    const attention = 9 * batch * layers * 2 * width * ((length * (length + 1)) / 2);
    expect(flops).toBe(products + attention);
  });
});

describe("the kernels of a training", () => {
  it.each([
    ["of four layers", { n_layer: 4, n_embd: 64, vocab_size: 1000 }, 0],
    ["of the 124M shape, with dropout", { n_layer: 12, n_embd: 768, n_head: 12, vocab_size: 50257 }, 0.1],
  ])("are at most 60 for a GPT-2 %s, its evaluation and AdamW with clipping", async (_name, shape, p) => {
    const dropouts = { resid_pdrop: p, embd_pdrop: p, attn_pdrop: p };
    const model = new GPT2(new DryGpu(gpu), config({ ...shape, ...dropouts }));
    const { pipelines } = await plan(model, { batch: 4, length: 48, clip: 1, validExamples: 4 });
    expect(new Set(pipelines).size).toBe(pipelines.length);
    expect(pipelines.length).toBeGreaterThan(10);
    expect(pipelines.length).toBeLessThanOrEqual(60);
  });

  it("are all made before the first step", async () => {
    const fresh = await openWith({});
    const model = GPT2.random(fresh, config(), 1);
    const optimizer = adamw(model);
    const created: number[] = [];
    const data = { train: texts(12, 40, true), valid: texts(5, 40, true) };
    for await (const event of finetune(model, data, { optimizer, epochs: 1, batch: 4, clip: 1, accumulate: 2 })) {
      if (event.type !== "cache") created.push(fresh.statistics.pipelinesCreated);
    }
    expect(created.length).toBeGreaterThan(3);
    expect(new Set(created).size).toBe(1);
    fresh.close();
  });
});

describe("what does not fit", () => {
  const options = { batch: 8, length: 40, examples: 8 } satisfies PlanOptions<unknown>;

  it("is refused ahead by kinds and bytes, with the cheapest change, and the change does fit", async () => {
    const whole = new GPT2(new DryGpu(gpu), config());
    const { peakBytes } = await plan(whole, options);
    const memoryBudget = Math.round(peakBytes * 0.7);
    const { fits, problem, changes } = await plan(whole, { ...options, memoryBudget });
    expect(fits).toBe(false);
    expect(problem).toMatch(/training needs .* MiB \(activations .*weights .*\), and .* are left/);
    const names = changes.map(({ description }) => description);
    expect(names.slice(0, 2)).toEqual(["batch 4 with accumulate 2", expect.stringContaining("checkpointed blocks")]);
    const others = [expect.stringContaining("low-rank adapters (LoRA) of rank 8"), "texts cut at 20 tokens"];
    expect(names.slice(2)).toEqual(expect.arrayContaining(others));
    expect(changes.map(({ changesResult }) => changesResult)).toEqual([false, false, true, true]);
    expect(hasLora(whole)).toBe(false);
    expect(whole.parameterCount({ trainable: true })).toBe(whole.parameterCount());
    expect(changes[1].cost).toBeGreaterThan(1.1);
    for (const change of changes) expect(change.peakBytes).toBeLessThanOrEqual(memoryBudget);

    const { device, adapter } = gpu;
    const small = new Gpu(device, adapter as unknown as GPUAdapterInfo, { memoryBudget, isListed: false });
    const model = GPT2.random(small, config(), 1);
    const data = {
      train: texts(8, 40, true).map((one) => ({ ...one, inputIds: new Int32Array(40), labels: new Int32Array(40) })),
    };
    const training = { optimizer: adamw(model), epochs: 1, batch: 8 };
    const { dispatches } = small.statistics;
    await expect(endOf(model, data, training)).rejects.toThrow(
      /^finetune: training needs .*; batch 4 with accumulate 2 takes/,
    );
    expect(small.statistics.dispatches).toBe(dispatches);
    await expect(endOf(model, data, { ...training, rehearse: false })).rejects.toThrow(MemoryLimitError);
    const end = await endOf(model, data, { ...training, ...changes[0].options });
    expect(end.steps).toBe(1);
    training.optimizer.dispose();
    model.dispose();
  });

  it("is refused by the name of the buffer over the device's limit", async () => {
    const small = withLimits({ maxBufferSize: 2 ** 17, maxStorageBufferBindingSize: 2 ** 17 })(
      gpu.device,
      gpu.adapter as unknown as GPUAdapterInfo,
    );
    const model = new GPT2(new DryGpu(small), config());
    const { fits, problem, changes } = await plan(model, { batch: 16, length: 48 });
    expect(fits).toBe(false);
    expect(problem).toMatch(/\d+ bytes exceed the device's largest buffer of 131072 bytes/);
    expect(changes.length).toBeGreaterThan(0);
    expect(() => new GPT2(new DryGpu(small), config({ vocab_size: 5000 }))).toThrow(
      /parameter f32\[5000, 32\]: 640000 bytes/,
    );
  });

  it("asks for a length of texts, and for data of models it does not know", async () => {
    const model = new GPT2(new DryGpu(gpu), config());
    await expect(plan(model, { batch: 2 })).rejects.toThrow(
      "plan: length must be a positive integer for texts, got undefined",
    );
    await expect(plan(model, { batch: 2, length: 8, optimizer: "lion" as never })).rejects.toThrow(/optimizer must be/);
  });
});
