import { type ModelDirectory, mulberry32, permutation } from "../io/index.ts";
import { effectiveVariants, variantHash } from "../kernels/variants/variants.ts";
import type { StagedModel } from "../models/index.ts";
import type { Optimizer } from "../nn/index.ts";
import { type CacheBudget, DEFAULT_CACHE_BUDGET } from "./activation-cache.ts";
import {
  type CheckpointOptions,
  loadCheckpoint,
  restoreSnapshot,
  type Snapshot,
  type TrainerState,
  takeSnapshot,
  VARIANTS_KEY,
  variantNotice,
  writeCheckpoint,
} from "./checkpoint.ts";
import { examplesOf, requireOptions } from "./checks.ts";
import { evaluate } from "./evaluate.ts";
import type { CheckpointEvent, EndEvent, Evaluation, StartEvent, StepEvent, Task, TrainingEvent } from "./events.ts";
import { batchesOf, type ExampleSet, hashValues, stepsOfEpoch } from "./examples.ts";
import { FrozenTrunk } from "./frozen-trunk.ts";
import type { Schedule } from "./schedule.ts";
import type { Examples, TrainingData } from "./training-data.ts";
import { TrainingStep } from "./training-step.ts";

/** How a model is trained, evaluated and kept. */
export interface FinetuneOptions {
  /** Made over the model's trainable parameters; its groups carry the learning rates. */
  optimizer: Optimizer;
  epochs: number;
  /** Examples a batch. */
  batch: number;
  /** Batches whose gradients make one step. The loss is averaged over their tokens or examples. */
  accumulate?: number;
  /** Largest global gradient norm. */
  clip?: number;
  /** Factor of the learning rates by step, from 0; constant by default. Given the number of steps of all epochs. */
  schedule?: (totalSteps: number) => Schedule;
  /** Batch texts of similar length: less padding is computed, at the price of less random batches. Default false. */
  groupByLength?: boolean;
  /** Seed of shuffling and dropout; augmentation has its own. */
  seed?: number;
  /** Stop after so many steps. The schedule stays laid over all epochs, so a resumed run goes on as if it had not stopped. */
  maxSteps?: number;
  /** Steps between evaluations; by default one at the end of each epoch. */
  evaluateEvery?: number;
  evaluationBatch?: number;
  /** Token id of padding, where the examples are a list of texts; it has no influence. */
  padId?: number;
  /** Stops after the current step; the stream then ends with a `cancelled` event. */
  signal?: AbortSignal;
  /**
   * Called before each step and between the batches of evaluation and preparation, when nothing is under way; what it gives
   * is awaited, so that it may hold the run. Given what writes a checkpoint of the run as it stands.
   */
  between?: (keep: () => Promise<CheckpointEvent | null>) => Promise<void> | undefined;
  /**
   * Keep only what comes out of each stage (block, layer) for the backward pass, which runs the stages again: the memory of
   * one stage's activations instead of all, for about a third more work. Same bits. Default false.
   */
  checkpointBlocks?: boolean;
  /**
   * Run a few steps on no device first: what cannot fit is refused before anything is allocated, and the pipelines are
   * known and compiled ahead of the first step. Default true.
   */
  rehearse?: boolean;
  /**
   * Capture a step once for each combination of batch shapes and replay it: the host does next to nothing, and nothing is
   * created. Same bits. A model that cannot be captured is run without, with a notice. Default true.
   */
  capture?: boolean;
  /** Bytes for the activations of the frozen part, or false to compute them each time. */
  cache?: CacheBudget | false;
  /** Evaluate once ahead of the first step. Default false. */
  evaluateFirst?: boolean;
  /** Where checkpoints go: at every evaluation, every `every` steps, and when cancelled. */
  checkpoint?: CheckpointOptions;
  /** What else must agree for a checkpoint to be gone on from, by name. */
  fingerprint?: TrainerState["fingerprint"];
  /** Directory of a checkpoint to go on from. */
  resume?: ModelDirectory;
  /** Whether the best weights by validation are put back at the end. Default true. */
  keepBest?: boolean;
  /** Task of the start event; by default told from whether there are labels. */
  task?: Task;
  /** Shown in the start event. */
  modelName?: string;
  /** Further settings for the start event's list. */
  settings?: StartEvent["settings"];
}

/** A loss that is no number any more. The last checkpoint is untouched. */
export class DivergedError extends Error {
  override name = "DivergedError";
  constructor(step: number, loss: number) {
    super(`training diverged: the loss of step ${step} is ${loss}; lower the learning rate or clip the gradient`);
  }
}

