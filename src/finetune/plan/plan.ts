import { type KernelVariant, MemoryLimitError } from "../../gpu/index.ts";
import { GPT2, GPT2Base, ImageClassifier, LayeredClassifier, type StagedModel } from "../../models/index.ts";
import { AdamW, hasLora, type Optimizer, removeLora, SGD } from "../../nn/index.ts";
import { requireObject } from "../../tensor/require-kind.ts";
import { requireModel } from "../checks.ts";
import { DEFAULT_EVALUATION_BATCH } from "../evaluate.ts";
import { formatBytes } from "../format.ts";
import { addTrunkLora, linearLayersOfTrunk } from "../lora.ts";
import type { FinetuneOptions } from "../trainer.ts";
import { type Examples, exampleSet, type TrainingData } from "../training-data.ts";
import { BlankImages, BlankTexts } from "./blank-examples.ts";
import { type Change, changesThatFit } from "./changes.ts";
import { type BytesByKind, MEMORY_KINDS } from "./memory.ts";
import { type Rehearsal, rehearse } from "./rehearsal.ts";
import type { Seen } from "./watch.ts";

/** The training that is planned. */
export interface PlanOptions<Host>
  extends Pick<
    FinetuneOptions,
    "accumulate" | "clip" | "checkpointBlocks" | "cache" | "maxSteps" | "evaluateFirst" | "evaluateEvery"
  > {
  /** Passes over the examples; several, where it is not given. */
  epochs?: number;
  /** Examples a batch. */
  batch: number;
  /** Tokens of the longest text; needed for texts where there is no `data`. */
  length?: number;
  /** Height and width of the images, where there is no `data`; by default what the model was made for. */
  imageSize?: readonly [height: number, width: number];
  /** An optimizer over the model's trainable parameters; `adamw` by default. Its state stays as it is. */
  optimizer?: Optimizer | "adamw" | "sgd";
  /** Rank of low-rank adapters beside the linear layers of the trunk, which is frozen then; the model gets none of it. */
  lora?: number;
  /** Examples in all and those for validation, which the cache of activations may hold. Default: one batch, none. */
  examples?: number;
  validExamples?: number;
  evaluationBatch?: number;
  padId?: number;
  /** The examples themselves, in place of `length`, `imageSize` and `examples`. */
  data?: TrainingData<Examples<Host>>;
  /** Bytes that may be held. Default: the budget of the model's handle, which is infinite on a GPU. */
  memoryBudget?: number;
  /** Look for changes that fit where the plan does not. Default true. */
  findChanges?: boolean;
}

/** What a training run takes on an adapter. */
export interface Plan extends Omit<Seen, "variants" | "peak"> {
  readonly adapter: string;
  /** Most bytes held at a time, and of what they are. */
  readonly peakBytes: number;
  readonly atPeak: BytesByKind;
  /** What the run is doing then. */
  readonly peakDuring: "preparation" | "step" | "evaluation";
  readonly batch: number;
  readonly accumulate: number;
  /** Examples a batch of an evaluation; null without examples for it. */
  readonly evaluationBatch: number | null;
  /** Tokens of the longest text; null for images. */
  readonly length: number | null;
  /** Names of the pipelines that are needed. */
  readonly pipelines: readonly string[];
  readonly limits: {
    /** Bytes that may be held at a time; what else the handle holds is taken off. */
    readonly memory: number;
    readonly buffer: number;
    readonly binding: number;
  };
  readonly fits: boolean;
  /** What does not fit, by name and bytes; null when all does. */
  readonly problem: string | null;
  /** Changes that fit, the cheapest first. Empty when the plan itself fits, or nothing helps. */
  readonly changes: readonly Change[];
}

/**
 * Tells what training would take before anything of it is allocated: the step is run on a device that does nothing, with
 * the limits and kernels of the model's adapter, so that bytes, dispatches and products are counted, not estimated. The
 * model may stand on a `DryGpu` itself: then not even its weights are allocated.
 *
 * @example
 * const model = await GPT2.fromPretrained("./gpt2", { gpu: new DryGpu(gpu) });
 * const { fits, peakBytes, changes } = await plan(model, { batch: 16, length: 1024 });
 *
 * @throws when the options do not make a batch for this model.
 */
export async function plan<Host, Inputs>(model: StagedModel<Host, Inputs>, options: PlanOptions<Host>): Promise<Plan> {
  return (await planWithKernels(model, options)).plan;
}

/** The plan, and the kernels that the run needs, to be compiled ahead. */
export async function planWithKernels<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  options: PlanOptions<Host>,
): Promise<{ plan: Plan; kernels: readonly KernelVariant[] }> {
  requireModel("plan", model);
  requireObject("plan", options, "options such as { batch: 16, length: 128 }");
  const { findChanges = true, ...asked } = options;
  const first = await planOnce(model, asked);
  if (first.plan.fits || !findChanges) return first;
  const { data } = options;
  const blank = data && { data: undefined, examples: data.train.length, validExamples: data.valid?.length };
  const canLora = options.lora === undefined && !hasLora(model) && linearLayersOfTrunk(model).length > 0;
  const changes = await changesThatFit(
    first.plan,
    canLora,
    async (change) =>
      (await planOnce(model, { ...asked, ...change, ...(change.length === undefined ? {} : blank) })).plan,
  );
  return { ...first, plan: { ...first.plan, changes } };
}

