import oneHotSource from "../../../shaders/indexing/one-hot.wgsl";
import { defineKernel } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { gridOf, launch, output } from "../launch.ts";
import { forFlatWindows, requireBindable } from "../windows.ts";

const oneHotKernel = defineKernel({
  name: "one-hot",
  source: oneHotSource,
  bindings: { ids: "read", y: "read_write" },
  params: { count: "u32", begin: "u32", classes: "u32", idsOffset: "u32", yOffset: "u32" },
});

/** y[…, c] = 1 where ids[…] = c, else 0, as f32. */
export function oneHotRows(ids: Tensor, classes: number): Tensor {
  const indices = contiguous(ids);
  requireBindable("oneHot", indices);
  const y = output("oneHot", ids, [...ids.shape, classes], "f32");
  if (y.size === 0) return y;
  forFlatWindows([y], ([part], count, begin) => {
    launch("oneHot", oneHotKernel.variant(), [indices, part], { count, begin, classes }, gridOf(count));
  });
  return y;
}