/** Trains without looking whether it fits: see `finetune`. */
export async function* train<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  data: TrainingData<Examples<Host>>,
  options: FinetuneOptions,
): AsyncGenerator<TrainingEvent, void> {
  const run = new TrainingRun(model, data, options);
  try {
    yield* run.events();
  } finally {
    run.dispose();
  }
}

class TrainingRun<Host, Inputs> {
  readonly #train: ExampleSet<Host>;
  readonly #valid: ExampleSet<Host> | null;
  readonly #trunk: FrozenTrunk<Host, Inputs>;
  readonly #validTrunk: FrozenTrunk<Host, Inputs>;
  readonly #training: TrainingStep<Host, Inputs>;
  /** Steps of all epochs, and those that will be taken. */
  readonly #allSteps: number;
  readonly #totalSteps: number;
  readonly #factor: Schedule;
  readonly #accumulate: number;
  readonly #started = performance.now();
  #state: TrainerState;
  readonly #labels: readonly string[] | undefined;
  #best: Snapshot | null = null;
  /** The newest evaluation. */
  #last: Evaluation | null = null;
  /** Step and time at which this process began to step, for the estimate of what is left. */
  #firstStep = 0;
  #steppingSince: number | null = null;

  constructor(
    private readonly model: StagedModel<Host, Inputs>,
    data: TrainingData<Examples<Host>>,
    private readonly options: FinetuneOptions,
  ) {
    requireOptions(options);
    const { epochs, accumulate = 1, maxSteps = Number.POSITIVE_INFINITY, seed = 0 } = options;
    const { train, valid } = examplesOf(data, options.padId);
    this.#train = train;
    this.#valid = valid;
    this.#labels = data.labels;
    const budget = options.cache ?? DEFAULT_CACHE_BUDGET;
    this.#accumulate = accumulate;
    this.#trunk = new FrozenTrunk(model, budget, this.#train.isAugmented);
    this.#validTrunk = new FrozenTrunk(model, budget);
    this.#training = new TrainingStep(model, this.#trunk, options);
    this.#allSteps = epochs * stepsOfEpoch(this.#train.length, options);
    this.#totalSteps = Math.min(maxSteps, this.#allSteps);
    this.#factor = options.schedule?.(this.#allSteps) ?? (() => 1);
    this.#state = {
      step: 0,
      epoch: 0,
      batch: 0,
      randomState: seed,
      tokens: 0,
      best: null,
      isEvaluationDue: false,
      factorSum: 0,
      fingerprint: this.#fingerprint(),
      variants: effectiveVariants(model.gpu),
    };
  }

  dispose(): void {
    this.#training.dispose();
    this.#trunk.dispose();
    this.#validTrunk.dispose();
  }

  async *events(): AsyncGenerator<TrainingEvent, void> {
    const { options } = this;
    this.model.gpu.resetPeak();
    let notice: string | null = null;
    if (options.resume) {
      const { state, best } = await loadCheckpoint(options.resume, this.model, options.optimizer, this.#fingerprint());
      notice = variantNotice(state, this.model.gpu);
      this.#state = { ...state, fingerprint: this.#state.fingerprint, variants: this.#state.variants };
      this.#best = best;
      if (state.factorSum !== this.#factorSum(state.step)) {
        throw new Error(
          `resume: this run's schedule gives the ${state.step} steps taken other learning rates than they had; ` +
            "it needs the same schedule, warm-up and number of steps",
        );
      }
    }
    this.#firstStep = this.#state.step;
    yield this.#startEvent();
    if (notice) yield { type: "notice", message: notice };
    if (options.evaluateFirst && this.#state.step === 0 && this.#valid) yield* this.#evaluate();
    if (this.#state.isEvaluationDue && this.#valid) yield* this.#evaluate();
    let reason: EndEvent["reason"] = "finished";
    // A run shorter than an epoch does not see every example, and computes what it meets.
    if (this.#state.step < this.#totalSteps && this.#totalSteps >= this.#allSteps / options.epochs) {
      yield* this.#trunk.prefill(this.#train, options.batch, options.signal, this.#between);
    }
    while (this.#state.epoch < options.epochs) {
      const { batches, randomState } = this.#shuffle();
      while (this.#state.batch < batches.length && this.#state.step < this.#totalSteps) {
        await this.#between();
        if (this.#isCancelled) break;
        yield await this.#step(batches.slice(this.#state.batch, this.#state.batch + this.#accumulate));
        const { notice } = this.#training;
        if (notice) yield { type: "notice", message: notice };
        this.#training.notice = null;
        const isEpochEnd = this.#state.batch >= batches.length;
        const isLast = this.#state.step >= this.#totalSteps;
        const every = options.evaluateEvery;
        const isEnd = this.#state.step === this.#allSteps;
        const isDue = isEnd || (every ? this.#state.step % every === 0 : isEpochEnd);
        this.#state = { ...this.#state, isEvaluationDue: isDue };
        if (isDue && this.#valid && !this.#isCancelled) yield* this.#evaluate();
        const checkpointEvery = options.checkpoint?.every;
        if (options.checkpoint && (isDue || isLast || (checkpointEvery && this.#state.step % checkpointEvery === 0)))
          yield* this.#checkpointEvents();
        // An evaluation only because the run stops early is not in the checkpoint: a longer run would not have had it.
        if (isLast && !isDue && this.#valid && !this.#isCancelled) yield* this.#evaluate();
      }
      if (this.#isCancelled || this.#state.step >= this.#totalSteps) break;
      this.#state = { ...this.#state, epoch: this.#state.epoch + 1, batch: 0, randomState };
    }
    if (this.#isCancelled) {
      reason = "cancelled";
      if (options.checkpoint) yield* this.#checkpointEvents();
    } else if (this.#state.step < this.#allSteps) {
      reason = "max-steps";
    }
    yield this.#trunk.event();
    const { best } = this.#state;
    if (options.keepBest !== false && this.#best && best && best.step !== this.#state.step)
      restoreSnapshot(this.model, this.#best);
    yield this.#endEvent(reason);
  }

  get #isCancelled(): boolean {
    return this.options.signal?.aborted ?? false;
  }

  /** What must agree for a run to be resumed. */
  #fingerprint(): TrainerState["fingerprint"] {
    const { batch, seed = 0, clip, optimizer } = this.options;
    const train = this.#train;
    const valid = this.#valid;
    const trained = [...this.model.namedParameters()].filter(([, tensor]) => tensor.requiresGrad).map(([name]) => name);
    return {
      "training examples": train.length,
      "validation examples": valid?.length ?? 0,
      ...train.fingerprint,
      "a checksum of the training data of": train.checksum(),
      "a checksum of the validation data of": valid?.checksum() ?? NO_EXAMPLES,
      batch,
      accumulate: this.#accumulate,
      "group by length": String(this.options.groupByLength ?? false),
      seed,
      clip: clip ?? null,
      "trained parameters": trained.join(" "),
      ...this.options.fingerprint,
      [VARIANTS_KEY]: variantHash(this.model.gpu),
      ...Object.fromEntries(
        optimizer.groups.flatMap(({ name, learningRate, weightDecay }) => [
          [`learning rate of ${name}`, learningRate],
          [`weight decay of ${name}`, weightDecay],
        ]),
      ),
    };
  }

  /** Added up as the steps do it, so that equal factors give equal bits. */
  #factorSum(steps: number): number {
    let sum = 0;
    for (let step = 0; step < steps; step++) sum += this.#factor(step);
    return sum;
  }

  /** Shuffles with the epoch's own generator state, so that a resumed epoch has the same batches. */
  #shuffle(): { batches: number[][]; randomState: number } {
    const random = mulberry32(0);
    random.state = this.#state.randomState;
    const train = this.#train;
    const order = permutation(train.length, random);
    // With one row a text there is no padding to save.
    const isGrouped = this.options.groupByLength && this.#trunk.boundary < this.model.stages.length;
    const batches = batchesOf(train, order, this.options.batch, isGrouped ? random : null);
    return { batches, randomState: random.state };
  }

  async #step(groups: readonly number[][]): Promise<StepEvent> {
    const { options } = this;
    this.#steppingSince ??= performance.now();
    const { optimizer } = options;
    const begin = performance.now();
    const batches = groups.map((indices) => this.#train.collate(indices, this.#state.epoch));
    const counted = batches.reduce((sum, batch) => sum + batch.counted, 0);
    if (counted === 0) throw new Error(`finetune: no label of step ${this.#state.step + 1} counts`);
    const { step: taken } = this.#state;
    const factor = this.#factor(taken);
    const seed = Math.imul(options.seed ?? 0, 0x9e3779b1) + taken * this.#accumulate;
    const { losses, norm } = await this.#training.run(batches, counted, { factor, seed });
    const [normValue, ...values] = await Promise.all([norm?.item() ?? null, ...losses.map((loss) => loss.item())]);
    for (const used of [...losses, norm]) used?.dispose();
    const loss = (values as number[]).reduce((sum, value) => sum + value, 0);
    const step = this.#state.step + 1;
    if (!Number.isFinite(loss)) throw new DivergedError(step, loss);
    const tokens = batches.reduce((sum, batch) => sum + batch.tokens, 0);
    this.#state = {
      ...this.#state,
      step,
      batch: this.#state.batch + groups.length,
      tokens: this.#state.tokens + tokens,
      factorSum: this.#state.factorSum + factor,
    };
    const seconds = (performance.now() - begin) / 1000;
    const elapsed = (performance.now() - this.#steppingSince) / 1000;
    return {
      type: "step",
      step,
      totalSteps: this.#totalSteps,
      epoch: this.#state.epoch + 1,
      loss,
      gradientNorm: normValue,
      learningRates: Object.fromEntries(optimizer.groups.map((group) => [group.name, group.learningRate * factor])),
      tokens,
      tokensPerSecond: tokens / seconds,
      secondsLeft: (elapsed / (step - this.#firstStep)) * (this.#totalSteps - step),
    };
  }

  async *#evaluate(): AsyncGenerator<TrainingEvent, void> {
    const begin = performance.now();
    const evaluation = await this.#measure();
    if (!evaluation) return;
    // What the model could do before it was trained is no candidate for the weights to keep.
    const isBest = this.#state.step > 0 && isBetter(evaluation, this.#state.best);
    const keepsBest = this.options.keepBest !== false;
    if (isBest) {
      this.#best = keepsBest ? await takeSnapshot(this.model) : null;
      this.#state = { ...this.#state, best: { step: this.#state.step, evaluation } };
    }
    this.#last = evaluation;
    this.#state = { ...this.#state, isEvaluationDue: false };
    yield {
      type: "evaluation",
      step: this.#state.step,
      epoch: this.#state.step === 0 ? 0 : this.#state.epoch + 1,
      split: "valid",
      evaluation,
      best: isBest,
      seconds: (performance.now() - begin) / 1000,
    };
  }

  /** The validation set's evaluation; null when the run was cancelled in the middle, which loses nothing. */
  async #measure(): Promise<Evaluation | null> {
    const { options } = this;
    try {
      return await evaluate(this.model, this.#valid as Examples<Host>, {
        batch: options.evaluationBatch,
        labels: this.#labels,
        trunk: this.#validTrunk,
        signal: options.signal,
        between: this.#between,
      });
    } catch (error) {
      if (this.#isCancelled) return null;
      throw error;
    }
  }

  readonly #between = (): Promise<void> | undefined =>
    this.options.between?.(async () => (this.options.checkpoint ? this.#checkpoint() : null));

  #checkpoint(): Promise<CheckpointEvent | null> {
    return writeCheckpoint(this.options.checkpoint!, this.model, this.options.optimizer, this.#state, this.#best);
  }

  async *#checkpointEvents(): AsyncGenerator<CheckpointEvent, void> {
    const written = await this.#checkpoint();
    if (written) yield written;
  }

  #startEvent(): StartEvent {
    const { model, options } = this;
    const named = [...model.namedParameters()];
    const { epochs, batch, clip = null, seed = 0, maxSteps = null } = options;
    return {
      type: "start",
      task: options.task ?? (this.#labels ? "classify" : "lm"),
      adapter: model.gpu.adapter.name,
      model: options.modelName ?? model.architecture,
      parameters: model.parameterCount(),
      trainableParameters: model.parameterCount({ trainable: true }),
      trainable: named.filter(([, tensor]) => tensor.requiresGrad).map(([name]) => name),
      frozen: named.filter(([, tensor]) => !tensor.requiresGrad).map(([name]) => name),
      trainExamples: this.#train.length,
      validExamples: this.#valid?.length ?? 0,
      epochs,
      totalSteps: this.#totalSteps,
      settings: {
        epochs,
        batch,
        accumulate: this.#accumulate,
        clip,
        seed,
        maxSteps,
        groupByLength: options.groupByLength ?? false,
        ...options.settings,
      },
      groups: options.optimizer.groups.map(({ name, learningRate, weightDecay, parameters }) => ({
        name,
        learningRate,
        weightDecay,
        parameters: [...parameters.values()].reduce((sum, tensor) => sum + tensor.size, 0),
      })),
    };
  }

  #endEvent(reason: EndEvent["reason"]): EndEvent {
    return {
      type: "end",
      reason,
      steps: this.#state.step,
      seconds: (performance.now() - this.#started) / 1000,
      bestStep: this.#state.best?.step ?? null,
      evaluation: this.options.keepBest === false ? this.#last : (this.#state.best?.evaluation ?? null),
      tokens: this.#state.tokens,
      peakBytes: this.model.gpu.statistics.peakBytes,
    };
  }
}

/** Checksum of a data set without examples. */
const NO_EXAMPLES = hashValues([]) >>> 0;

/** Higher accuracy is better, and of equal ones the lower loss; without accuracy the loss alone counts. */
function isBetter({ accuracy, loss }: Evaluation, best: TrainerState["best"]): boolean {
  if (!best) return true;
  const other = best.evaluation;
  return accuracy !== undefined && other.accuracy !== undefined && accuracy !== other.accuracy
    ? accuracy > other.accuracy
    : loss < other.loss;
}
