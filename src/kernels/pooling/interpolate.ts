import interpolateSource from "../../../shaders/pooling/interpolate.wgsl";
import gradientSource from "../../../shaders/pooling/interpolate-gradient.wgsl";
import { defineKernel, joined } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { output } from "../launch.ts";
import { overPlanes } from "./planes.ts";

/** Where the elements of planes [.., outHeight, outWidth] lie on planes [.., height, width]. Pairs are [down, right]. */
export interface ResampleGeometry {
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
  /** Output o lies at scale · (o + offset) − shift, from 0 on. */
  readonly scale: readonly [number, number];
  readonly offset: number;
  readonly shift: number;
  /** Whether the element there is taken; else the two around it on each axis, by distance. */
  readonly nearest: boolean;
}

const GEOMETRY = {
  sizes: "vec4<u32>",
  count: "u32",
  nearest: "u32",
  scaleDown: "f32",
  scaleRight: "f32",
  offset: "f32",
  shift: "f32",
} as const;

const interpolateKernel = defineKernel({
  name: "interpolate",
  source: interpolateSource,
  bindings: { x: "read", y: "read_write" },
  params: joined(GEOMETRY, { xOffset: "u32", yOffset: "u32" }),
});

const gradientKernel = defineKernel({
  name: "interpolate-gradient",
  source: gradientSource,
  bindings: { g: "read", dx: "read_write" },
  params: joined(GEOMETRY, { gOffset: "u32", dxOffset: "u32" }),
});

const paramsOf = (geometry: ResampleGeometry): Record<string, number | readonly number[]> => ({
  sizes: [...geometry.input, ...geometry.output],
  nearest: geometry.nearest ? 1 : 0,
  scaleDown: geometry.scale[0],
  scaleRight: geometry.scale[1],
  offset: geometry.offset,
  shift: geometry.shift,
});

/** The planes of x resampled. */
export function interpolateForward(op: string, x: Tensor, geometry: ResampleGeometry): Tensor {
  const y = output(op, x, [...x.shape.slice(0, -2), ...geometry.output]);
  overPlanes(op, interpolateKernel, paramsOf(geometry), [x, y]);
  return y;
}

/** What each element had of `g`, summed: the transpose of the resampling. */
export function interpolateGradient(op: string, g: Tensor, geometry: ResampleGeometry): Tensor {
  const dx = output(op, g, [...g.shape.slice(0, -2), ...geometry.input]);
  overPlanes(op, gradientKernel, paramsOf(geometry), [g, dx]);
  return dx;
}
