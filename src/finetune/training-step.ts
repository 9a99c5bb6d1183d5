import { backward, type CapturedStep, capture, type Gradients, mul } from "../autograd/index.ts";
import { CaptureError, MemoryLimitError } from "../gpu/index.ts";
import type { StagedModel } from "../models/index.ts";
import { type Optimizer, TrainingPass } from "../nn/index.ts";
import { type Tensor, tensor, tidy } from "../tensor/index.ts";
import type { ExampleBatch } from "./examples.ts";
import type { FrozenTrunk, StartedBatch } from "./frozen-trunk.ts";

/** What a step has besides its batches, and what changes from step to step. */
export interface StepValues {
  /** Factor of the learning rates. */
  readonly factor: number;
  /** Seed of the first batch's dropout; the next batches have the next ones. */
  readonly seed: number;
}

/** What came of a step, to be read and disposed by the caller. */
export interface StepResult {
  /** Of each batch, divided by the labels that count in all of them: they add up to the step's loss. */
  readonly losses: readonly Tensor[];
  /** Global norm of the gradients ahead of clipping. */
  readonly norm: Tensor | null;
}

/** A batch on the GPU, with all that its forward and backward pass reads. */
interface Part<Inputs> {
  readonly inputs: Inputs;
  readonly from: number;
  readonly x: Tensor | undefined;
  readonly labels: Tensor;
  /** 1 / labels that count. */
  readonly scale: Tensor;
}

interface StepOptions {
  readonly optimizer: Optimizer;
  readonly clip?: number;
  readonly checkpointBlocks?: boolean;
  readonly capture?: boolean;
}

/**
 * One step of the optimizer: the forward and backward passes of its batches, their gradients added up, the update. By
 * default it is captured, once for each combination of batch shapes, and replayed; a model that cannot be captured is run
 * as it is. The bits are the same.
 */
export class TrainingStep<Host, Inputs> {
  /** Why steps are not captured although they were to be; told once. */
  notice: string | null = null;
  #now: StepValues = { factor: 1, seed: 0 };
  #captured: CapturedStep<Part<Inputs>[], StepResult> | null = null;

  constructor(
    private readonly model: StagedModel<Host, Inputs>,
    private readonly trunk: FrozenTrunk<Host, Inputs>,
    private readonly options: StepOptions,
  ) {
    if (options.capture !== false) this.#captured = capture(model.gpu, (parts) => this.#whole(parts));
  }

  /** Runs the step; `counted` are the labels that count in all its batches. */
  async run(batches: readonly ExampleBatch<Host>[], counted: number, now: StepValues): Promise<StepResult> {
    this.#now = now;
    if (this.#captured) {
      try {
        return await this.#replay(this.#captured, batches, counted);
      } catch (error) {
        // What the whole step does not fit into may do for one batch after another.
        if (!(error instanceof CaptureError || error instanceof MemoryLimitError)) throw error;
        this.notice = `steps are run without being captured: ${error.message}`;
        this.dispose();
      }
    }
    return this.#eager(batches, counted);
  }

  dispose(): void {
    this.#captured?.dispose();
    this.#captured = null;
  }

  async #replay(
    captured: CapturedStep<Part<Inputs>[], StepResult>,
    batches: readonly ExampleBatch<Host>[],
    counted: number,
  ): Promise<StepResult> {
    const uploaded: Uploaded<Inputs>[] = [];
    try {
      for (const batch of batches) uploaded.push(await this.#upload(batch, counted));
      return captured(uploaded.map(({ part }) => part));
    } finally {
      for (const each of uploaded) each.dispose();
    }
  }

  /** The batches one after another, so that only one is held at a time. */
  async #eager(batches: readonly ExampleBatch<Host>[], counted: number): Promise<StepResult> {
    const sum = new GradientSum();
    for (const [place, batch] of batches.entries()) {
      const { part, dispose } = await this.#upload(batch, counted);
      sum.add(tidy(() => this.#forwardBackward(part, place)));
      dispose();
    }
    return { losses: sum.losses, norm: this.#update(sum.gradients!) };
  }

  /** The same in one go. */
  #whole(parts: readonly Part<Inputs>[]): StepResult {
    const sum = new GradientSum();
    for (const [place, part] of parts.entries()) sum.add(tidy(() => this.#forwardBackward(part, place)));
    return { losses: sum.losses, norm: this.#update(sum.gradients!) };
  }

  #update(gradients: Gradients): Tensor | null {
    const { optimizer, clip } = this.options;
    return optimizer.step(gradients, { factor: () => this.#now.factor, clip });
  }

  #forwardBackward(part: Part<Inputs>, place: number): { loss: Tensor; gradients: Gradients } {
    const { inputs, from, x, labels, scale } = part;
    const pass = new TrainingPass(() => this.#now.seed + place);
    const features = this.model.features(inputs, { from, x, pass, checkpointed: this.options.checkpointBlocks });
    const loss = mul(this.model.loss(features, labels, "sum", pass), scale);
    return { loss, gradients: backward(loss) };
  }

  async #upload(batch: ExampleBatch<Host>, counted: number): Promise<Uploaded<Inputs>> {
    const { gpu } = this.model;
    const started: StartedBatch<Inputs> = await this.trunk.start(batch);
    const { inputs, from, x } = started;
    const labels = tensor(batch.labels, [batch.labels.length], { gpu });
    const scale = tensor(1 / counted, [], { gpu });
    const dispose = (): void => {
      started.dispose();
      labels.dispose();
      scale.dispose();
    };
    return { part: { inputs, from, x, labels, scale }, dispose };
  }
}

interface Uploaded<Inputs> {
  readonly part: Part<Inputs>;
  dispose(): void;
}

/** Losses in a list, gradients added up. */
class GradientSum {
  readonly losses: Tensor[] = [];
  gradients: Gradients | undefined;

  add({ loss, gradients }: { loss: Tensor; gradients: Gradients }): void {
    this.losses.push(loss);
    if (this.gradients) this.gradients.accumulate(gradients);
    else this.gradients = gradients;
  }
}
