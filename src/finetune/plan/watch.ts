import type { Gradients } from "../../autograd/index.ts";
import type { Allocation, DryGpu, KernelVariant } from "../../gpu/index.ts";
import type { FeatureOptions } from "../../models/index.ts";
import type { Optimizer, StepOptions } from "../../nn/index.ts";
import { sizeOf, type Tensor } from "../../tensor/index.ts";
import {
  type BytesByKind,
  followAllocations,
  isCache,
  type MemoryKind,
  type Peak,
  type Phase,
  peakOfRun,
  type RunForm,
} from "./memory.ts";

/** What was seen of a rehearsal. */
export interface Seen {
  /** Most bytes of each kind that are held at a time. */
  readonly bytes: BytesByKind;
  readonly peak: Peak;
  readonly largestBuffer: { readonly bytes: number; readonly label: string };
  readonly largestBinding: { readonly bytes: number; readonly kernel: string };
  /** Of one step. */
  readonly dispatches: number;
  readonly flops: number;
  readonly variants: readonly KernelVariant[];
}

/** Follows a rehearsal: what each allocation is for, and what each step takes. */
export class Watch {
  readonly #kinds = new Map<Allocation, MemoryKind>();
  /** From where on allocations belong to the step under way. */
  #stepBegin = 0;
  #before = { dispatches: 0, flops: 0, place: 0, cacheBytes: 0 };
  readonly #phases: Phase[] = [];
  #steps = 0;
  #dispatches = 0;
  #flops = 0;
  /** Shape of what the frozen part gave last. */
  #kept: readonly number[] | null = null;

  /** Place from which on memory counts. */
  #runBegin = 0;

  /** @param steps how many of them are like those of the run */
  constructor(
    private readonly dry: DryGpu,
    private readonly steps: number,
  ) {}

  /** Forgets what was taken and given back before: it is no part of the run. */
  beginRun(): void {
    const { place } = this.dry;
    this.#runBegin = place;
    this.#stepBegin = place;
    this.#before = { ...this.#before, place };
    this.dry.resetPeak();
  }

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

  /** Ends a phase. */
  event(type: string): void {
    const { dispatches, peakBytes } = this.dry.statistics;
    const { flops, place } = this.dry;
    const { cacheBytes } = this.#before;
    const isLike = type !== "step" || ++this.#steps <= this.steps;
    // Steps with shorter examples are there for their kernels.
    this.#phases.push({ type: isLike ? type : "other", from: this.#before.place, to: place, peakBytes, cacheBytes });
    if (type === "step" && isLike) {
      this.#dispatches = dispatches - this.#before.dispatches;
      // Where a step is played back as it was recorded, its kernels are not seen again.
      this.#flops = Math.max(this.#flops, flops - this.#before.flops);
    }
    this.#before = { dispatches, flops, place, cacheBytes: this.#cacheBytes };
    this.dry.resetPeak();
  }

  get #cacheBytes(): number {
    return [...this.dry.held()].filter(isCache).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Form of an example's kept activations: whether each token has a row, and how wide one is. Null when none are kept. */
  get keptRows(): { perToken: boolean; width: number } | null {
    if (!this.#kept || !this.dry.allocations.some(isCache)) return null;
    const perToken = this.#kept.length === 3;
    return { perToken, width: sizeOf(this.#kept.slice(perToken ? 2 : 1)) };
  }

  result(form: Omit<RunForm, "moments">): Seen {
    const { largestBinding, kernels } = this.dry;
    const allocations = this.dry.allocations.filter(({ to }) => to >= this.#runBegin);
    const kindOf = (allocation: Allocation): MemoryKind =>
      this.#kinds.get(allocation) ?? (isCache(allocation) ? "cache" : "workspace");
    const phases = this.#phases.filter(({ type }) => type !== "other");
    const { most, heights } = followAllocations(allocations, kindOf, this.#phases);
    const own = heights.filter((_, i) => this.#phases[i].type !== "other");
    const { bytes, label } = allocations.reduce((a, b) => (b.bytes > a.bytes ? b : a), { bytes: 0, label: "" });
    return {
      bytes: { ...most, cache: form.train.all + form.valid.all },
      peak: peakOfRun(phases, own, { ...form, moments: most.moments }),
      largestBuffer: { bytes, label },
      largestBinding,
      dispatches: this.#dispatches,
      flops: this.#flops,
      variants: [...kernels],
    };
  }
}
