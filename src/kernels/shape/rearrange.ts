import padGradientSource from "../../../shaders/shape/pad-gradient.wgsl";
import source from "../../../shaders/shape/rearrange.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { sliceView } from "../../tensor/index.ts";
import { copy, copyInto, wordOf } from "../copy.ts";
import { gridOf, launch, output } from "../launch.ts";
import { mergeAround, requireWalkable, twoVectors } from "../strided.ts";
import { fitsBinding, forFlatWindows, halvesOf, longestAxis, requireBindable } from "../windows.ts";

const HALF = { T: "f16", enable: "f16", fillValue: "return f16(unpack2x16float(params.value).x);" };

const rearrangeKernel = defineKernel({
  name: "rearrange",
  source,
  bindings: { x: "read", y: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    source0: "vec4<u32>",
    source1: "vec4<u32>",
    shift0: "vec4<u32>",
    shift1: "vec4<u32>",
    xStrides0: "vec4<u32>",
    xStrides1: "vec4<u32>",
    windowBegin0: "vec4<u32>",
    windowBegin1: "vec4<u32>",
    window0: "vec4<u32>",
    window1: "vec4<u32>",
    count: "u32",
    begin: "u32",
    rank: "u32",
    mirrored: "u32",
    mode: "u32",
    value: "u32",
    xOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(rearrangeKernel, () => [HALF]);

const padGradientKernel = defineKernel({
  name: "pad-gradient",
  source: padGradientSource,
  bindings: { g: "read", y: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    gStrides0: "vec4<u32>",
    gStrides1: "vec4<u32>",
    yStrides0: "vec4<u32>",
    yStrides1: "vec4<u32>",
    count: "u32",
    rank: "u32",
    axis: "u32",
    padded: "u32",
    before: "i32",
    mode: "u32",
    gOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(padGradientKernel, () => [{ T: "f16", enable: "f16" }]);

/** What stands where a place lies outside of the tensor; the numbers are the shader's. */
const MODES = { constant: 0, edge: 1, reflect: 2, symmetric: 3, wrap: 4 } as const;
export type PlaceMode = keyof typeof MODES;

/** Where the places of one axis of the result come from: place i from i + shift, counted from the end when mirrored. */
export interface AxisMap {
  /** Length of the axis in the result. */
  length: number;
  shift: number;
  isMirrored?: boolean;
}

/** y[i, j, …] = x[map(i), map(j), …] in one dispatch, exact in every type. One map for each axis. */
export function rearrange(op: string, x: Tensor, maps: readonly AxisMap[], mode: PlaceMode, value = 0): Tensor {
  const y = output(
    op,
    x,
    maps.map(({ length }) => length),
  );
  if (y.size === 0) return y;
  const merged = mergeIdentities(op, x, maps);
  const variant = rearrangeKernel.variant(x.dtype === "f16" ? HALF : {});
  const mirrored = merged.maps.reduce((bits, map, axis) => bits | (map.isMirrored ? 1 << axis : 0), 0);
  forFlatWindows([y], ([part], count, begin) => {
    forWindows(op, merged.x, [], (window, windowBegin) => {
      const params = {
        ...twoVectors(
          "shape",
          merged.maps.map(({ length }) => length),
        ),
        ...twoVectors("source", merged.x.shape),
        ...twoVectors(
          "shift",
          merged.maps.map(({ shift }) => shift),
        ),
        ...twoVectors("xStrides", window.strides),
        ...twoVectors("windowBegin", windowBegin),
        ...twoVectors("window", window.shape),
        count,
        begin,
        rank: merged.maps.length,
        mirrored,
        mode: MODES[mode],
        value: wordOf(value, x.dtype),
      };
      launch(op, variant, [window, part], params, gridOf(count));
    });
  });
  merged.x.dispose();
  return y;
}

const isIdentity = (map: AxisMap, length: number): boolean =>
  !map.isMirrored && map.shift === 0 && map.length === length;

/** Joins axes that stay as they are and lie one behind the other in memory. */
function mergeIdentities(op: string, x: Tensor, maps: readonly AxisMap[]): { x: Tensor; maps: AxisMap[] } {
  const shape: number[] = [];
  const strides: number[] = [];
  const merged: AxisMap[] = [];
  maps.forEach((map, axis) => {
    const length = x.shape[axis];
    const last = shape.length - 1;
    if (isIdentity(map, length)) {
      if (length === 1) return;
      if (last >= 0 && isIdentity(merged[last], shape[last]) && strides[last] === x.strides[axis] * length) {
        shape[last] *= length;
        strides[last] = x.strides[axis];
        merged[last] = { length: shape[last], shift: 0 };
        return;
      }
    }
    shape.push(length);
    strides.push(x.strides[axis]);
    merged.push(map);
  });
  requireWalkable(op, merged.length);
  return { x: x.view(shape, strides), maps: merged };
}

/** Calls `body` with parts of `x` that can be bound and where they begin: once, with `x` itself, when it fits. */
function forWindows(
  op: string,
  x: Tensor,
  begins: readonly number[],
  body: (window: Tensor, begins: readonly number[]) => void,
): void {
  const from = x.shape.map((_, axis) => begins[axis] ?? 0);
  if (fitsBinding(x)) {
    body(x, from);
    return;
  }
  const axis = longestAxis(op, x);
  for (const [begin, end] of halvesOf(x.shape[axis])) {
    const half = sliceView(x, axis, begin, end);
    forWindows(op, half, from.with(axis, from[axis] + begin), body);
    half.dispose();
  }
}

/**
 * The transpose of padding one axis of length `length` by `before` places in front: each place receives the sum of the
 * places of `g` that copy it, in ascending order.
 */
export function padGradientAlong(
  op: string,
  g: Tensor,
  axis: number,
  length: number,
  before: number,
  mode: Exclude<PlaceMode, "constant">,
): Tensor {
  const y = output(op, g, g.shape.with(axis, length));
  if (y.size > 0) padGradientInto(op, g, y, axis, before, MODES[mode]);
  return y;
}

function padGradientInto(op: string, g: Tensor, y: Tensor, axis: number, before: number, mode: number): void {
  if (fitsBinding(g) && fitsBinding(y)) {
    const { shape, strides, ...merged } = mergeAround(op, y.shape, [g.strides, y.strides], axis);
    const params = {
      ...twoVectors("shape", shape),
      ...twoVectors("gStrides", strides[0]),
      ...twoVectors("yStrides", strides[1]),
      count: y.size,
      rank: shape.length,
      axis: merged.axis,
      padded: g.shape[axis],
      before,
      mode,
    };
    const variant = padGradientKernel.variant(g.dtype === "f16" ? { T: "f16", enable: "f16" } : {});
    launch(op, variant, [g, y], params, gridOf(y.size));
    return;
  }
  const lengths = y.shape.with(axis, 0);
  const along = lengths.indexOf(Math.max(...lengths));
  if (!(lengths[along] > 1)) requireBindable(op, g, y);
  for (const [begin, end] of halvesOf(lengths[along])) {
    // Lines may lie far apart: a part of them is made compact, so that it spans no more than its own bytes.
    const part = copy(sliceView(g, along, begin, end));
    const sums = output(op, y, y.shape.with(along, end - begin));
    padGradientInto(op, part, sums, axis, before, mode);
    copyInto(sliceView(y, along, begin, end), sums);
    part.dispose();
    sums.dispose();
  }
}
