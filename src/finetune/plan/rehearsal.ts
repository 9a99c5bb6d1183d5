import type { Gradients } from "../../autograd/index.ts";
import { type Allocation, DryGpu, type KernelVariant, MemoryLimitError } from "../../gpu/index.ts";
import type { FeatureOptions, StagedModel } from "../../models/index.ts";
import type { Optimizer, StepOptions } from "../../nn/index.ts";
import { sizeOf, standIn, type Tensor } from "../../tensor/index.ts";
import { cachedBytes, DEFAULT_CACHE_BUDGET } from "../activation-cache.ts";
import { DEFAULT_EVALUATION_BATCH } from "../evaluate.ts";
import type { ExampleSet } from "../examples.ts";
import { type FinetuneOptions, train } from "../trainer.ts";
import { type Examples, exampleSet, type TrainingData } from "../training-data.ts";
import { RehearsalExamples } from "./rehearsal-examples.ts";

/** What memory is held for. */
export const MEMORY_KINDS = ["weights", "gradients", "moments", "activations", "cache", "workspace"] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];
export type BytesByKind = Record<MemoryKind, number>;

/** What a training run would take, learnt by running it on no device. */
export interface Rehearsal {
  /** Most bytes of each kind that are held at a time; not all of them at the same time. */
  readonly bytes: BytesByKind;
  /** Most bytes held at a time, and of what they are. */
  readonly peakBytes: number;
  readonly atPeak: BytesByKind;
  /** What the run was doing then. */
  readonly peakDuring: "preparation" | "step" | "evaluation";
  readonly largestBuffer: { readonly bytes: number; readonly label: string };
  readonly largestBinding: { readonly bytes: number; readonly kernel: string };
  /** Of one optimizer step. */
  readonly dispatches: number;
  readonly flops: number;
  /** Kernels in the order in which they are first needed. */
  readonly variants: readonly KernelVariant[];
  /** Bytes that the model, and the optimizer's state, hold on the model's own handle already. */
  readonly heldBytes: number;
  /** What the adapter's limits refuse, by name and bytes; the rehearsal ended there. */
  readonly refusal: string | null;
}

/** Steps rehearsed with the longest examples: the first makes the moments, the later ones are like all that follow. */
const STEPS = 3;

export interface RehearsedOptions extends Omit<FinetuneOptions, "epochs" | "optimizer"> {
  epochs?: number;
  /** Changes the model for the rehearsal; the function returned undoes it. */
  alter?: () => () => void;
  /** The optimizer to be like, asked for once the model has been changed. */
  optimizer: () => Optimizer;
}

/**
 * Runs a few steps of a training run, and an evaluation, on a {@link DryGpu} that looks like the model's adapter: the same
 * code, with the longest examples. The model's tensors are lent to it meanwhile, and nothing but them: the optimizer's
 * state and the values of the model stay as they are. Nothing else may use the model until the promise is settled.
 */
