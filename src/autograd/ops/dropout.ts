import type { LiveNumber } from "../../gpu/index.ts";
import { requireFloat32 } from "../../kernels/launch.ts";
import { dropoutKernel } from "../../kernels/random/random.ts";
import { requireSeed } from "../../kernels/random/threefry.ts";
import type { Tensor } from "../../tensor/index.ts";
import { defineOp } from "../define-op.ts";

/**
 * y = x / (1 − p) where kept, 0 where dropped, each element dropped with probability p (JMLR 15:1929, 2014). Which
 * elements are kept depends on (seed, position) alone, so the gradient is the same op on the cotangent. A seed that changes
 * from step to step of a captured step is a function.
 */
export const dropoutOp = defineOp<{ p: number; seed: LiveNumber }>({
  name: "dropout",
  infer: ([x], { p, seed }) => {
    requireFloat32("dropout", x);
    if (!(p >= 0 && p <= 1)) throw new Error(`dropout: expected a probability, got ${p}`);
    requireSeed("dropout", seed);
    return x;
  },
  forward: ([x], { p, seed }) => dropoutKernel(x, p, seed),
  vjp: (g, _saved, { attributes: { p, seed } }) => [() => dropout(g, p, seed)],
  samples: () => [
    { inputs: [{ shape: [7, 9] }], attributes: { p: 0.3, seed: 42 } },
    { inputs: [{ shape: [65] }], attributes: { p: 0, seed: 1 } },
  ],
});

export const dropout = (x: Tensor, p: number, seed: LiveNumber): Tensor => dropoutOp([x], { p, seed });
