import averagePoolSource from "../../../shaders/pooling/average-pool.wgsl";
import averagePoolGradientSource from "../../../shaders/pooling/average-pool-gradient.wgsl";
import maxPoolSource from "../../../shaders/pooling/max-pool.wgsl";
import maxPoolGatherSource from "../../../shaders/pooling/max-pool-gather.wgsl";
import maxPoolGradientSource from "../../../shaders/pooling/max-pool-gradient.wgsl";
import { defineKernel, joined } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { output } from "../launch.ts";
import { overPlanes } from "./planes.ts";

/** How windows lie on the planes of [.., height, width]. Pairs are [down, right]. */
export interface PoolGeometry {
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
  /** Places of a window; of adaptive windows, whose sizes differ, a bound. */
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [readonly [top: number, bottom: number], readonly [left: number, right: number]];
  readonly dilation: readonly [number, number];
  /** Window o covers ⌊o·input/output⌋ … ⌈(o + 1)·input/output⌉ − 1; stride, padding and dilation say nothing. */
  readonly adaptive: boolean;
  /** Whether an average counts the places in the padding. */
  readonly countIncludePad: boolean;
}

const GEOMETRY = {
  sizes: "vec4<u32>",
  kernel: "vec4<u32>",
  padding: "vec4<u32>",
  spread: "vec4<u32>",
  count: "u32",
} as const;

const maxPoolKernel = defineKernel({
  name: "max-pool",
  source: maxPoolSource,
  bindings: { x: "read", y: "read_write", taps: "read_write" },
  params: joined(GEOMETRY, { xOffset: "u32", yOffset: "u32", tapsOffset: "u32" }),
});

const maxPoolGatherKernel = defineKernel({
  name: "max-pool-gather",
  source: maxPoolGatherSource,
  bindings: { x: "read", taps: "read", y: "read_write" },
  params: joined(GEOMETRY, { xOffset: "u32", tapsOffset: "u32", yOffset: "u32" }),
});

const maxPoolGradientKernel = defineKernel({
  name: "max-pool-gradient",
  source: maxPoolGradientSource,
  bindings: { g: "read", taps: "read", dx: "read_write" },
  params: joined(GEOMETRY, { gOffset: "u32", tapsOffset: "u32", dxOffset: "u32" }),
});

const averagePoolKernel = defineKernel({
  name: "average-pool",
  source: averagePoolSource,
  bindings: { x: "read", y: "read_write" },
  params: joined(GEOMETRY, { xOffset: "u32", yOffset: "u32" }),
});

const averagePoolGradientKernel = defineKernel({
  name: "average-pool-gradient",
  source: averagePoolGradientSource,
  bindings: { g: "read", dx: "read_write" },
  params: joined(GEOMETRY, { gOffset: "u32", dxOffset: "u32" }),
});

const geometryParams = (geometry: PoolGeometry): Record<string, readonly number[]> => {
  const { input, output: out, kernel, stride, padding, dilation, adaptive, countIncludePad } = geometry;
  return {
    sizes: [...input, ...out],
    kernel: [...kernel, ...stride],
    padding: [padding[0][0], padding[1][0], padding[0][1], padding[1][1]],
    spread: [...dilation, adaptive ? 1 : 0, countIncludePad ? 1 : 0],
  };
};

const leading = (x: Tensor): readonly number[] => x.shape.slice(0, -2);

/** The largest element of each window and its tap: its place in the window, counted row by row; -1 where none is. */
export function maxPoolForward(op: string, x: Tensor, geometry: PoolGeometry): [Tensor, Tensor] {
  const shape = [...leading(x), ...geometry.output];
  const y = output(op, x, shape);
  const taps = output(op, x, shape, "i32");
  overPlanes(op, maxPoolKernel, geometryParams(geometry), [x, y, taps]);
  return [y, taps];
}

/** The elements of `x` at given taps. */
export function maxPoolGather(op: string, x: Tensor, taps: Tensor, geometry: PoolGeometry): Tensor {
  const y = output(op, x, taps.shape);
  overPlanes(op, maxPoolGatherKernel, geometryParams(geometry), [x, taps, y]);
  return y;
}

/** Sums `g` into the elements at given taps: the transpose of the gathering. */
export function maxPoolGradient(op: string, g: Tensor, taps: Tensor, geometry: PoolGeometry): Tensor {
  const dx = output(op, g, [...leading(g), ...geometry.input]);
  overPlanes(op, maxPoolGradientKernel, geometryParams(geometry), [g, taps, dx]);
  return dx;
}

/** The mean of each window. */
export function averagePoolForward(op: string, x: Tensor, geometry: PoolGeometry): Tensor {
  const y = output(op, x, [...leading(x), ...geometry.output]);
  overPlanes(op, averagePoolKernel, geometryParams(geometry), [x, y]);
  return y;
}

/** Each window's share of `g` for every element: the transpose of the averages. */
export function averagePoolGradient(op: string, g: Tensor, geometry: PoolGeometry): Tensor {
  const dx = output(op, g, [...leading(g), ...geometry.input]);
  overPlanes(op, averagePoolGradientKernel, geometryParams(geometry), [g, dx]);
  return dx;
}
