import { generate, type NdArray, type Reference, sizeOf } from "./nd-array.ts";

export interface Geometry {
  stride: readonly [number, number];
  padding: readonly [readonly [number, number], readonly [number, number]];
  dilation: readonly [number, number];
  groups: number;
}

/** Calls `visit` with the positions of every x, weight and y that a convolution joins, images outermost, channels innermost. */
function forEachProduct(
  x: readonly number[],
  weight: readonly number[],
  y: readonly number[],
  { stride, padding, dilation, groups }: Geometry,
  visit: (x: number, weight: number, y: number) => void,
): void {
  const [images, channels, height, width] = x;
  const [outputs, perGroup, kernelHeight, kernelWidth] = weight;
  for (let n = 0; n < images; n++) {
    for (let o = 0; o < outputs; o++) {
      const first = Math.floor(o / (outputs / groups)) * perGroup;
      for (let p = 0; p < y[2]; p++) {
        for (let q = 0; q < y[3]; q++) {
          for (let i = 0; i < kernelHeight; i++) {
            const row = p * stride[0] + i * dilation[0] - padding[0][0];
            if (row < 0 || row >= height) continue;
            for (let j = 0; j < kernelWidth; j++) {
              const column = q * stride[1] + j * dilation[1] - padding[1][0];
              if (column < 0 || column >= width) continue;
              for (let c = 0; c < perGroup; c++) {
                visit(
                  ((n * channels + first + c) * height + row) * width + column,
                  ((o * perGroup + c) * kernelHeight + i) * kernelWidth + j,
                  ((n * outputs + o) * y[2] + p) * y[3] + q,
                );
              }
            }
          }
        }
      }
    }
  }
}

/** The shape of conv2d's output. */
export const convolvedShape = (x: readonly number[], weight: readonly number[], geometry: Geometry): number[] => [
  x[0],
  weight[0],
  ...[0, 1].map((axis) => {
    const [before, after] = geometry.padding[axis];
    const extent = (weight[2 + axis] - 1) * geometry.dilation[axis] + 1;
    return Math.floor((x[2 + axis] + before + after - extent) / geometry.stride[axis]) + 1;
  }),
];

/** Every channel filled with its bias, or zeros. */
function filled(shape: readonly number[], bias: NdArray | undefined): Float64Array {
  return bias ? generate(shape, ([, channel]) => bias.data[channel]).data : new Float64Array(sizeOf(shape));
}

export const conv2d: Reference<Geometry> = ([x, weight, bias], geometry) => {
  const shape = convolvedShape(x.shape, weight.shape, geometry);
  const data = filled(shape, bias);
  forEachProduct(x.shape, weight.shape, shape, geometry, (i, j, k) => {
    data[k] += x.data[i] * weight.data[j];
  });
  return { shape, data };
};

export const conv2dInputGradient: Reference<Geometry & { size: readonly [number, number] }> = (
  [g, weight, bias],
  { size, ...geometry },
) => {
  const shape = [g.shape[0], weight.shape[1] * geometry.groups, ...size];
  const data = filled(shape, bias);
  forEachProduct(shape, weight.shape, g.shape, geometry, (i, j, k) => {
    data[i] += weight.data[j] * g.data[k];
  });
  return { shape, data };
};

export const conv2dWeightGradient: Reference<Geometry & { kernel: readonly [number, number] }> = (
  [x, g],
  { kernel, ...geometry },
) => {
  const shape = [g.shape[1], x.shape[1] / geometry.groups, ...kernel];
  const data = new Float64Array(sizeOf(shape));
  forEachProduct(x.shape, shape, g.shape, geometry, (i, j, k) => {
    data[j] += x.data[i] * g.data[k];
  });
  return { shape, data };
};
