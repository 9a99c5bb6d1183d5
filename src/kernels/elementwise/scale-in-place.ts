import scaleInPlaceSource from "../../../shaders/elementwise/scale-in-place.wgsl";
import { defineKernel, linearGrid } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { launch } from "../launch.ts";
import { forFlatWindows } from "../windows.ts";

/** Vectors of four elements that a workgroup takes, as in the shader. */
const TILE = 64 * 16;

const scaleKernel = defineKernel({
  name: "scale-in-place",
  source: scaleInPlaceSource,
  bindings: { factor: "read", y: "read_write" },
  params: { count: "u32", factorOffset: "u32", yOffset: "u32" },
});

/**
 * Multiplies a contiguous tensor that has its storage to itself by a number on the device, [1] or []. Costs next to
 * nothing when the number is 1.
 */
export function scaleInPlace(op: string, y: Tensor, factor: Tensor): void {
  if (y.size === 0) return;
  const one = factor.view([1], [1]);
  forFlatWindows([y], ([window], size) => {
    const count = Math.ceil(size / 4);
    launch(op, scaleKernel.variant(), [one, window], { count }, linearGrid(Math.ceil(count / TILE)));
  });
  one.dispose();
}