export async function rehearse<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  data: TrainingData<Examples<Host>>,
  options: RehearsedOptions,
): Promise<Rehearsal> {
  const { batch, accumulate = 1, evaluationBatch = DEFAULT_EVALUATION_BATCH, padId, cache } = options;
  const heldBytes = model.gpu.isDry ? 0 : bytesOf(model.namedTensors().values());
  const dry = new DryGpu(model.gpu);
  const own: (() => void)[] = [];
  const watch = new Watch(dry);
  try {
    own.push(standIn(model.namedTensors().values(), dry));
    own.push(override(model, "gpu", dry));
    if (options.alter) own.push(options.alter());
    watch.mark(model.namedTensors().values(), "weights");
    own.push(override(model, "loss", watch.afterLoss(model.loss.bind(model))));
    own.push(override(model, "features", watch.afterFeatures(model.features.bind(model))));
    const given = options.optimizer();
    const stateBytes = bytesOf(given.getState().tensors.values());
    const optimizer = given.fresh();
    override(optimizer, "step", watch.aroundStep(optimizer.step.bind(optimizer)));
    const [whole, valid] = [data.train, data.valid].map((set) => set && exampleSet(set, padId));
    const examples = new RehearsalExamples(whole!, batch * accumulate, STEPS);
    const epochs = examples.hasOthers ? STEPS + 1 : STEPS;
    const run = train<Host, Inputs>(
      model,
      {
        train: examples as unknown as Examples<Host>,
        valid: valid && (new RehearsalExamples(valid, evaluationBatch) as unknown as Examples<Host>),
        labels: data.labels,
      },
      {
        ...options,
        ...{ optimizer, epochs, maxSteps: undefined, evaluateEvery: epochs, schedule: undefined },
        ...{ evaluateFirst: valid !== undefined, keepBest: false },
        ...{ signal: undefined, checkpoint: undefined, resume: undefined },
      },
    );
    let refusal: string | null = null;
    try {
      for await (const event of run) watch.event(event.type);
    } catch (error) {
      if (!(error instanceof MemoryLimitError)) throw error;
      refusal = error.message;
    }
    for (const state of optimizer.getState().tensors.values()) watch.mark([state], "moments");
    const budget = cache === false ? null : (cache ?? DEFAULT_CACHE_BUDGET);
    const missing = budget === null ? 0 : watch.cacheToCome([whole, valid], budget.gpuBytes);
    return { ...watch.result(missing), heldBytes: heldBytes + stateBytes, refusal };
  } finally {
    for (const undo of own.reverse()) undo();
  }
}

/** Bytes of the buffers that tensors lie in. */
function bytesOf(tensors: Iterable<Tensor>): number {
  const buffers = new Set([...tensors].map(({ storage }) => storage.buffer));
  return [...buffers].reduce((sum, { size }) => sum + size, 0);
}

/** Gives an object a property of its own; the function returned takes it away again. */
function override<T extends object, K extends keyof T>(target: T, name: K, value: T[K]): () => void {
  const before = Object.getOwnPropertyDescriptor(target, name);
  Object.defineProperty(target, name, { value, configurable: true, enumerable: before?.enumerable ?? false });
  return () => {
    if (before) Object.defineProperty(target, name, before);
    else delete target[name];
  };
}

/** Follows a rehearsal: what each allocation is for, and what each step takes. */
class Watch {
  readonly #kinds = new Map<Allocation, MemoryKind>();
  /** From where on allocations belong to the step under way. */
  #stepBegin = 0;
  #before = { dispatches: 0, flops: 0 };
  /** Where each event came, in the order of allocations and releases. */
  readonly #events: { place: number; type: string }[] = [];
  #steps = 0;
  #dispatches = 0;
  #flops = 0;
  /** Shape of what the frozen part gave last. */
  #kept: readonly number[] | null = null;

  constructor(private readonly dry: DryGpu) {}

  mark(tensors: Iterable<Tensor>, kind: MemoryKind): void {
    for (const tensor of tensors) {
      const allocation = this.dry.allocationOf(tensor.storage.buffer);
      // A loss may make its gradients with its value: then they lay among the activations.
      const before = allocation && this.#kinds.get(allocation);
      if (allocation && (!before || (before === "activations" && kind === "gradients")))
        this.#kinds.set(allocation, kind);
    }
  }

  afterLoss<Arguments extends unknown[]>(loss: (...given: Arguments) => Tensor): (...given: Arguments) => Tensor {
    return (...given) => {
      const result = loss(...given);
      // Without history it is an evaluation, which keeps nothing.
      if (result.node) {
        for (const allocation of this.dry.held()) {
          if (allocation.from >= this.#stepBegin && !this.#kinds.has(allocation) && !isCache(allocation)) {
            this.#kinds.set(allocation, "activations");
          }
        }
      }
      return result;
    };
  }

  afterFeatures<Inputs>(
    features: (inputs: Inputs, options?: FeatureOptions) => Tensor,
  ): (inputs: Inputs, options?: FeatureOptions) => Tensor {
    return (inputs, options) => {
      const result = features(inputs, options);
      if (options?.to !== undefined) this.#kept = result.shape;
      return result;
    };
  }

