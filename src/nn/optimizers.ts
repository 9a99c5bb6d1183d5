import type { Gradients } from "../autograd/index.ts";
import { zeros } from "../autograd/index.ts";
import { currentValue, type LiveNumber } from "../gpu/index.ts";
import { full } from "../kernels/copy.ts";
import { adamwStep, clipScale, sgdStep } from "../kernels/optimizer.ts";
import { keep, type Tensor } from "../tensor/index.ts";

/** Parameters that share a learning rate and a weight decay. */
export interface ParameterGroup {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly learningRate: number;
  readonly weightDecay: number;
}

export interface StepOptions {
  /** Factor of every learning rate, from the schedule; a function in a captured step. */
  factor?: LiveNumber;
  /** Largest global norm of the gradients; larger ones are scaled down to it. */
  clip?: number;
}

/** All that an optimizer remembers between steps. */
export interface OptimizerState {
  /** Steps each parameter has taken, by checkpoint name: one that is thawed later starts at its own first step. */
  steps: ReadonlyMap<string, number>;
  /** Moments and velocities, by checkpoint name and kind. */
  tensors: ReadonlyMap<string, Tensor>;
}

/** One parameter's part of a step. */
interface ParameterUpdate {
  name: string;
  parameter: Tensor;
  gradient: Tensor;
  /** [1]: what the gradient is multiplied by first. */
  scale: Tensor;
  rate: LiveNumber;
  decay: number;
  /** From 1. */
  step: () => number;
}

/** What AdamW and SGD share: groups, clipping, state by name. */
export abstract class Optimizer {
  readonly #steps = new Map<string, number>();
  readonly #state = new Map<string, Tensor>();

  constructor(readonly groups: readonly ParameterGroup[]) {
    const seen = new Map<Tensor, string>();
    for (const group of groups) {
      for (const [name, tensor] of group.parameters) {
        const other = seen.get(tensor);
        if (other) throw new Error(`optimizer: parameter ${name} is in the groups "${other}" and "${group.name}"`);
        seen.set(tensor, group.name);
      }
    }
  }

  /**
   * Updates every parameter that has a gradient, and consumes the gradients. Returns the global norm before clipping
   * as a tensor [1], to be read when convenient, or null without clipping.
   */
  step(gradients: Gradients, { factor = 1, clip }: StepOptions = {}): Tensor | null {
    const present = this.groups.flatMap((group) =>
      [...group.parameters].flatMap(([name, parameter]) => {
        const gradient = gradients.get(parameter);
        return gradient ? [{ group, name, parameter, gradient }] : [];
      }),
    );
    if (present.length === 0) throw new Error("optimizer: no parameter of any group has a gradient");
    const gpu = present[0].parameter.gpu;
    const scale = clip
      ? clipScale(
          present.map(({ gradient }) => gradient),
          clip,
        )
      : full(gpu, [1], 1);
    for (const { group, name, parameter, gradient } of present) {
      gpu.hostEffect(() => this.#steps.set(name, (this.#steps.get(name) ?? 0) + 1));
      const step = (): number => this.#steps.get(name)!;
      const rate = (): number => group.learningRate * currentValue(factor);
      this.update({ name, parameter, gradient, scale, rate, decay: group.weightDecay, step });
    }
    gradients.dispose();
    const norm = clip ? scale.view([1], [1], scale.offset + 1) : null;
    scale.dispose();
    return norm;
  }

  /** Another optimizer of the same groups and settings that has not taken a step. */
  abstract fresh(): Optimizer;

  /** What a checkpoint must keep. The tensors stay the optimizer's. */
  getState(): OptimizerState {
    return { steps: this.#steps, tensors: this.#state };
  }

  /** Puts a state back; takes over its tensors. */
  setState({ steps, tensors }: OptimizerState): void {
    this.dispose();
    for (const [name, step] of steps) this.#steps.set(name, step);
    for (const [name, tensor] of tensors) this.#state.set(name, keep(tensor));
  }

  /** Frees the state. */
  dispose(): void {
    for (const tensor of this.#state.values()) tensor.dispose();
    this.#state.clear();
    this.#steps.clear();
  }

  protected abstract update(update: ParameterUpdate): void;

  /** A state tensor like a parameter, made of zeros when it is first asked for. */
  protected stateOf(name: string, parameter: Tensor): Tensor {
    let tensor = this.#state.get(name);
    if (!tensor) {
      const { gpu, shape } = parameter;
      tensor = gpu.outsideCapture(() => keep(zeros(shape, { gpu })));
      this.#state.set(name, tensor);
    }
    return tensor;
  }
}

export interface AdamWOptions {
  beta1?: number;
  beta2?: number;
  epsilon?: number;
}

/** AdamW: Adam with decoupled weight decay (arXiv:1711.05101), with PyTorch's defaults and order of operations. */
export class AdamW extends Optimizer {
  readonly #options: Required<AdamWOptions>;

  constructor(groups: readonly ParameterGroup[], { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions = {}) {
    super(groups);
    this.#options = { beta1, beta2, epsilon };
  }

  override fresh(): AdamW {
    return new AdamW(this.groups, this.#options);
  }

  protected override update({ name, parameter, gradient, scale, rate, decay, step }: ParameterUpdate): void {
    const first = this.stateOf(`${name}.exp_avg`, parameter);
    const second = this.stateOf(`${name}.exp_avg_sq`, parameter);
    adamwStep(parameter, gradient, first, second, scale, { ...this.#options, rate, decay, step });
  }
}

/** Stochastic gradient descent with momentum; weight decay is added to the gradient, as in PyTorch. */
export class SGD extends Optimizer {
  readonly #momentum: number;

  constructor(groups: readonly ParameterGroup[], { momentum = 0 }: { momentum?: number } = {}) {
    super(groups);
    this.#momentum = momentum;
  }

  override fresh(): SGD {
    return new SGD(this.groups, { momentum: this.#momentum });
  }

  protected override update({ name, parameter, gradient, scale, rate, decay, step }: ParameterUpdate): void {
    const velocity = this.stateOf(`${name}.momentum_buffer`, parameter);
    const momentum = (): number => (step() === 1 ? 0 : this.#momentum);
    sgdStep(parameter, gradient, velocity, scale, { rate, momentum, decay });
  }
}
