import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type EvaluationEvent,
  type FinetuneOptions,
  finetune,
  ImageExamples,
  layerwiseGroups,
  type StepEvent,
  type TrainingEvent,
  type TrainingExample,
} from "../../src/finetune/index.ts";
import { Gpu, type GpuStatistics } from "../../src/gpu/index.ts";
import { defaultPreprocessing, MemoryDirectory, makeImage, mulberry32 } from "../../src/io/index.ts";
import {
  GPT2,
  GPT2ForSequenceClassification,
  parseGPT2Config,
  parseResNetConfig,
  ResNet,
} from "../../src/models/index.ts";
import { AdamW, SGD } from "../../src/nn/index.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => {
  expect(gpu.statistics.rescuedTensors).toBe(0);
  gpu.close();
});

const config = parseGPT2Config(
  {
    ...{ vocab_size: 120, n_positions: 16, n_embd: 16, n_layer: 4, n_head: 2, id2label: { 0: "even", 1: "odd" } },
    ...{ resid_pdrop: 0.2, attn_pdrop: 0, embd_pdrop: 0.1 },
  },
  "test",
);

/** Texts of three lengths, and so batches of several shapes. */
function examples(count: number, seed: number, length?: number): TrainingExample[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => {
    const ids = Int32Array.from({ length: length ?? 6 + 4 * Math.floor(random.next() * 3) }, () => random.next() * 120);
    return { inputIds: ids, labels: Int32Array.of(ids[ids.length - 1] % 2) };
  });
}

async function run(options: Partial<FinetuneOptions> & { stopAfter?: number }, length?: number) {
  const model = new GPT2ForSequenceClassification(gpu, config);
  const language = GPT2.random(gpu, config, 4);
  for (const [name, { storage, size }] of language.namedParameters()) {
    gpu.copyBuffer(storage.buffer, 0, model.namedParameters().get(name)!.storage.buffer, 0, 4 * size);
  }
  language.dispose();
  gpu.upload(
    model.score.weight.storage.buffer,
    0,
    new Uint8Array(Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)).buffer),
  );
  const optimizer = new AdamW(layerwiseGroups(model, { learningRate: 2e-3, decay: 0.8, weightDecay: 0.01 }));
  let forwardPasses = 0;
  const features = model.features.bind(model);
  model.features = (inputs, given) => {
    if (given?.pass) forwardPasses++;
    return features(inputs, given);
  };
  const controller = new AbortController();
  const events: TrainingEvent[] = [];
  const counts: GpuStatistics[] = [];
  const data = { train: examples(22, 1, length), valid: examples(6, 2, length), labels: ["even", "odd"] };
  const settings = { epochs: 3, batch: 3, clip: 1, seed: 5, keepBest: false, rehearse: false, ...options };
  gpu.trim();
  gpu.resetPeak();
  for await (const event of finetune(model, data, { optimizer, signal: controller.signal, ...settings })) {
    events.push(event);
    if (event.type !== "step") continue;
    counts.push(gpu.statistics);
    if (event.step === options.stopAfter) controller.abort();
  }
  const { peakBytes } = gpu.statistics;
  // With what steps that are not captured leave in the pool because nothing that comes after is of its size.
  const deviceBytes = Math.max(...counts.map(({ liveBytes, pooledBytes }) => liveBytes + pooledBytes));
  const weights = new Map<string, ArrayLike<number>>();
  const state = [...model.namedParameters(), ...optimizer.getState().tensors];
  await Promise.all(state.map(async ([name, x]) => weights.set(name, await x.data())));
  model.dispose();
  optimizer.dispose();
  const steps = events.filter((event): event is StepEvent => event.type === "step");
  const evaluations = events.filter((event): event is EvaluationEvent => event.type === "evaluation");
  return {
    events,
    weights,
    counts,
    peakBytes,
    deviceBytes,
    forwardPasses,
    losses: steps.map(({ loss, gradientNorm }) => [loss, gradientNorm]),
    evaluations: evaluations.map(({ evaluation }) => evaluation),
  };
}

