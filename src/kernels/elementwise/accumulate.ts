import addInPlaceSource from "../../../shaders/elementwise/add-in-place.wgsl";
import { defineKernel } from "../../gpu/index.ts";
import { assertSameShape, type Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { gridOf, launch } from "../launch.ts";
import { forFlatWindows } from "../windows.ts";
import * as BINARY from "./binary-functions.ts";
import { binary } from "./elementwise.ts";

const addKernel = defineKernel({
  name: "add-in-place",
  source: addInPlaceSource,
  bindings: { x: "read", y: "read_write" },
  params: { count: "u32", xOffset: "u32", yOffset: "u32" },
});

/** Whether a gradient can be added to where it lies: nothing else refers to its memory. */
export const isOwnMemory = (x: Tensor): boolean =>
  x.dtype === "f32" && x.isContiguous && x.offset % 4 === 0 && !x.storage.isShared;

/** The sum of two gradients of one tensor: `a` itself where that can be, else a new tensor. Frees what is not returned. */
export function addAndFree(a: Tensor, b: Tensor): Tensor {
  if (isOwnMemory(a) && b.dtype === "f32" && a.size > 1 && a.storage.buffer !== b.storage.buffer) {
    assertSameShape("accumulate", a, b);
    const x = contiguous(b);
    forFlatWindows([x, a], (windows, size) => {
      const count = Math.ceil(size / 4);
      launch("accumulate", addKernel.variant(), windows, { count }, gridOf(count));
    });
    if (x !== b) x.dispose();
    b.dispose();
    return a;
  }
  const sum = binary("accumulate", a, b, BINARY.add);
  a.dispose();
  b.dispose();
  return sum;
}
