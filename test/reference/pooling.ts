import type { PoolGeometry } from "../../src/kernels/pooling/pooling.ts";
import { generate, type NdArray, type Reference, sizeOf } from "./nd-array.ts";

/** The places of each window along one axis; outside 0 … length − 1 they lie in the padding. */
function windowsAlong(geometry: PoolGeometry, axis: 0 | 1): number[][] {
  const [length, count] = [geometry.input[axis], geometry.output[axis]];
  return Array.from({ length: count }, (_, o) => {
    if (geometry.adaptive) {
      const begin = Math.floor((o * length) / count);
      return Array.from({ length: Math.ceil(((o + 1) * length) / count) - begin }, (_, k) => begin + k);
    }
    const begin = o * geometry.stride[axis] - geometry.padding[axis][0];
    return Array.from({ length: geometry.kernel[axis] }, (_, k) => begin + k * geometry.dilation[axis]);
  });
}

export interface Place {
  /** Position within the plane; null in the padding. */
  position: number | null;
  tap: number;
}

/** Calls `visit` with every window: its position in the output, its plane, its places and what an average divides by. */
export function forEachWindow(
  planes: number,
  geometry: PoolGeometry,
  visit: (output: number, plane: number, places: Place[], count: number) => void,
): void {
  const [height, width] = geometry.input;
  const [downs, rights] = [windowsAlong(geometry, 0), windowsAlong(geometry, 1)];
  const counted = (places: number[], axis: 0 | 1): number => {
    const end = geometry.input[axis] + (geometry.countIncludePad ? geometry.padding[axis][1] : 0);
    return places.filter((place) => place < end && (geometry.countIncludePad || place >= 0)).length;
  };
  let output = 0;
  for (let plane = 0; plane < planes; plane++) {
    for (const rows of downs) {
      for (const columns of rights) {
        const places = rows.flatMap((h, r) =>
          columns.map((w, c) => ({
            position: h >= 0 && h < height && w >= 0 && w < width ? h * width + w : null,
            tap: r * geometry.kernel[1] + c,
          })),
        );
        visit(output++, plane, places, counted(rows, 0) * counted(columns, 1));
      }
    }
  }
}

const planesOf = (x: NdArray): number => sizeOf(x.shape.slice(0, -2));
const zeros = (like: NdArray, planes: readonly number[]): NdArray =>
  generate([...like.shape.slice(0, -2), ...planes], () => 0);

export const maxPool: Reference<PoolGeometry> = ([x], geometry) => {
  const y = zeros(x, geometry.output);
  const plane = sizeOf(geometry.input);
  forEachWindow(planesOf(x), geometry, (o, index, places) => {
    y.data[o] = places.reduce(
      (largest, { position }) => (position === null ? largest : Math.max(largest, x.data[index * plane + position])),
      Number.NEGATIVE_INFINITY,
    );
  });
  return y;
};

export const maxPoolGather: Reference<PoolGeometry> = ([x, taps], geometry) => {
  const y = zeros(x, geometry.output);
  const plane = sizeOf(geometry.input);
  forEachWindow(planesOf(x), geometry, (o, index, places) => {
    const position = places.find(({ tap }) => tap === taps.data[o])?.position ?? null;
    y.data[o] = position === null ? 0 : x.data[index * plane + position];
  });
  return y;
};

export const maxPoolGradient: Reference<PoolGeometry> = ([g, taps], geometry) => {
  const dx = zeros(g, geometry.input);
  const plane = sizeOf(geometry.input);
  forEachWindow(planesOf(g), geometry, (o, index, places) => {
    const position = places.find(({ tap }) => tap === taps.data[o])?.position ?? null;
    if (position !== null) dx.data[index * plane + position] += g.data[o];
  });
  return dx;
};

export const averagePool: Reference<PoolGeometry> = ([x], geometry) => {
  const y = zeros(x, geometry.output);
  const plane = sizeOf(geometry.input);
  forEachWindow(planesOf(x), geometry, (o, index, places, count) => {
    for (const { position } of places) if (position !== null) y.data[o] += x.data[index * plane + position] / count;
  });
  return y;
};

export const averagePoolGradient: Reference<PoolGeometry> = ([g], geometry) => {
  const dx = zeros(g, geometry.input);
  const plane = sizeOf(geometry.input);
  forEachWindow(planesOf(g), geometry, (o, index, places, count) => {
    for (const { position } of places) if (position !== null) dx.data[index * plane + position] += g.data[o] / count;
  });
  return dx;
};
