import { checkpoint } from "../autograd/index.ts";
import type { Gpu } from "../gpu/index.ts";
import type { OutputDirectory } from "../io/index.ts";
import { Module, type TrainingPass } from "../nn/index.ts";
import { type Tensor, tidy } from "../tensor/index.ts";
import type { LoadReport } from "./loading.ts";

/** One step of a trunk, in order; the frozen ones at the front can be run once per example. */
export interface Stage<Inputs> {
  /** As checkpoints and users call it: `h.3`, `layer2`. */
  readonly name: string;
  readonly module: Module;
  /** Whether two training passes over one example may differ although the stage is frozen: dropout. */
  readonly isRandom: boolean;
  /** Steps down from the top, by which layer-wise learning rates fall. Default: the stages above. */
  readonly level?: number;
  run(x: Tensor | undefined, inputs: Inputs, pass?: TrainingPass): Tensor;
}

/** How many steps down from the top a stage is. */
export const levelOf = (stages: readonly Pick<Stage<never>, "level">[], index: number): number =>
  stages[index].level ?? stages.length - 1 - index;

/** Where to start and end in the trunk, and what the stage before gave. */
export interface FeatureOptions {
  from?: number;
  to?: number;
  x?: Tensor;
  pass?: TrainingPass;
  /** Keep only what comes out of each stage; the backward pass runs the stages again, one at a time. Same bits. */
  checkpointed?: boolean;
}

/**
 * A model that can be fine-tuned: a trunk as a list of stages, a head, a loss. What comes out of the last stage goes into
 * the head. Each row of a batch is computed by itself in evaluation mode, whatever shares its batch, so that the
 * activations of a frozen front can be kept example by example.
 *
 * @typeParam Host what a batch is before it is uploaded
 * @typeParam Inputs the same on the GPU
 */
export abstract class StagedModel<Host, Inputs> extends Module {
  abstract readonly gpu: Gpu;
  /** Name that transformers gives the class, or the family's own. */
  abstract readonly architecture: string;
  abstract readonly stages: readonly Stage<Inputs>[];
  /** Parameters of the head. */
  abstract readonly headModules: readonly { name: string; parameters: readonly Tensor[] }[];
  #report: LoadReport | null = null;

  /** What loading found; null for a model that was not loaded. */
  get loadReport(): LoadReport | null {
    return this.#report;
  }

  /** Checks a batch and uploads it; {@link release} frees it. @throws naming the value that does not fit. */
  abstract prepare(batch: Host): Inputs;
  abstract release(inputs: Inputs): void;
  /** Scores from what the trunk gives. */
  abstract head(features: Tensor, pass?: TrainingPass): Tensor;
  /** Loss over the counted labels. */
  abstract loss(features: Tensor, labels: Tensor, reduction: "mean" | "sum", pass?: TrainingPass): Tensor;
  /** Saves weights and config as {@link loadReport}'s checkpoint had them, so that they open again. */
  abstract save(directory: string | OutputDirectory): Promise<void>;

  /** Runs the trunk from a stage on; `x` is what the stage before gave. */
  features(inputs: Inputs, options: FeatureOptions = {}): Tensor {
    const { stages } = this;
    const { from = 0, to = stages.length, pass, checkpointed = false } = options;
    let x = options.x;
    for (const stage of stages.slice(from, to)) {
      const before = x;
      // What a stage makes on the way and its gradient does not need goes at its end, not at that of the step.
      x = tidy(() =>
        checkpointed && before ? runAgainForGradient(stage, before, inputs, pass) : stage.run(before, inputs, pass),
      );
    }
    if (!x) throw new Error("features: no stage to run and no activations given");
    return x;
  }

  /** Scores of a batch: [B, classes] of a classifier, [B, T, V] of a language model. */
  forward(inputs: Inputs, pass?: TrainingPass): Tensor {
    return this.head(this.features(inputs, { pass }), pass);
  }

  protected setLoaded(report: LoadReport): void {
    this.#report = report;
  }
}

/** A stage of which only the result is kept; in the backward pass it is run again, with the same dropout. */
function runAgainForGradient<Inputs>(stage: Stage<Inputs>, x: Tensor, inputs: Inputs, pass?: TrainingPass): Tensor {
  const repeat = pass?.repeatable<Tensor>();
  return checkpoint((own) => (repeat ? repeat((part) => stage.run(own, inputs, part)) : stage.run(own, inputs)), [x]);
}
