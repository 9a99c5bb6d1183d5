import type { Gradients } from "../autograd/index.ts";
import { currentValue, type LiveNumber } from "../gpu/index.ts";
import { requireFloat32 } from "../kernels/launch.ts";
import { clipScale } from "../kernels/optimizer/clip-scale.ts";
import { adamwStep, type ClassRates, sgdStep } from "../kernels/optimizer/steps.ts";
import type { UpdateRun } from "../kernels/optimizer/units.ts";
import { assertSameShape, keep, type Tensor, tensor, tidy } from "../tensor/index.ts";
import { requireList } from "../tensor/require-kind.ts";
import { type ParameterPack, packParameters, type Segment } from "./parameter-pack.ts";
import { type PresentSegment, runsOf } from "./update-runs.ts";

/** Parameters that share a learning rate and a weight decay. */
export interface ParameterGroup {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** How one step of an optimizer differs from its groups' rates. */
export interface StepOptions {
  /** Factor of every learning rate, from the schedule; a function in a captured step. */
  factor?: LiveNumber;
  /** Largest global norm of the gradients; larger ones are scaled down to it. */
  clip?: number;
  /**
   * Leave parameters and moments as they are when the global norm is infinite or NaN. The device decides it, so the step
   * is counted all the same. Default false.
   */
  skipNonFinite?: boolean;
}

/** All that an optimizer remembers between steps. */
export interface OptimizerState {
  /** Steps each parameter has taken, by checkpoint name: one that is thawed later starts at its own first step. */
  steps: ReadonlyMap<string, number>;
  /** Moments and velocities, by checkpoint name and kind. */
  tensors: ReadonlyMap<string, Tensor>;
}

/** The largest number of f32: a limit that no norm exceeds. */
const NO_LIMIT = 3.4028234663852886e38;

/**
 * What AdamW and SGD share: groups, clipping, state by name. The trained parameters of up to 16 MiB are packed when an
 * optimizer is made: they are moved to lie side by side in buffers of up to 64 MiB, so that a dispatch updates a whole
 * buffer. Each stays a tensor of its own, and stays there when the optimizer is disposed.
 */
export abstract class Optimizer {
  readonly #steps = new Map<string, number>();
  readonly #state = new Map<string, Tensor>();
  readonly #packs: readonly ParameterPack[];
  /** Units of all parameters of all groups. */
  readonly #unitTotal: number;
  /** What `clipScale` would give without clipping. */
  #unscaled: Tensor | undefined;

  constructor(
    readonly groups: readonly ParameterGroup[],
    /** What is remembered of each element: suffixes of the names of state tensors. */
    private readonly stateKinds: readonly string[],
  ) {
    requireList("optimizer", groups, "groups { name, parameters, learningRate, weightDecay } in an array");
    for (const { name, learningRate, weightDecay } of groups) {
      if (learningRate >= 0 && weightDecay >= 0) continue;
      const given = `${learningRate} and ${weightDecay}`;
      throw new RangeError(`optimizer: group "${name}" needs a rate and a weight decay of 0 or more, got ${given}`);
    }
    const seen = new Map<Tensor, string>();
    const candidates = groups.flatMap((group) =>
      [...group.parameters].map(([name, parameter]) => {
        const other = seen.get(parameter);
        if (other) throw new Error(`optimizer: parameter ${name} is in the groups "${other}" and "${group.name}"`);
        seen.set(parameter, group.name);
        return { name, parameter, group };
      }),
    );
    this.#packs = tidy(() => packParameters(candidates));
    this.#unitTotal = this.#packs.reduce((sum, { unitCount }) => sum + unitCount, 0);
  }

