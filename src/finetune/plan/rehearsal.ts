import { DryGpu, MemoryLimitError } from "../../gpu/index.ts";
import type { StagedModel } from "../../models/index.ts";
import type { Optimizer } from "../../nn/index.ts";
import { standIn, type Tensor } from "../../tensor/index.ts";
import { cachedBytes, DEFAULT_CACHE_BUDGET } from "../activation-cache.ts";
import { DEFAULT_EVALUATION_BATCH } from "../evaluate.ts";
import { byLength, type ExampleSet, stepsOfEpoch } from "../examples.ts";
import { type FinetuneOptions, train } from "../trainer.ts";
import { type Examples, exampleSet, type TrainingData } from "../training-data.ts";
import type { CacheSize } from "./memory.ts";
import { largestBatch, RehearsalExamples } from "./rehearsal-examples.ts";
import { type Seen, Watch } from "./watch.ts";

/** What a training run would take, learnt by running it on no device. */
export interface Rehearsal extends Seen {
  /** Bytes that the model, and the optimizer's state, hold on the model's own handle already. */
  readonly heldBytes: number;
  /** What the adapter's limits refuse, by name and bytes; the rehearsal ended there. */
  readonly refusal: string | null;
}

/** Steps rehearsed with the longest examples: the first makes the moments, the later ones are like all that follow. */
const STEPS = 3;

export interface RehearsedOptions extends Omit<FinetuneOptions, "epochs" | "optimizer"> {
  /** Several, where none are given. */
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
  const { batch, accumulate = 1, evaluationBatch = DEFAULT_EVALUATION_BATCH, padId } = options;
  const heldBytes = model.gpu.isDry ? 0 : bytesOf(model.namedTensors().values());
  const dry = new DryGpu(model.gpu);
  const own: (() => void)[] = [];
  const watch = new Watch(dry, STEPS);
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
    own.push(() => optimizer.dispose());
    // It has moved what it trains, which is not part of the run.
    watch.mark(model.namedTensors().values(), "weights");
    watch.beginRun();
    override(optimizer, "step", watch.aroundStep(optimizer.step.bind(optimizer)));
    const [whole, valid] = [data.train, data.valid].map((set) => set && exampleSet(set, padId));
    const examples = new RehearsalExamples(
      whole!,
      { begin: whole!.length - batch * accumulate, end: whole!.length },
      STEPS,
    );
    const epochs = examples.hasOthers ? STEPS + 1 : STEPS;
    const evaluated = valid && new RehearsalExamples(valid, largestBatch(valid, evaluationBatch));
    const run = train<Host, Inputs>(
      model,
      {
        train: examples as unknown as Examples<Host>,
        valid: evaluated as unknown as Examples<Host> | undefined,
        labels: data.labels,
      },
      {
        ...options,
        ...{ optimizer, epochs, maxSteps: undefined, evaluateEvery: epochs, schedule: undefined },
        ...{ evaluateFirst: valid !== undefined, keepBest: false },
        ...{ signal: undefined, between: undefined, checkpoint: undefined, resume: undefined },
      },
    );
    let refusal: string | null = null;
    try {
      for await (const event of run) watch.event(event.type);
    } catch (error) {
      if (!(error instanceof MemoryLimitError)) throw error;
      refusal = error.message;
      watch.event("refusal");
    }
    for (const state of optimizer.getState().tensors.values()) watch.mark([state], "moments");
    const epochSteps = stepsOfEpoch(whole!.length, options);
    const { evaluateFirst = false, evaluateEvery = epochSteps, maxSteps = Number.POSITIVE_INFINITY } = options;
    const form = {
      ...cacheSizes(watch.keptRows, whole!, valid, options),
      evaluatesFirst: evaluateFirst,
      evaluatesBetween: evaluateEvery < Math.min(maxSteps, (options.epochs ?? 2) * epochSteps),
      prefills: epochSteps <= maxSteps,
    };
    return { ...watch.result(form), heldBytes: heldBytes + stateBytes, refusal };
  } finally {
    for (const undo of own.reverse()) undo();
  }
}

/** What the kept activations of all examples take, where they have rows of a form. */
function cacheSizes(
  form: { perToken: boolean; width: number } | null,
  whole: ExampleSet<unknown>,
  valid: ExampleSet<unknown> | undefined,
  options: RehearsedOptions,
): { train: CacheSize; valid: CacheSize } {
  const { batch, accumulate = 1, evaluationBatch = DEFAULT_EVALUATION_BATCH, cache, maxSteps } = options;
  const { gpuBytes } = cache || DEFAULT_CACHE_BUDGET;
  const sizeOf = (set: ExampleSet<unknown> | undefined, size: number, met = set?.length ?? 0): CacheSize => {
    if (!form || !set) return { all: 0, before: 0, isFull: false };
    const rows = byLength(set)
      .slice(0, met)
      .map((place) => (form.perToken ? set.lengthOf(place) : 1));
    const bytes = (list: readonly number[]): number => cachedBytes(list, form.width, gpuBytes);
    const all = bytes(rows);
    return {
      all,
      before: bytes(rows.slice(0, largestBatch(set, size).begin)),
      isFull: cachedBytes(rows, form.width, Infinity) > all,
    };
  };
  // A run shorter than an epoch keeps what it meets.
  const met = maxSteps === undefined ? undefined : Math.min(whole.length, maxSteps * batch * accumulate);
  return { train: sizeOf(whole, batch, met), valid: sizeOf(valid, evaluationBatch) };
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
