import { expect } from "vitest";
import { backward, type Gradients, mul, noGrad } from "../../src/autograd/index.ts";
import { constantSchedule, cosineSchedule, linearSchedule, type Schedule } from "../../src/finetune/index.ts";
import type { StagedModel } from "../../src/models/index.ts";
import { AdamW, type Module, type Optimizer, type ParameterGroup, SGD, type TrainingPass } from "../../src/nn/index.ts";
import { tensor, tidy } from "../../src/tensor/index.ts";
import { compare, type OracleCase } from "./oracle.ts";

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

function scheduleOf(train: TrainSettings): Schedule {
  const { schedule, warmup_steps: warmupSteps = 0, steps: totalSteps } = train;
  if (schedule === "cosine") return cosineSchedule({ warmupSteps, totalSteps });
  if (schedule === "linear") return linearSchedule({ warmupSteps, totalSteps });
  return constantSchedule({ warmupSteps });
}

function optimizerOf(train: TrainSettings, model: Module): Optimizer {
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

/** The inputs of a case's batches, on the GPU, with their labels. */
export type BatchOf<Inputs> = (index: number) => { inputs: Inputs; labels: Int32Array };

/**
 * Trains a model as a case says and compares everything that the case expects: losses, norms, rates, statistics, weights
 * and logits. Returns what is wrong.
 */
export async function replay<Inputs>(
  model: StagedModel<never, Inputs>,
  oracle: OracleCase,
  batchOf: BatchOf<Inputs>,
  pass?: TrainingPass,
): Promise<string[]> {
  const { gpu } = model;
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
      const { inputs, labels } = batchOf(step * accumulate + micro);
      const result = tidy(() => {
        const targets = tensor(labels, [labels.length], { gpu });
        const mean = model.loss(model.features(inputs, { pass }), targets, "mean", pass);
        return { mean, gradients: backward(mul(mean, 1 / accumulate)) };
      });
      loss += (await result.mean.item()) / accumulate;
      result.mean.dispose();
      model.release(inputs);
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
    if (step === 4) {
      for (const [name, buffer] of model.namedBuffers()) got[`buffer_step5/${name}`] = [...(await buffer.data())];
    }
    if (step === 1) liveBuffers = gpu.statistics.liveBuffers;
    if (step > 1) expect(gpu.statistics.liveBuffers).toBe(liveBuffers);
  }
  const failures: string[] = [];
  for (const name of Object.keys(oracle.expected)) {
    let values: ArrayLike<number>;
    if (name === "delta_norm") values = await deltaNorms(oracle, model, initial);
    else if (name === "logits_after") {
      const { inputs } = batchOf(0);
      const logits = noGrad(() => tidy(() => model.forward(inputs)));
      // Large cases keep the first rows only.
      values = (await logits.data()).subarray(0, oracle.tensors.get(name)!.data.length);
      logits.dispose();
      model.release(inputs);
    } else if (name.startsWith("final/")) values = await named.get(name.slice("final/".length))!.data();
    else if (name.startsWith("buffer/")) values = await model.namedBuffers().get(name.slice("buffer/".length))!.data();
    else values = got[name];
    const failure = compare(oracle, name, values);
    if (failure) failures.push(failure);
  }
  optimizer.dispose();
  return failures;
}

async function deltaNorms(oracle: OracleCase, model: Module, initial: Map<string, Float32Array>): Promise<number[]> {
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
