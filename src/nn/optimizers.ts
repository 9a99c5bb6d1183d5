import type { Gradients } from "../autograd/index.ts";
import { zeros } from "../autograd/index.ts";
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
  /** Factor of every learning rate, from the schedule. */
  factor?: number;
  /** Largest global norm of the gradients; larger ones are scaled down to it. */
  clip?: number;
}

/** Steps taken and the state of each parameter, by checkpoint name. */
export interface OptimizerState {
  step: number;
  tensors: Map<string, Tensor>;
}

/** What AdamW and SGD share: groups, clipping, state by name. */
export abstract class Optimizer {
  #step = 0;
  protected readonly state = new Map<string, Tensor>();

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

  get stepsTaken(): number {
    return this.#step;
  }

  /**
   * Updates every parameter that has a gradient, and consumes the gradients. Returns the global norm before clipping
   * as a tensor [1], to be read when convenient, or null without clipping.
   */
  step(gradients: Gradients, { factor = 1, clip }: StepOptions = {}): Tensor | null {
    this.#step++;
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
      this.update(name, parameter, gradient, scale, group.learningRate * factor, group.weightDecay);
    }
    gradients.dispose();
    const norm = clip ? scale.view([1], [1], scale.offset + 1) : null;
    scale.dispose();
    return norm;
  }

  /** The moments, for a checkpoint. The tensors stay the optimizer's. */
  getState(): OptimizerState {
    return { step: this.#step, tensors: this.state };
  }

  /** Puts moments back; takes over the tensors. */
  setState({ step, tensors }: OptimizerState): void {
    this.disposeState();
    this.#step = step;
    for (const [name, tensor] of tensors) this.state.set(name, keep(tensor));
  }

  dispose(): void {
    this.disposeState();
  }

  protected abstract update(
    name: string,
    parameter: Tensor,
    gradient: Tensor,
    scale: Tensor,
    rate: number,
    decay: number,
  ): void;

  /** A state tensor like a parameter, made of zeros when it is first asked for. */
  protected stateOf(name: string, parameter: Tensor): Tensor {
    let tensor = this.state.get(name);
    if (!tensor) {
      tensor = keep(zeros(parameter.shape, { gpu: parameter.gpu }));
      this.state.set(name, tensor);
    }
    return tensor;
  }

  private disposeState(): void {
    for (const tensor of this.state.values()) tensor.dispose();
    this.state.clear();
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
  /** Steps each parameter has taken: one that is thawed later starts its own bias correction. */
  readonly #steps = new Map<string, number>();

  constructor(groups: readonly ParameterGroup[], { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions = {}) {
    super(groups);
    this.#options = { beta1, beta2, epsilon };
  }

  protected override update(
    name: string,
    parameter: Tensor,
    gradient: Tensor,
    scale: Tensor,
    rate: number,
    decay: number,
  ): void {
    const first = this.stateOf(`${name}.exp_avg`, parameter);
    const second = this.stateOf(`${name}.exp_avg_sq`, parameter);
    const step = (this.#steps.get(name) ?? 0) + 1;
    this.#steps.set(name, step);
    adamwStep(parameter, gradient, first, second, scale, { ...this.#options, rate, decay, step });
  }

  override setState(state: OptimizerState): void {
    super.setState(state);
    this.#steps.clear();
    for (const name of state.tensors.keys()) {
      if (name.endsWith(".exp_avg")) this.#steps.set(name.slice(0, -".exp_avg".length), state.step);
    }
  }
}

/** Stochastic gradient descent with momentum; weight decay is added to the gradient, as in PyTorch. */
export class SGD extends Optimizer {
  readonly #momentum: number;

  constructor(groups: readonly ParameterGroup[], { momentum = 0 }: { momentum?: number } = {}) {
    super(groups);
    this.#momentum = momentum;
  }

  protected override update(
    name: string,
    parameter: Tensor,
    gradient: Tensor,
    scale: Tensor,
    rate: number,
    decay: number,
  ): void {
    const key = `${name}.momentum_buffer`;
    const isFirst = !this.state.has(key);
    const velocity = this.stateOf(key, parameter);
    sgdStep(parameter, gradient, velocity, scale, { rate, momentum: isFirst ? 0 : this.#momentum, decay });
  }
}
