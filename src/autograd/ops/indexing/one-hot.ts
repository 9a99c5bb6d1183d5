import { oneHotRows } from "../../../kernels/indexing/one-hot.ts";
import { requireInteger } from "../../../kernels/launch.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";

export const oneHotOp = defineOp<{ classes: number }>({
  name: "oneHot",
  infer: ([ids], { classes }) => {
    requireInteger("oneHot", ids);
    if (!(Number.isSafeInteger(classes) && classes >= 0)) {
      throw new Error(`oneHot: expected a number of classes, got ${classes}`);
    }
    return { shape: [...ids.shape, classes], dtype: "f32" };
  },
  forward: ([ids], { classes }) => oneHotRows(ids, classes),
});

/**
 * A row for each id, as f32: y[…, c] = 1 where ids[…] = c, else 0. Ids are i32 or u32; one outside 0 … classes − 1, such
 * as −1 or −100, gives a row of zeros. No gradient flows to ids.
 *
 * @throws when the ids are not integers, or `classes` is no number of classes.
 */
export const oneHot = (ids: Tensor, classes: number): Tensor => oneHotOp([ids], { classes });
