import { affine, uniform } from "../../autograd/index.ts";
import { copyInto, full } from "../../kernels/copy.ts";
import { type Tensor, tidy } from "../../tensor/index.ts";

/**
 * Fills a weight, and the bias that goes with it, as torch.nn does for linear and convolutional layers: uniform in
 * ±1/√(inputs an output is summed over).
 */
export function initializeUniform(fanIn: number, weight: Tensor, bias: Tensor | undefined, seed: number): void {
  const bound = 1 / Math.sqrt(Math.max(fanIn, 1));
  [weight, ...(bias ? [bias] : [])].forEach((tensor, i) => {
    tidy(() =>
      copyInto(tensor, affine(uniform(tensor.shape, { seed: 2 * seed + i, gpu: tensor.gpu }), 2 * bound, -bound)),
    );
  });
}

/** Sets every element of a tensor, where it lies. */
export function fillWith(tensor: Tensor, value: number): void {
  tidy(() => copyInto(tensor, full(tensor.gpu, tensor.shape, value, tensor.dtype)));
}