  aroundStep(step: Optimizer["step"]): Optimizer["step"] {
    return (gradients: Gradients, options?: StepOptions) => {
      for (const [, gradient] of gradients.entries()) this.mark([gradient], "gradients");
      const norm = step(gradients, options);
      this.#stepBegin = this.dry.place;
      return norm;
    };
  }

  event(type: string): void {
    const { dispatches } = this.dry.statistics;
    const { flops, place } = this.dry;
    this.#events.push({ place, type });
    if (type === "step" && ++this.#steps <= STEPS) {
      this.#dispatches = dispatches - this.#before.dispatches;
      // Where a step is played back as it was recorded, its kernels are not seen again.
      this.#flops = Math.max(this.#flops, flops - this.#before.flops);
    }
    this.#before = { dispatches, flops };
  }

  /** Bytes that the cache of activations will hold beyond those of the examples rehearsed. */
  cacheToCome(sets: readonly (ExampleSet<unknown> | undefined)[], budget: number): number {
    const held = this.dry.allocations.filter(isCache).reduce((sum, { bytes }) => sum + bytes, 0);
    if (!this.#kept || held === 0) return 0;
    const perToken = this.#kept.length === 3;
    const width = sizeOf(this.#kept.slice(perToken ? 2 : 1));
    const rows = (set: ExampleSet<unknown>): number[] =>
      Array.from({ length: set.length }, (_, index) => (perToken ? set.lengthOf(index) : 1));
    const total = sets.reduce((sum, set) => sum + (set ? cachedBytes(rows(set), width, budget) : 0), 0);
    return Math.max(0, total - held);
  }

  /** @param missing bytes of the cache that are held besides. */
  result(missing: number): Omit<Rehearsal, "heldBytes" | "refusal"> {
    const { allocations, largestBinding, kernels, statistics } = this.dry;
    const changes = allocations.flatMap((allocation) => {
      const kind = this.#kinds.get(allocation) ?? (isCache(allocation) ? "cache" : "workspace");
      const taken = { at: allocation.from, kind, bytes: allocation.bytes };
      return allocation.to < Number.POSITIVE_INFINITY
        ? [taken, { at: allocation.to, kind, bytes: -allocation.bytes }]
        : [taken];
    });
    changes.sort((a, b) => a.at - b.at);
    const none = (): BytesByKind => Object.fromEntries(MEMORY_KINDS.map((kind) => [kind, 0])) as BytesByKind;
    const [now, bytes] = [none(), none()];
    let [live, peak, atPeak, peakPlace] = [0, 0, none(), 0];
    for (const { at, kind, bytes: change } of changes) {
      now[kind] += change;
      live += change;
      bytes[kind] = Math.max(bytes[kind], now[kind]);
      if (live > peak) [peak, atPeak, peakPlace] = [live, { ...now }, at];
    }
    // A captured step packs its memory by lifetimes: several things have the same place.
    let packed = peak - statistics.peakBytes;
    for (const kind of ["workspace", "activations", "gradients"] as const) {
      const less = Math.min(packed, atPeak[kind]);
      atPeak[kind] -= less;
      packed -= less;
    }
    bytes.cache += missing;
    atPeak.cache += missing;
    const { bytes: size, label } = allocations.reduce((a, b) => (b.bytes > a.bytes ? b : a), { bytes: 0, label: "" });
    const next = this.#events.find(({ place }) => place > peakPlace)?.type;
    return {
      bytes,
      peakDuring: next === "step" || next === "evaluation" ? next : "preparation",
      peakBytes: statistics.peakBytes + missing,
      atPeak,
      largestBuffer: { bytes: size, label },
      largestBinding,
      dispatches: this.#dispatches,
      flops: this.#flops,
      variants: [...kernels],
    };
  }
}

const isCache = ({ label }: Allocation): boolean => label.startsWith("activation cache");
