import type { ResampleGeometry } from "../../src/kernels/pooling/interpolate.ts";
import { forEachIndex, generate, type Reference } from "./nd-array.ts";

/** The places that output `o` takes along one axis, with their shares. */
function sharesOf(geometry: ResampleGeometry, axis: 0 | 1, o: number): [place: number, share: number][] {
  const last = geometry.input[axis] - 1;
  const source = geometry.scale[axis] * (o + geometry.offset) - geometry.shift;
  if (geometry.nearest) return [[Math.min(Math.floor(Math.fround(source)), last), 1]];
  const from = Math.max(source, 0);
  const first = Math.min(Math.floor(from), last);
  return [
    [first, 1 - (from - first)],
    [Math.min(first + 1, last), from - first],
  ];
}

/** Calls `visit` with the positions of each element of the result and of each it takes, and the share. */
function forEachShare(
  leading: readonly number[],
  geometry: ResampleGeometry,
  visit: (output: number, input: number, share: number) => void,
): void {
  const [height, width] = geometry.input;
  forEachIndex([...leading, ...geometry.output], (index, position) => {
    const plane = Math.floor(position / geometry.output[0] / geometry.output[1]);
    const [down, right] = index.slice(-2);
    for (const [h, rowShare] of sharesOf(geometry, 0, down)) {
      for (const [w, share] of sharesOf(geometry, 1, right)) {
        visit(position, (plane * height + h) * width + w, rowShare * share);
      }
    }
  });
}

export const interpolate: Reference<ResampleGeometry> = ([x], geometry) => {
  const leading = x.shape.slice(0, -2);
  const y = generate([...leading, ...geometry.output], () => 0);
  forEachShare(leading, geometry, (output, input, share) => {
    y.data[output] += share * x.data[input];
  });
  return y;
};

export const interpolateGradient: Reference<ResampleGeometry> = ([g], geometry) => {
  const leading = g.shape.slice(0, -2);
  const dx = generate([...leading, ...geometry.input], () => 0);
  forEachShare(leading, geometry, (output, input, share) => {
    dx.data[input] += share * g.data[output];
  });
  return dx;
};
