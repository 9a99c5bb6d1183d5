import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backward, type Gradients, mul, noGrad } from "../../src/autograd/index.ts";
import { constantSchedule, cosineSchedule, linearSchedule, type Schedule } from "../../src/finetune/index.ts";
import { Gpu } from "../../src/gpu/index.ts";
import {
  disposeInputs,
  GPT2,
  type GPT2Base,
  GPT2ForSequenceClassification,
  prepareInputs,
} from "../../src/models/index.ts";
import { AdamW, type Optimizer, type ParameterGroup, SGD } from "../../src/nn/index.ts";
import { tensor, tidy } from "../../src/tensor/index.ts";
import { compare, loadCase, type OracleCase } from "../support/oracle.ts";

interface TrainSettings {
  optimizer: "sgd" | "adamw";
  lr: number;
  momentum?: number;
  weight_decay?: number;
  betas?: [number, number];
  eps?: number;
  steps: number;
  accumulate?: number;
  clip_grad_norm?: number;
  schedule?: "cosine" | "linear";
  warmup_steps?: number;
  groups: { params: string[]; lr: number; weight_decay: number }[];
}

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

function scheduleOf(train: TrainSettings): Schedule {
  const { schedule, warmup_steps: warmupSteps = 0, steps: totalSteps } = train;
  if (schedule === "cosine") return cosineSchedule({ warmupSteps, totalSteps });
  if (schedule === "linear") return linearSchedule({ warmupSteps, totalSteps });
  return constantSchedule({ warmupSteps });
}

function optimizerOf(train: TrainSettings, model: GPT2Base): Optimizer {
  const named = model.namedParameters();
  const groups: ParameterGroup[] = train.groups.map((group, index) => ({
    name: `group ${index}`,
    parameters: new Map(group.params.map((name) => [name, named.get(name)!])),
    learningRate: group.lr,
    weightDecay: group.weight_decay,
  }));
  const [beta1, beta2] = train.betas ?? [0.9, 0.999];
  return train.optimizer === "sgd"
    ? new SGD(groups, { momentum: train.momentum })
    : new AdamW(groups, { beta1, beta2, epsilon: train.eps });
}

/** One batch of a case: [batch, length] at a flat place, with next-token labels unless classes are given. */
function batchOf(model: GPT2Base, oracle: OracleCase, index: number) {
  const ids = oracle.tensors.get("input_ids")!;
  const [batch, length] = ids.shape.slice(-2);
  const cut = (name: string) =>
    oracle.tensors.get(name)?.data.slice(index * batch * length, (index + 1) * batch * length);
  const inputIds = cut("input_ids") as Int32Array;
  const attentionMask = cut("attention_mask") as Int32Array | undefined;
  const inputs = prepareInputs(gpu, { inputIds, attentionMask, batch, length }, model.config);
  const classes = oracle.tensors.get("labels");
  const labels = classes
    ? (classes.data.slice(index * batch, (index + 1) * batch) as Int32Array)
    : Int32Array.from({ length: batch * length }, (_, i) => (i % length === length - 1 ? -100 : inputIds[i + 1]));
  return { inputs, labels };
}

