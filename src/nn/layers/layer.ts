import { formatShape, type Shape, type Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";
import type { TrainingPass } from "./dropout.ts";

/**
 * A module of one tensor in and one tensor out. It knows the shape it gives, so that a stack of layers can be checked
 * when it is changed, before anything runs.
 */
export abstract class Layer extends Module {
  /** The kind, for messages and listings. */
  abstract readonly kind: string;

  /** @param pass absent in evaluation. */
  abstract forward(x: Tensor, pass?: TrainingPass): Tensor;

  /**
   * Shape of one example's result, without the batch axis, for one example's shape.
   *
   * @throws when the layer does not take that shape.
   */
  abstract outputShape(shape: Shape): number[];

  /** Whether two training passes over one example may differ. */
  get isRandom(): boolean {
    return false;
  }

  /** Gives parameters and statistics the values of a new layer; those without any have nothing to do. */
  initialize(_seed: number): void {}

  protected refuse(shape: Shape, expected: string): never {
    throw new Error(`${this.kind}: expected ${expected} for each example, got ${formatShape(shape)}`);
  }
}

/** @throws naming the first of a layer's sizes that is no whole number of at least `least`. */
export function requireSizes(kind: string, sizes: Readonly<Record<string, number>>, least = 1): void {
  for (const [name, value] of Object.entries(sizes)) {
    if (!Number.isSafeInteger(value) || value < least) {
      throw new Error(
        `${kind}: expected ${name} to be a whole number of at least ${least}, got ${JSON.stringify(value)}`,
      );
    }
  }
}
