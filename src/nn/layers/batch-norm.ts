import { batchNorm } from "../../autograd/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import type { Shape, Tensor } from "../../tensor/index.ts";
import { buffer, parameter } from "../module.ts";
import type { TrainingPass } from "./dropout.ts";
import { fillWith } from "./initialize.ts";
import { Layer, requireSizes } from "./layer.ts";

/**
 * Batch normalisation over all axes but the second (arXiv:1502.03167), for vectors [N, C] and images [N, C, H, W].
 *
 * In a training pass it normalises by the batch and moves the running statistics, unless it is frozen: with neither
 * weight nor bias trained it is in evaluation mode and its statistics stay as they are.
 */
export class BatchNorm extends Layer {
  readonly kind = "BatchNorm";
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly running_mean: Tensor;
  readonly running_var: Tensor;
  /** Kept as checkpoints have it. PyTorch reads it only to average without a momentum, so it is not counted on. */
  readonly num_batches_tracked: Tensor;
  readonly #channels: number;
  readonly #options: { momentum: number; epsilon: number };

  constructor(gpu: Gpu, channels: number, { momentum = 0.1, epsilon = 1e-5 } = {}) {
    super();
    requireSizes("BatchNorm", { channels });
    this.#channels = channels;
    this.#options = { momentum, epsilon };
    this.weight = parameter(gpu, [channels]);
    this.bias = parameter(gpu, [channels]);
    this.running_mean = buffer(gpu, [channels]);
    this.running_var = buffer(gpu, [channels], { value: 1 });
    this.num_batches_tracked = buffer(gpu, [], { dtype: "i32" });
  }

  override forward(x: Tensor, pass?: TrainingPass): Tensor {
    const { weight, bias, running_mean, running_var } = this;
    return batchNorm(x, {
      weight,
      bias,
      runningMean: running_mean,
      runningVariance: running_var,
      training: pass !== undefined && (weight.requiresGrad || bias.requiresGrad),
      ...this.#options,
    });
  }

  override outputShape(shape: Shape): number[] {
    if (shape[0] !== this.#channels) this.refuse(shape, `${this.#channels} channels first`);
    return [...shape];
  }

  override initialize(): void {
    fillWith(this.weight, 1);
    fillWith(this.bias, 0);
    fillWith(this.running_mean, 0);
    fillWith(this.running_var, 1);
  }
}
