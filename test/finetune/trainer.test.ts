import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCheckpointState, VARIANTS_KEY } from "../../src/finetune/checkpoint.ts";
import {
  type CacheEvent,
  type EvaluationEvent,
  type FinetuneOptions,
  finetune,
  layerwiseGroups,
  type StepEvent,
  type TrainingData,
  type TrainingEvent,
  type TrainingExample,
} from "../../src/finetune/index.ts";
import { Gpu, type VariantTable } from "../../src/gpu/index.ts";
import { MemoryDirectory, mulberry32 } from "../../src/io/index.ts";
import { effectiveVariants, variantHash } from "../../src/kernels/variants/variants.ts";
import { GPT2, type GPT2Base, GPT2ForSequenceClassification } from "../../src/models/index.ts";
import { AdamW } from "../../src/nn/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { openDirectory, readBytes, readJson } from "../support/files.ts";
import { FIXTURES } from "../support/oracle.ts";

const CLASSIFIER = `${FIXTURES}/oracle/gpt2-seqcls-tiny`;
const LANGUAGE_MODEL = `${FIXTURES}/oracle/gpt2-tiny`;
const LABELS = ["even", "odd"];

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => {
  expect(gpu.statistics.rescuedTensors).toBe(0);
  gpu.close();
});

/** Token sequences of differing lengths; the class says whether the last token is odd: it can be learned. */
function parityExamples(count: number, seed: number): TrainingExample[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => {
    const length = 3 + Math.floor(random.next() * 14);
    const inputIds = Int32Array.from({ length }, () => Math.floor(random.next() * 250));
    return { inputIds, labels: Int32Array.of(inputIds[length - 1] % 2) };
  });
}

const data = (): TrainingData => ({ train: parityExamples(37, 1), valid: parityExamples(20, 2), labels: LABELS });

async function classifier(...trained: string[]): Promise<GPT2ForSequenceClassification> {
  const model = await GPT2ForSequenceClassification.fromPretrained(await openDirectory(CLASSIFIER), { labels: LABELS });
  model.freeze().unfreeze(...(trained.length > 0 ? trained : ["score", "ln_f", "h.1"]));
  return model;
}

interface Run {
  events: TrainingEvent[];
  weights: Map<string, number[]>;
  moments: Map<string, number[]>;
}

type Options = Partial<FinetuneOptions> & { stopAfter?: number; learningRate?: number };

