import { add, dropout, dropoutAdd } from "../../autograd/index.ts";
import { currentValue, type LiveNumber } from "../../gpu/index.ts";
import type { Shape, Tensor } from "../../tensor/index.ts";
import { Layer } from "./layer.ts";

/**
 * What a forward pass in training needs besides its inputs: a seed for each dropout. Without it a model runs in
 * evaluation mode.
 */
export class TrainingPass {
  #next = 0;

  /**
   * @param seed of this step; a run that is repeated or resumed gives the same seeds again. Of a captured step it is a
   * function, asked again at each replay.
   */
  constructor(private readonly seed: LiveNumber) {}

  /**
   * A part of the pass that can be run twice with the same seeds, as recomputation does: what comes behind it in the pass
   * has the seeds that it would have without.
   */
  repeatable<T>(): (run: (pass: TrainingPass) => T) => T {
    const begin = this.#next;
    return (run) => {
      const part = new TrainingPass(this.seed);
      part.#next = begin;
      const result = run(part);
      this.#next = Math.max(this.#next, part.#next);
      return result;
    };
  }

  /** A fresh seed for the next dropout. */
  nextSeed(): LiveNumber {
    const place = this.#next++;
    const next = (): number => (currentValue(this.seed) >>> 0) * 2 ** 20 + place;
    return typeof this.seed === "number" ? next() : next;
  }
}

/** Drops elements with probability p in training; the identity in evaluation. */
export const applyDropout = (x: Tensor, p: number, pass?: TrainingPass): Tensor =>
  pass && p > 0 ? dropout(x, p, pass.nextSeed()) : x;

/** A residual connection, if there is one, around what is dropped with probability p in training: residual + dropout(x). */
export function addDropout(residual: Tensor | undefined, x: Tensor, p: number, pass?: TrainingPass): Tensor {
  if (!residual) return applyDropout(x, p, pass);
  return pass && p > 0 ? dropoutAdd(x, residual, p, pass.nextSeed()) : add(residual, x);
}

/** Dropout as a layer. */
export class Dropout extends Layer {
  readonly kind = "Dropout";
  readonly #p: number;

  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1)) throw new Error(`Dropout: expected a probability, got ${p}`);
    this.#p = p;
  }

  override get isRandom(): boolean {
    return this.#p > 0;
  }

  override forward(x: Tensor, pass?: TrainingPass): Tensor {
    return applyDropout(x, this.#p, pass);
  }

  override outputShape(shape: Shape): number[] {
    return [...shape];
  }
}
