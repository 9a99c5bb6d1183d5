import type { Gpu } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** A place that an optimizer keeps for the gradient of a leaf, so that it need not be moved there. */
export interface GradientHome {
  readonly gpu: Gpu;
  /** A new tensor of the leaf's shape that lies there, undefined while an earlier one is held. */
  take(): Tensor | undefined;
}

const homes = new WeakMap<Tensor, GradientHome[]>();

/** Offers a place for the gradients of a leaf; the function returned takes the offer back. */
export function offerGradientHome(leaf: Tensor, home: GradientHome): () => void {
  // Those of earlier dry runs are of no use any more.
  const all = (homes.get(leaf) ?? []).filter(({ gpu }) => !gpu.isDry);
  all.push(home);
  homes.set(leaf, all);
  return () => {
    const left = (homes.get(leaf) ?? []).filter((other) => other !== home);
    homes.set(leaf, left);
  };
}

/** The latest place offered for a leaf on its device. */
export const gradientHome = (leaf: Tensor): GradientHome | undefined =>
  homes.get(leaf)?.findLast(({ gpu }) => gpu === leaf.gpu);