async function replay(model: GPT2Base, oracle: OracleCase): Promise<string[]> {
  const train = oracle.description.train as TrainSettings;
  const { steps, accumulate = 1 } = train;
  const trainable = new Set(oracle.description.trainable as string[]);
  const named = model.namedParameters();
  for (const [name, parameter] of named) parameter.requiresGrad = trainable.has(name);
  const initial = new Map<string, Float32Array>();
  for (const name of trainable) initial.set(name, (await named.get(name)!.data()) as Float32Array);
  const optimizer = optimizerOf(train, model);
  const schedule = scheduleOf(train);
  const got: Record<string, number[]> = { loss: [], grad_norm: [], lr: [] };
  let liveBuffers = 0;
  for (let step = 0; step < steps; step++) {
    let loss = 0;
    let total: Gradients | undefined;
    for (let micro = 0; micro < accumulate; micro++) {
      const { inputs, labels } = batchOf(model, oracle, step * accumulate + micro);
      const result = tidy(() => {
        const targets = tensor(labels, [labels.length], { gpu });
        const mean = model.loss(model.features(inputs), targets, "mean");
        return { mean, gradients: backward(mul(mean, 1 / accumulate)) };
      });
      loss += (await result.mean.item()) / accumulate;
      result.mean.dispose();
      disposeInputs(inputs);
      if (total) total.accumulate(result.gradients);
      else total = result.gradients;
    }
    expect(total!.size).toBe(trainable.size);
    const factor = schedule(step);
    // Without clipping a limit out of reach gives the norm and leaves the gradient as it is.
    const norm = optimizer.step(total!, { factor, clip: train.clip_grad_norm ?? 1e30 })!;
    got.loss.push(loss);
    got.grad_norm.push(await norm.item());
    norm.dispose();
    got.lr.push(...train.groups.map((group) => group.lr * factor));
    if (step === 1) liveBuffers = gpu.statistics.liveBuffers;
    if (step > 1) expect(gpu.statistics.liveBuffers).toBe(liveBuffers);
  }
  const failures: string[] = [];
  for (const name of Object.keys(oracle.expected)) {
    let values: ArrayLike<number>;
    if (name === "delta_norm") values = await deltaNorms(oracle, model, initial);
    else if (name === "logits_after") {
      const { inputs } = batchOf(model, oracle, 0);
      const logits = noGrad(() => tidy(() => model.forward(inputs)));
      // Large cases keep the first rows only.
      values = (await logits.data()).subarray(0, oracle.tensors.get(name)!.data.length);
      logits.dispose();
      disposeInputs(inputs);
    } else if (name.startsWith("final/")) values = await named.get(name.slice("final/".length))!.data();
    else values = got[name];
    const failure = compare(oracle, name, values);
    if (failure) failures.push(failure);
  }
  optimizer.dispose();
  return failures;
}

async function deltaNorms(oracle: OracleCase, model: GPT2Base, initial: Map<string, Float32Array>): Promise<number[]> {
  const ignored = (oracle.description.ignored_rows ?? {}) as Record<
    string,
    { dim: number; start: number; stop: number }[]
  >;
  const named = model.namedParameters();
  const norms: number[] = [];
  for (const name of oracle.description.trainable as string[]) {
    const parameter = named.get(name)!;
    const now = await parameter.data();
    const before = initial.get(name)!;
    let sum = 0;
    for (let i = 0; i < now.length; i++) {
      const isIgnored = (ignored[name] ?? []).some(({ dim, start, stop }) => {
        const inner = parameter.shape.slice(dim + 1).reduce((a, b) => a * b, 1);
        const place = Math.floor(i / inner) % parameter.shape[dim];
        return place >= start && place < stop;
      });
      if (!isIgnored) sum += (now[i] - before[i]) ** 2;
    }
    norms.push(Math.sqrt(sum));
  }
  return norms;
}

describe("training trajectories against PyTorch", () => {
  for (const name of ["sgd", "adamw", "adamw-frozen", "adamw-layer-lr", "adamw-clip-cosine", "adamw-accum4"]) {
    it(`gpt2-tiny/train-${name}`, async () => {
      const oracle = await loadCase(`gpt2-tiny/train-${name}`);
      const model = await GPT2.fromPretrained(oracle.modelDirectory);
      expect(await replay(model, oracle)).toEqual([]);
      model.dispose();
    });
  }

  it("gpt2-seqcls-tiny/train-head", async () => {
    const oracle = await loadCase("gpt2-seqcls-tiny/train-head");
    const model = await GPT2ForSequenceClassification.fromPretrained(oracle.modelDirectory);
    expect(await replay(model, oracle)).toEqual([]);
    model.dispose();
  });

  it("leaves nothing for the garbage collector", () => {
    expect(gpu.statistics.rescuedTensors).toBe(0);
  });
});