async function planOnce<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  options: Omit<PlanOptions<Host>, "findChanges">,
): Promise<{ plan: Plan; kernels: readonly KernelVariant[] }> {
  const { batch, accumulate = 1, lora, memoryBudget, data = blankData(model, options) } = options;
  const rehearsal = await rehearse(model, data, {
    ...options,
    alter: lora === undefined ? undefined : () => withLora(model, lora),
    optimizer: () => optimizerOf(model, options.optimizer, lora !== undefined),
  });
  const train = exampleSet(data.train, options.padId);
  const isText = !(model instanceof ImageClassifier);
  const longest = Array.from({ length: train.length }, (_, i) => train.lengthOf(i)).reduce((a, b) => Math.max(a, b), 0);
  const validCount = data.valid?.length ?? 0;
  const { evaluationBatch = DEFAULT_EVALUATION_BATCH } = options;
  const sizes = {
    ...{ batch, accumulate, length: isText ? longest : null },
    evaluationBatch: validCount > 0 ? Math.min(evaluationBatch, validCount) : null,
  };
  return { plan: { ...judge(model, rehearsal, memoryBudget), ...sizes }, kernels: rehearsal.variants };
}

/** What a rehearsal found, held against the limits of the model's handle. */
function judge<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  { variants, heldBytes, refusal, peak, ...found }: Rehearsal,
  memoryBudget = model.gpu.memoryBudget,
): Omit<Plan, "batch" | "accumulate" | "evaluationBatch" | "length"> {
  const { gpu } = model;
  const others = gpu.isDry ? 0 : Math.max(0, gpu.statistics.liveBytes - heldBytes);
  const memory = Math.max(0, memoryBudget - others);
  const needed = `${peak.during === "evaluation" ? "the evaluation" : "training"} needs ${formatBytes(peak.bytes)} (${describeBytes(peak.kinds)})`;
  const tooMuch = `${needed}, and ${formatBytes(memory)} of memory are left of the budget of ${gpu.adapter.name}`;
  const problem = refusal ?? (peak.bytes > memory ? tooMuch : null);
  return {
    ...found,
    ...{ peakBytes: peak.bytes, atPeak: peak.kinds, peakDuring: peak.during },
    adapter: gpu.adapter.name,
    pipelines: [...variants].map(({ key }) => key),
    limits: {
      memory,
      buffer: gpu.limits.maxBufferSize,
      binding: gpu.limits.maxStorageBufferBindingSize,
    },
    fits: problem === null,
    problem,
    changes: [],
  };
}

/** "weights 12 MiB, moments 24 MiB", the largest first. */
function describeBytes(bytes: BytesByKind): string {
  const kinds = MEMORY_KINDS.filter((kind) => bytes[kind] > 0).sort((a, b) => bytes[b] - bytes[a]);
  return kinds.map((kind) => `${kind} ${formatBytes(bytes[kind])}`).join(", ");
}

/** @throws MemoryLimitError naming what does not fit, and the cheapest change that does. */
export function refuse({ problem, changes }: Pick<Plan, "problem" | "changes">): never {
  const [cheapest] = changes;
  const advice = cheapest
    ? `${cheapest.description} takes ${formatBytes(cheapest.peakBytes)}`
    : "no smaller batch fits";
  throw new MemoryLimitError(`finetune: ${problem}; ${advice}`);
}

/** Adds adapters and gives what takes them away. */
function withLora<Host, Inputs>(model: StagedModel<Host, Inputs>, rank: number): () => void {
  const trained = model.parameters().map((tensor) => [tensor, tensor.requiresGrad] as const);
  addTrunkLora(model, { rank });
  return () => {
    removeLora(model);
    for (const [tensor, requiresGrad] of trained) tensor.requiresGrad = requiresGrad;
  };
}

/** The optimizer given, or where others are trained than it has, one of its kind. */
function optimizerOf<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  given: Optimizer | "adamw" | "sgd" = "adamw",
  isOther = false,
): Optimizer {
  if (typeof given !== "string" && !isOther) return given;
  const parameters = new Map([...model.namedParameters()].filter(([, tensor]) => tensor.requiresGrad));
  const groups = [{ name: "all", parameters, learningRate: 1e-4, weightDecay: 0.01 }];
  if (given === "sgd" || given instanceof SGD) return new SGD(groups, { momentum: 0.9 });
  if (given === "adamw" || given instanceof AdamW) return new AdamW(groups);
  throw new Error(`plan: optimizer must be "adamw", "sgd" or an optimizer, got ${String(given)}`);
}

/** Examples that have the asked shape and no content. */
function blankData<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  options: Omit<PlanOptions<Host>, "findChanges">,
): TrainingData<Examples<Host>> {
  const { batch, accumulate = 1, length, imageSize, examples = batch * accumulate, validExamples = 0 } = options;
  let make: (count: number) => unknown;
  let labels: readonly string[] | undefined;
  if (model instanceof GPT2Base) {
    if (!(length !== undefined && Number.isInteger(length) && length > 0)) {
      throw new Error(`plan: length must be a positive integer for texts, got ${length}`);
    }
    const perToken = model instanceof GPT2;
    if (!perToken) labels = model.config.labels;
    make = (count) => new BlankTexts(count, length, perToken);
  } else if (model instanceof ImageClassifier) {
    const own = model instanceof LayeredClassifier ? (model.inputShape.slice(1) as [number, number]) : undefined;
    const size = imageSize ?? own;
    if (!size) throw new Error("plan: imageSize must be given for a model that does not tell it");
    labels = model.labels;
    make = (count) => new BlankImages(count, [model.channels, ...size]);
  } else throw new Error("plan: data must be given for a model of another kind than texts or images");
  return {
    train: make(examples) as Examples<Host>,
    valid: validExamples > 0 ? (make(validExamples) as Examples<Host>) : undefined,
    labels,
  };
}
