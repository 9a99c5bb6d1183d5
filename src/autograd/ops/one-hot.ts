import { full } from "../../kernels/copy.ts";
import { binary, castTo } from "../../kernels/elementwise.ts";
import { requireInteger } from "../../kernels/launch.ts";
import { arange, reshapeView, type Tensor } from "../../tensor/index.ts";
import { defineOp } from "../define-op.ts";

/** y[…, c] = 1 where ids[…] = c, else 0; an id outside 0 … classes − 1 gives a row of zeros. */
export const oneHotOp = defineOp<{ classes: number }>({
  name: "oneHot",
  infer: ([ids], { classes }) => {
    requireInteger("oneHot", ids);
    return { shape: [...ids.shape, classes], dtype: "f32" };
  },
  forward: ([ids], { classes }) => {
    const range = arange(0, classes, 1, { dtype: ids.dtype, gpu: ids.gpu });
    return castTo(binary("oneHot", reshapeView(ids, [...ids.shape, 1]) as Tensor, range, "equal"), "f32");
  },
  samples: () => [
    { inputs: [{ shape: [7], dtype: "i32", low: -1, high: 4 }], attributes: { classes: 4 } },
    { inputs: [{ shape: [2, 3], dtype: "i32", low: 0, high: 65 }], attributes: { classes: 65 } },
  ],
});

/** A scalar with a label's value, to compare labels with. */
export const labelLike = (labels: Tensor, value: number): Tensor => full(labels.gpu, [], value, labels.dtype);

export const oneHot = (ids: Tensor, classes: number): Tensor => oneHotOp([ids], { classes });
