import { type Image, requireImage } from "./image.ts";

/** How a pixel is made of those near it: the weights of two points or four along an axis. */
export type ResizeFilter = "bilinear" | "bicubic";

interface Kernel {
  /** Beyond this distance the weight is 0. */
  readonly radius: number;
  weight(distance: number): number;
}

const CUBIC = -0.5;
const KERNELS: Readonly<Record<ResizeFilter, Kernel>> = {
  bilinear: { radius: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) },
  // Keys 1981, with a = -1/2.
  bicubic: {
    radius: 2,
    weight(distance) {
      const x = Math.abs(distance);
      if (x < 1) return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1;
      if (x < 2) return (((x - 5) * x + 8) * x - 4) * CUBIC;
      return 0;
    },
  },
};

/** Weights are whole multiples of 2^-22: eight bits of pixel and two of carry stay free in 32. */
const PRECISION = 22;
const ONE = 2 ** PRECISION;
const HALF = 2 ** (PRECISION - 1);

/** For each place of the result: the first place of the source it is made of, and the weights from there on. */
interface Taps {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  /** [places, most] */
  readonly weights: Int32Array;
  readonly most: number;
}

/** When an image shrinks, the kernel widens with the ratio, so that every pixel of the source counts: no aliasing. */
function makeTaps(from: number, to: number, kernel: Kernel): Taps {
  const ratio = from / to;
  const spread = Math.max(ratio, 1);
  const reach = kernel.radius * spread;
  const most = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(to);
  const counts = new Int32Array(to);
  const weights = new Int32Array(to * most);
  for (let place = 0; place < to; place++) {
    const center = (place + 0.5) * ratio;
    const begin = Math.max(0, Math.trunc(center - reach + 0.5));
    const count = Math.min(from, Math.trunc(center + reach + 0.5)) - begin;
    const own = Float64Array.from({ length: count }, (_, i) => kernel.weight((begin + i - center + 0.5) / spread));
    const total = own.reduce((sum, weight) => sum + weight, 0);
    first[place] = begin;
    counts[place] = count;
    own.forEach((weight, i) => {
      const scaled = (total === 0 ? weight : weight / total) * ONE;
      weights[place * most + i] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
  }
  return { first, counts, weights, most };
}

/** Makes lines of `from` pixels into lines of `to`, pixels `step` and lines `stride` apart. */
function resizeLines(
  source: Uint8Array,
  result: Uint8Array,
  taps: Taps,
  place: { lines: number; step: number; sourceStride: number; resultStride: number },
): void {
  const { first, counts, weights, most } = taps;
  for (let line = 0; line < place.lines; line++) {
    for (let target = 0; target < first.length; target++) {
      let sum = HALF;
      let position = line * place.sourceStride + first[target] * place.step;
      for (let i = 0; i < counts[target]; i++, position += place.step) {
        sum += source[position] * weights[target * most + i];
      }
      result[line * place.resultStride + target * place.step] = Math.min(255, Math.max(0, sum >> PRECISION));
    }
  }
}

/**
 * Resizes as Pillow's `Image.resize` does on 8-bit images, to the bit: antialiased, along rows first and then along
 * columns, each pass with fixed-point weights and rounded to whole values.
 *
 * @throws RangeError when a size is not a positive integer.
 */
export function resize(image: Image, height: number, width: number, filter: ResizeFilter = "bilinear"): Image {
  requireImage("resize", image);
  for (const size of [height, width, image.height, image.width]) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(`resize: from ${image.height} × ${image.width} to ${height} × ${width}: sizes begin at 1`);
    }
  }
  const { channels } = image;
  let { data } = image;
  if (width !== image.width) {
    const rows = channels * image.height;
    const result = new Uint8Array(rows * width);
    const place = { lines: rows, step: 1, sourceStride: image.width, resultStride: width };
    resizeLines(data, result, makeTaps(image.width, width, KERNELS[filter]), place);
    data = result;
  }
  if (height !== image.height) {
    const taps = makeTaps(image.height, height, KERNELS[filter]);
    const result = new Uint8Array(channels * height * width);
    const place = { lines: width, step: width, sourceStride: 1, resultStride: 1 };
    for (let channel = 0; channel < channels; channel++) {
      const from = data.subarray(channel * image.height * width, (channel + 1) * image.height * width);
      resizeLines(from, result.subarray(channel * height * width, (channel + 1) * height * width), taps, place);
    }
    data = result;
  }
  return { channels, height, width, data };
}