describe("a captured training", () => {
  const schedule = () => (step: number) => 1 / (1 + step);

  for (const [name, options] of Object.entries<Partial<FinetuneOptions>>({
    "batches of many shapes, dropout, clipping, a schedule": { schedule },
    "accumulated gradients": { accumulate: 2, batch: 2 },
    "blocks computed again": { checkpointBlocks: true },
  })) {
    it(`has the same bits as one that is not: ${name}`, async () => {
      const eager = await run({ ...options, capture: false });
      const captured = await run(options);
      expect(captured.losses).toEqual(eager.losses);
      expect(captured.weights).toEqual(eager.weights);
      expect(captured.evaluations).toEqual(eager.evaluations);
      expect(captured.peakBytes).toBeLessThanOrEqual(eager.peakBytes);
      expect(captured.deviceBytes).toBeLessThanOrEqual(eager.deviceBytes);
      expect(new Set(captured.losses.flat()).size).toBeGreaterThan(20);
    });
  }

  it("goes on from a checkpoint to the same bits", async () => {
    const whole = await run({ schedule, capture: false });
    const directory = new MemoryDirectory("run");
    const stopped = await run({ schedule, stopAfter: 5, checkpoint: { directory } });
    const resumed = await run({ schedule, resume: directory });
    expect([...stopped.losses, ...resumed.losses]).toEqual(whole.losses);
    expect(resumed.weights).toEqual(whole.weights);
  });

  it("creates nothing after two steps and submits at most twice a step", async () => {
    const { counts, forwardPasses } = await run({ batch: 2 }, 10);
    expect(counts).toHaveLength(33);
    // The model's code ran once, to be recorded; by default.
    expect(forwardPasses).toBe(1);
    expect((await run({ batch: 2, capture: false, maxSteps: 5 }, 10)).forwardPasses).toBe(5);
    for (let i = 2; i < 33; i++) {
      const [before, after] = [counts[i - 1], counts[i]];
      // Between the epochs there is an evaluation, which is not captured.
      if (i % 11 === 0) continue;
      expect(after.buffersCreated - before.buffersCreated).toBe(0);
      expect(after.bindGroupsCreated - before.bindGroupsCreated).toBe(0);
      expect(after.pipelinesCreated - before.pipelinesCreated).toBe(0);
      expect(after.submits - before.submits).toBeLessThanOrEqual(2);
    }
  });
});

it("moves the running statistics of batch normalisations as one that is not captured does", async () => {
  const train = async (isCaptured: boolean): Promise<Map<string, ArrayLike<number>>> => {
    const network = { arch: "cifar_resnet", blocks_per_stage: 1, widths: [4, 8], classes: ["a", "b"] };
    const model = new ResNet(gpu, parseResNetConfig(network, "test"));
    model.reinitialize("*", 1);
    const optimizer = new SGD(layerwiseGroups(model, { learningRate: 1e-2 }), { momentum: 0.9 });
    const random = mulberry32(3);
    const images = Array.from({ length: 7 }, (_, i) => ({
      image: makeImage(
        3,
        8,
        8,
        Uint8Array.from({ length: 192 }, () => 256 * random.next()),
      ),
      label: i % 2,
    }));
    const preprocessing = defaultPreprocessing(3, 8, 8);
    const examples = new ImageExamples(images, { preprocessing, augmentation: { flip: 0.5 }, seed: 2 });
    const options = { optimizer, epochs: 3, batch: 4, rehearse: false, capture: isCaptured };
    for await (const event of finetune(model, { train: examples, labels: model.labels }, options)) {
      expect(event.type).not.toBe("notice");
    }
    const values = new Map<string, ArrayLike<number>>();
    for (const [name, x] of model.namedTensors()) values.set(name, await x.data());
    model.dispose();
    optimizer.dispose();
    return values;
  };
  const eager = await train(false);
  expect(eager.get("bn1.running_mean")).not.toEqual(new Float32Array(4));
  expect(await train(true)).toEqual(eager);
});

describe("a training that cannot be captured", () => {
  it("is run without, with a notice", async () => {
    const model = GPT2.random(gpu, config, 4);
    const loss = model.loss.bind(model);
    // Reads a value back in the middle of the step, as a model of one's own may.
    model.loss = (features, labels, reduction) => {
      const value = loss(features, labels, reduction);
      void value.item();
      return value;
    };
    const optimizer = new AdamW(layerwiseGroups(model, { learningRate: 1e-3 }));
    const train = examples(4, 1, 8).map(({ inputIds }) => ({ inputIds, labels: inputIds }));
    const events: TrainingEvent[] = [];
    const options = { optimizer, epochs: 2, batch: 2, rehearse: false };
    for await (const event of finetune(model, { train }, options)) events.push(event);
    expect(events.map((event) => event.type)).toEqual([
      "start",
      "step",
      "notice",
      "step",
      "step",
      "step",
      "cache",
      "end",
    ]);
    expect(events[2]).toMatchObject({
      message: expect.stringContaining("steps are run without being captured: capture: the step reads a value back"),
    });
    model.dispose();
    optimizer.dispose();
  });
});