  /**
   * Updates every parameter that has a gradient, and consumes the gradients. Returns the global norm before clipping
   * as a tensor [1], to be read when convenient, or null without clipping.
   */
  step(gradients: Gradients, { factor = 1, clip, skipNonFinite = false }: StepOptions = {}): Tensor | null {
    if (clip !== undefined && !(clip >= 0)) throw new RangeError(`optimizer: clip must be 0 or more, got ${clip}`);
    const present = this.#packs.flatMap((pack) => {
      const own = pack.segments.flatMap((segment) => this.#presentOf(segment, gradients));
      return own.length > 0 ? [{ pack, own }] : [];
    });
    if (present.length === 0) throw new Error("optimizer: no parameter of any group has a gradient");
    const { gpu } = present[0].own[0].segment.parameter;
    const norm = tidy(() => {
      const batches = present.map(({ pack, own }) => {
        for (const kind of this.stateKinds) pack.states(kind, this.#state);
        return runsOf(pack, own, this.stateKinds, this.#state, (name) => this.#steps.get(name) ?? 0);
      });
      const all = batches.flat();
      const isScaled = clip || skipNonFinite;
      const limit = clip || NO_LIMIT;
      const runs = all.map(({ run }) => run);
      const scale = isScaled
        ? clipScale(runs, this.#unitTotal, { limit, skipsNonFinite: skipNonFinite })
        : this.#withoutScale(gpu);
      for (const { own } of present) {
        for (const { segment } of own) {
          const { name } = segment;
          gpu.hostEffect(() => this.#steps.set(name, (this.#steps.get(name) ?? 0) + 1));
        }
      }
      for (const { run, classes } of all) {
        const rates = classes.map((segment): ClassRates | undefined => segment && this.#ratesOf(segment, factor));
        this.update(run, scale, rates);
      }
      return !clip ? null : scale.view([1], [1], scale.offset + 1);
    });
    gradients.dispose();
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
    this.#freeState();
    for (const [name, step] of steps) this.#steps.set(name, step);
    for (const [name, tensor] of tensors) this.#state.set(name, keep(tensor));
  }

  /** Frees the state. The parameters stay where they are. */
  dispose(): void {
    this.#freeState();
    for (const pack of this.#packs) pack.dispose();
    this.#unscaled?.dispose();
    this.#unscaled = undefined;
  }

  /** Records the update of a run; the rates of each class that occurs in it, by the class's place. */
  protected abstract update(run: UpdateRun, scale: Tensor, classes: readonly (ClassRates | undefined)[]): void;

  #freeState(): void {
    for (const held of this.#state.values()) held.dispose();
    this.#state.clear();
    this.#steps.clear();
    for (const pack of this.#packs) pack.freeStates();
  }

  #presentOf(segment: Segment, gradients: Gradients): PresentSegment[] {
    const gradient = gradients.get(segment.parameter);
    if (!gradient) return [];
    requireFloat32("optimizer", segment.parameter, gradient);
    assertSameShape("optimizer", segment.parameter, gradient);
    if (!segment.parameter.isContiguous) throw new Error(`optimizer: ${segment.name} must be contiguous`);
    return gradient.size > 0 ? [{ segment, gradient }] : [];
  }

  #ratesOf({ name, group }: Segment, factor: LiveNumber): ClassRates {
    return {
      rate: () => group.learningRate * currentValue(factor),
      decay: group.weightDecay,
      step: () => this.#steps.get(name)!,
    };
  }

  #withoutScale(gpu: Tensor["gpu"]): Tensor {
    this.#unscaled ??= gpu.outsideCapture(() => keep(tensor([1, 0, 0], [3], { gpu })));
    return this.#unscaled;
  }
}

/** Decay of the two moments, from 0 to below 1, and what is added to the root of the second. */
export interface AdamWOptions {
  beta1?: number;
  beta2?: number;
  epsilon?: number;
}

/** AdamW: Adam with decoupled weight decay (arXiv:1711.05101), with PyTorch's defaults and order of operations. */
export class AdamW extends Optimizer {
  readonly #options: Required<AdamWOptions>;

  constructor(groups: readonly ParameterGroup[], { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions = {}) {
    super(groups, ["exp_avg", "exp_avg_sq"]);
    if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && epsilon >= 0)) {
      throw new RangeError(
        `AdamW: beta1 ${beta1}, beta2 ${beta2} and epsilon ${epsilon} must be 0 or more, betas below 1`,
      );
    }
    this.#options = { beta1, beta2, epsilon };
  }

  override fresh(): AdamW {
    return new AdamW(this.groups, this.#options);
  }

  protected override update(run: UpdateRun, scale: Tensor, classes: readonly (ClassRates | undefined)[]): void {
    adamwStep(run, scale, classes, this.#options);
  }
}

/** Stochastic gradient descent with momentum; weight decay is added to the gradient, as in PyTorch. */
export class SGD extends Optimizer {
  readonly #momentum: number;

  constructor(groups: readonly ParameterGroup[], { momentum = 0 }: { momentum?: number } = {}) {
    super(groups, ["momentum_buffer"]);
    if (!(momentum >= 0)) throw new RangeError(`SGD: momentum must be 0 or more, got ${momentum}`);
    this.#momentum = momentum;
  }

  override fresh(): SGD {
    return new SGD(this.groups, { momentum: this.#momentum });
  }

  protected override update(run: UpdateRun, scale: Tensor, classes: readonly (ClassRates | undefined)[]): void {
    sgdStep(run, scale, classes, this.#momentum);
  }
}
