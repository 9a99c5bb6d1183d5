import copySource from "../../shaders/copy.wgsl";
import fillSource from "../../shaders/fill.wgsl";
import { defineKernel, type Gpu, listVariants } from "../gpu/index.ts";
import {
  bytesPerElement,
  type DType,
  empty,
  formatShape,
  reshapeView,
  type Shape,
  shapesEqual,
  type Tensor,
  toHalfBits,
} from "../tensor/index.ts";
import { chooseElementVariant, inAllRuns, inRuns } from "./elementwise/element-variant.ts";
import { gridOf, launch, output } from "./launch.ts";
import { back, front, mergeAxes, runsOf } from "./strided.ts";
import { forFlatWindows, forParts } from "./windows.ts";

const WORD = {};
const HALF = { T: "f16", enable: "f16" };

const copyKernel = defineKernel({
  name: "copy",
  source: copySource,
  bindings: { x: "read", y: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    xStrides0: "vec4<u32>",
    xStrides1: "vec4<u32>",
    yStrides0: "vec4<u32>",
    yStrides1: "vec4<u32>",
    count: "u32",
    rank: "u32",
    length: "u32",
    runs: "u32",
    xStep: "u32",
    yStep: "u32",
    xOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(copyKernel, () => inAllRuns([WORD, HALF]));

const fillKernel = defineKernel({
  name: "fill",
  source: fillSource,
  bindings: { y: "read_write" },
  params: { count: "u32", yOffset: "u32", value: "u32" },
});

/** Writes `x` into the view `y` of the same shape and type; views may be strided. */
export function copyInto(y: Tensor, x: Tensor): void {
  if (!shapesEqual(x.shape, y.shape) || x.dtype !== y.dtype) {
    throw new Error(`copy: ${x.dtype}${formatShape(x.shape)} does not fit ${y.dtype}${formatShape(y.shape)}`);
  }
  if (x.size === 0) return;
  // A kernel cannot read what lies in the buffer it writes.
  if (x.storage.buffer === y.storage.buffer) {
    const apart = copy(x);
    copyInto(y, apart);
    apart.dispose();
    return;
  }
  const width = bytesPerElement(x.dtype);
  const bytes = x.size * width;
  const begin = [x.offset * width, y.offset * width];
  if (x.isContiguous && y.isContiguous && begin.every((b) => b % 4 === 0) && bytes % 4 === 0 && bytes >= 1 << 16) {
    x.gpu.copyBuffer(x.storage.buffer, begin[0], y.storage.buffer, begin[1], bytes);
    return;
  }
  const { run } = chooseElementVariant(x.gpu);
  const variant = copyKernel.variant(inRuns(x.dtype === "f16" ? HALF : WORD, run));
  forParts("copy", [x, y], ([source, target]) => {
    const merged = mergeAxes("copy", source.shape, [source.strides, target.strides]);
    const { shape, strides, steps, params } = runsOf(merged, run);
    launch(
      "copy",
      variant,
      [source, target],
      {
        shape0: front(shape),
        shape1: back(shape),
        xStrides0: front(strides[0]),
        xStrides1: back(strides[0]),
        yStrides0: front(strides[1]),
        yStrides1: back(strides[1]),
        xStep: steps[0],
        yStep: steps[1],
        ...params,
      },
      gridOf(params.count),
    );
  });
}

/** A row-major copy of a view. */
export function copy(x: Tensor): Tensor {
  const y = output("copy", x, x.shape);
  copyInto(y, x);
  return y;
}

/** `x` itself when it is row-major and starts at a multiple of four elements, else a copy that is. */
export function contiguous(x: Tensor): Tensor {
  return x.isContiguous && x.offset % 4 === 0 ? x : copy(x);
}

/** The tensor in another shape with the same element order, copied only when its strides demand it. */
export function reshaped(x: Tensor, shape: Shape): Tensor {
  return reshapeView(x, shape) ?? reshapeView(copy(x), shape)!;
}

const words = new DataView(new ArrayBuffer(4));

/** The 32-bit word that holds a value in an element type; a half is in it twice. */
export function wordOf(value: number, dtype: DType): number {
  if (dtype === "f32") words.setFloat32(0, value);
  else if (dtype === "bool") words.setUint32(0, value ? 1 : 0);
  else if (dtype === "f16") words.setUint32(0, toHalfBits(value) * 0x10001);
  else words.setUint32(0, value);
  return words.getUint32(0);
}

/** A tensor with every element equal to `value`. */
export function full(gpu: Gpu, shape: Shape, value: number, dtype: DType = "f32"): Tensor {
  const y = empty(gpu, shape, dtype, "full");
  fillWith(y, value);
  return y;
}

/** Sets every element of a row-major tensor that has its storage to itself. */
export function fillWith(y: Tensor, value: number): void {
  const bits = wordOf(value, y.dtype);
  forFlatWindows([y], ([window], count) => {
    const vectors = Math.ceil((count * bytesPerElement(y.dtype)) / 16);
    launch("full", fillKernel.variant(), [window], { count: vectors, value: bits }, gridOf(vectors));
  });
}