async function train(model: GPT2Base, trainingData: TrainingData, options: Options = {}): Promise<Run> {
  const { learningRate = 2e-3 } = options;
  const optimizer = new AdamW(layerwiseGroups(model, { learningRate, decay: 0.5, weightDecay: 0.01 }));
  const controller = new AbortController();
  const events: TrainingEvent[] = [];
  const settings = { epochs: 2, batch: 5, clip: 1, seed: 3, keepBest: false, signal: controller.signal, ...options };
  const valuesOf = async (named: Iterable<[string, Tensor]>): Promise<Map<string, number[]>> => {
    const values = new Map<string, number[]>();
    for (const [name, tensor] of named) values.set(name, [...(await tensor.data())]);
    return values;
  };
  try {
    for await (const event of finetune(model, trainingData, { optimizer, ...settings })) {
      events.push(event);
      if (event.type === "step" && event.step === options.stopAfter) controller.abort();
    }
    const weights = await valuesOf(model.namedParameters());
    return { events, weights, moments: await valuesOf(optimizer.getState().tensors) };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

const steps = (run: Run): StepEvent[] => run.events.filter((event) => event.type === "step");
const losses = (run: Run): number[] => steps(run).map((event) => event.loss);
const evaluations = (run: Run): EvaluationEvent[] => run.events.filter((event) => event.type === "evaluation");
const cacheOf = (run: Run): CacheEvent => run.events.find((event) => event.type === "cache") as CacheEvent;

function expectSameBits(a: Run, b: Run): void {
  expect(b.weights).toEqual(a.weights);
  expect(b.moments).toEqual(a.moments);
}

describe("finetune", () => {
  it("takes every example once an epoch and lowers the loss", async () => {
    const run = await train(await classifier(), data(), { epochs: 6 });
    expect(steps(run)).toHaveLength(6 * 8);
    expect(run.events.map((event) => event.type)).toEqual([
      "start",
      ...new Array(8).fill("prepare"),
      ...Array.from({ length: 6 }, () => [...new Array(8).fill("step"), "evaluation"]).flat(),
      "cache",
      "end",
    ]);
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(losses(run).slice(-8))).toBeLessThan(0.7 * mean(losses(run).slice(0, 8)));
    const tokens = steps(run)
      .slice(0, 8)
      .reduce((sum, event) => sum + event.tokens, 0);
    expect(tokens).toBe(data().train.reduce((sum, example) => sum + example.inputIds.length, 0));
  });

  it("gives the same bits twice, and others with another seed", async () => {
    const first = await train(await classifier(), data());
    const second = await train(await classifier(), data());
    const other = await train(await classifier(), data(), { seed: 4 });
    expectSameBits(first, second);
    expect(losses(other)).not.toEqual(losses(first));
  });

  it("does not move frozen parameters", async () => {
    const before = await GPT2ForSequenceClassification.fromPretrained(await openDirectory(CLASSIFIER), {
      labels: LABELS,
    });
    const untouched = new Map<string, number[]>();
    for (const [name, tensor] of before.namedParameters()) untouched.set(name, [...(await tensor.data())]);
    before.dispose();
    const { weights } = await train(await classifier(), data());
    for (const [name, values] of weights) {
      if (/score|ln_f|h\.1\./.test(name)) expect(values, name).not.toEqual(untouched.get(name));
      else expect(values, name).toEqual(untouched.get(name));
    }
  });

  for (const trained of [["score"], ["score", "ln_f"], ["score", "ln_f", "h.1"]]) {
    it(`gives the same bits with and without kept activations, training ${trained.join(", ")}`, async () => {
      const without = await train(await classifier(...trained), data(), { cache: false });
      const onGpu = await train(await classifier(...trained), data());
      const onHost = await train(await classifier(...trained), data(), { cache: { gpuBytes: 0, hostBytes: 2 ** 24 } });
      const little = await train(await classifier(...trained), data(), { cache: { gpuBytes: 0, hostBytes: 4000 } });
      for (const run of [onGpu, onHost, little]) {
        expectSameBits(without, run);
        expect(losses(run)).toEqual(losses(without));
        expect(evaluations(run).map((event) => event.evaluation)).toEqual(
          evaluations(without).map((event) => event.evaluation),
        );
      }
      expect(cacheOf(without)).toMatchObject({ enabled: false, computed: 0, reused: 0 });
      expect(cacheOf(onGpu)).toMatchObject({ enabled: true, computed: 37, reused: 37, hostBytes: 0 });
      expect(cacheOf(onHost)).toMatchObject({ computed: 37, reused: 37, gpuBytes: 0 });
      expect(cacheOf(little).computed).toBeGreaterThan(37);
      expect(cacheOf(little).hostBytes).toBeLessThanOrEqual(4000);
    });
  }

  it("keeps nothing when the first stage is trained", async () => {
    const run = await train(await classifier("*"), data(), { epochs: 1 });
    expect(cacheOf(run)).toMatchObject({ enabled: false, reason: "the first stage is trained" });
  });

  it("goes on from a checkpoint bit for bit, wherever it was stopped", async () => {
    const whole = await train(await classifier(), data(), { groupByLength: true });
    for (const stopAfter of [1, 8, 11]) {
      const directory = new MemoryDirectory("run");
      const stopped = await train(await classifier(), data(), {
        groupByLength: true,
        stopAfter,
        checkpoint: { directory },
      });
      expect(stopped.events.at(-1)).toMatchObject({ type: "end", reason: "cancelled", steps: stopAfter });
      const resumed = await train(await classifier(), data(), { groupByLength: true, resume: directory });
      expectSameBits(whole, resumed);
      expect([...losses(stopped), ...losses(resumed)]).toEqual(losses(whole));
    }
  });

  it("refuses to resume another run, naming what differs", async () => {
    const directory = new MemoryDirectory("run");
    await train(await classifier(), data(), { stopAfter: 2, checkpoint: { directory } });
    const other = train(await classifier(), data(), { batch: 4, resume: directory });
    await expect(other).rejects.toThrow("resume: the checkpoint was made with batch 5, this run has 4");
    const texts = { ...data(), train: parityExamples(37, 8) };
    const elsewhere = train(await classifier(), texts, { resume: directory });
    await expect(elsewhere).rejects.toThrow("made with a checksum of the training data of");
    const faster = train(await classifier(), data(), { resume: directory, learningRate: 1e-3 });
    await expect(faster).rejects.toThrow(
      "resume: the checkpoint was made with learning rate of head 0.002, this run has",
    );
    const warm = train(await classifier(), data(), {
      resume: directory,
      schedule: () => (step) => Math.min(step / 2, 1),
    });
    await expect(warm).rejects.toThrow("schedule gives the 2 steps taken other learning rates than they had");
    const empty = train(await classifier(), data(), { resume: new MemoryDirectory("empty") });
    await expect(empty).rejects.toThrow("empty: there is no checkpoint.safetensors to resume from");
  });

  it("goes on with other kernel variants, and tells which", async () => {
    const directory = new MemoryDirectory("run");
    const untold = (run: Run) => run.events.every((event) => event.type !== "notice");
    expect(untold(await train(await classifier(), data(), { stopAfter: 2, checkpoint: { directory } }))).toBe(true);
    const before = effectiveVariants(gpu);
    const { rows } = before;
    const other = rows === "tree" ? "lane" : "tree";
    const expectTable = async (table: VariantTable) =>
      expect(await readCheckpointState(directory)).toMatchObject({
        fingerprint: { [VARIANTS_KEY]: variantHash(gpu) },
        variants: table,
      });
    await expectTable(before);
    try {
      gpu.variants = { rows: other };
      const resumed = await train(await classifier(), data(), { resume: directory, checkpoint: { directory } });
      expect(resumed.events.filter((event) => event.type === "notice")).toEqual([
        {
          type: "notice",
          message:
            `resume: the checkpoint was made with other kernel variants (rows ${rows}, now ${other}); ` +
            "the run goes on, and agrees with one that was never stopped to rounding",
        },
      ]);
      expect(steps(resumed)).toHaveLength(14);
      await expectTable({ ...before, rows: other });
      // What the run writes from here on was made with the table it has now.
      expect(untold(await train(await classifier(), data(), { resume: directory }))).toBe(true);
    } finally {
      gpu.variants = {};
    }
  });

  it("makes up for an evaluation that was due when it was stopped, and so keeps the same best weights", async () => {
    // After the second step the model is ruined, so the weights of that step are the best.
    const ruined = {
      evaluateEvery: 2,
      maxSteps: 6,
      keepBest: true,
      schedule: () => (step: number) => (step < 2 ? 1 : 500),
    };
    const whole = await train(await classifier(), data(), ruined);
    expect(whole.events.at(-1)).toMatchObject({ bestStep: 2 });
    const directory = new MemoryDirectory("run");
    const stopped = await train(await classifier(), data(), { ...ruined, stopAfter: 2, checkpoint: { directory } });
    expect(evaluations(stopped)).toEqual([]);
    const resumed = await train(await classifier(), data(), { ...ruined, resume: directory });
    expect(evaluations(resumed).map((event) => event.step)).toEqual([2, 4, 6]);
    expect(resumed.events.at(-1)).toMatchObject({ bestStep: 2 });
    expectSameBits(whole, resumed);
  });

  it("goes on beyond the steps of a finished run when the schedule is the same", async () => {
    const whole = await train(await classifier(), data(), { epochs: 3 });
    const directory = new MemoryDirectory("run");
    await train(await classifier(), data(), { maxSteps: 5, checkpoint: { directory } });
    await train(await classifier(), data(), { epochs: 2, resume: directory, checkpoint: { directory } });
    expectSameBits(whole, await train(await classifier(), data(), { epochs: 3, resume: directory }));
  });

  it("puts the best weights back at the end", async () => {
    // A learning rate that ruins the model after a first good evaluation.
    const model = await classifier();
    const run = await train(model, data(), {
      epochs: 4,
      keepBest: true,
      schedule: () => (step) => (step < 8 ? 1 : 500),
    });
    const best = evaluations(run)
      .filter((event) => event.best)
      .at(-1)!;
    const end = run.events.at(-1);
    expect(end).toMatchObject({ type: "end", bestStep: best.step, evaluation: best.evaluation });
    expect(best.step).toBeLessThan(32);
    const short = await train(await classifier(), data(), {
      epochs: 4,
      keepBest: false,
      maxSteps: best.step,
      schedule: () => (step) => (step < 8 ? 1 : 500),
    });
    expect(run.weights).toEqual(short.weights);
  });

  it("accumulates gradients over tokens: four small batches give the step of a large one", async () => {
    const examples = { ...data(), train: parityExamples(32, 5) };
    const large = await train(await classifier(), examples, { batch: 8, epochs: 1 });
    const small = await train(await classifier(), examples, { batch: 2, accumulate: 4, epochs: 1 });
    expect(steps(small)).toHaveLength(4);
    for (const [i, step] of steps(small).entries()) {
      expect(step.loss).toBeCloseTo(losses(large)[i], 5);
      expect(step.gradientNorm!).toBeCloseTo(steps(large)[i].gradientNorm!, 4);
    }
  });

  it("fine-tunes a language model, with dropout that repeats by seed", async () => {
    const random = mulberry32(9);
    const blocks = (count: number): TrainingExample[] =>
      Array.from({ length: count }, () => {
        const start = Math.floor(random.next() * 50);
        const ids = Int32Array.from({ length: 13 }, (_, i) => (start + 3 * i) % 512);
        return { inputIds: ids.slice(0, 12), labels: ids.slice(1) };
      });
    const texts: TrainingData = { train: blocks(24), valid: blocks(8) };
    const model = async (): Promise<GPT2> => {
      const config = {
        ...(await readJson(`${LANGUAGE_MODEL}/config.json`)),
        resid_pdrop: 0.1,
        attn_pdrop: 0.1,
      };
      const directory = new MemoryDirectory("tiny", {
        "config.json": JSON.stringify(config),
        "model.safetensors": await readBytes(`${LANGUAGE_MODEL}/model.safetensors`),
      });
      const loaded = await GPT2.fromPretrained(directory);
      loaded.freeze().unfreeze("h.2", "ln_f");
      return loaded;
    };
    const first = await train(await model(), texts, { epochs: 4 });
    const second = await train(await model(), texts, { epochs: 4 });
    expectSameBits(first, second);
    expect(cacheOf(first)).toMatchObject({ enabled: false, reason: "h.0 has dropout" });
    const perplexities = evaluations(first).map((event) => event.evaluation.perplexity!);
    expect(perplexities.at(-1)).toBeLessThan(perplexities[0]);
    expect(evaluations(first)[0].evaluation.count).toBe(8 * 12);
  });

  it("says at which step a run diverged", async () => {
    const run = train(await classifier(), data(), { clip: undefined, schedule: () => () => 1e30, epochs: 3 });
    await expect(run).rejects.toThrow(/training diverged: the loss of step \d+ is (NaN|-?Infinity)/);
  });

  it("keeps buffers constant over 50 steps", async () => {
    const model = await classifier();
    const optimizer = new AdamW(layerwiseGroups(model, { learningRate: 1e-3 }));
    const live: number[] = [];
    const bytes: number[] = [];
    const fixed = {
      ...data(),
      train: parityExamples(50, 7).map((one) => ({ ...one, inputIds: one.inputIds.slice(0, 3) })),
    };
    for await (const event of finetune(
      model,
      { ...fixed, valid: undefined },
      { optimizer, epochs: 5, batch: 5, cache: false },
    )) {
      if (event.type !== "step") continue;
      live.push(gpu.statistics.liveBuffers);
      bytes.push(gpu.statistics.liveBytes);
    }
    expect(live).toHaveLength(50);
    expect(new Set(live.slice(1)).size).toBe(1);
    expect(new Set(bytes.slice(1)).size).toBe(1);
    optimizer.dispose();
    model.dispose();
  });
});
