import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adaptiveAveragePool2d,
  adaptiveMaxPool2d,
  averagePool2d,
  backward,
  interpolate,
  maxPool2d,
} from "../../src/autograd/index.ts";
import { adaptiveWindows, slidingWindows } from "../../src/autograd/ops/pooling/geometry.ts";
import { type InterpolateOptions, resampling } from "../../src/autograd/ops/pooling/interpolate.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import type { ResampleGeometry } from "../../src/kernels/pooling/interpolate.ts";
import type { PoolGeometry } from "../../src/kernels/pooling/pooling.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { forEachWindow } from "../reference/pooling.ts";
import { openWith } from "../support/gpu.ts";
import { type Pending, ReadBatch } from "../support/read-batch.ts";
import { seeded } from "../support/values.ts";

const f = Math.fround;
const PLANES = 2;
const LENGTHS = [1, 2, 3, 5, 7, 8, 13, 17, 31, 65];

/** A pooling or resampling of [2, height, width], and what it gives and takes in f32, one operation after the other. */
interface Drawn {
  what: string;
  input: readonly [number, number];
  output: readonly [number, number];
  apply: (x: Tensor) => Tensor;
  value: (x: Float32Array) => Float32Array;
  gradient: (g: Float32Array, x: Float32Array) => Float32Array;
}

const sizeOfPlanes = ([height, width]: readonly [number, number]): number => PLANES * height * width;

/** Values that repeat, so that windows have several equal maxima. */
const drawValues = (length: number, random: () => number): Float32Array =>
  Float32Array.from({ length }, () => (random() < 0.2 ? 1.5 : 4 * random() - 2));

function averages(geometry: PoolGeometry): Pick<Drawn, "value" | "gradient"> {
  const plane = geometry.input[0] * geometry.input[1];
  return {
    value: (x) => {
      const y = new Float32Array(sizeOfPlanes(geometry.output));
      forEachWindow(PLANES, geometry, (o, index, places, count) => {
        let total = 0;
        for (const { position } of places) if (position !== null) total = f(total + x[index * plane + position]);
        y[o] = f(total / Math.max(count, 1));
      });
      return y;
    },
    gradient: (g) => {
      const dx = new Float32Array(sizeOfPlanes(geometry.input));
      forEachWindow(PLANES, geometry, (o, index, places, count) => {
        for (const { position } of places) {
          if (position !== null) dx[index * plane + position] = f(dx[index * plane + position] + f(g[o] / count));
        }
      });
      return dx;
    },
  };
}

function maxima(geometry: PoolGeometry): Pick<Drawn, "value" | "gradient"> {
  const plane = geometry.input[0] * geometry.input[1];
  const forEachMaximum = (x: Float32Array, visit: (o: number, position: number | null) => void): void =>
    forEachWindow(PLANES, geometry, (o, index, places) => {
      let best: number | null = null;
      for (const { position } of places) {
        if (position !== null && (best === null || x[index * plane + position] > x[best]))
          best = index * plane + position;
      }
      visit(o, best);
    });
  return {
    value: (x) => {
      const y = new Float32Array(sizeOfPlanes(geometry.output));
      forEachMaximum(x, (o, position) => {
        y[o] = position === null ? Number.NEGATIVE_INFINITY : x[position];
      });
      return y;
    },
    gradient: (g, x) => {
      const dx = new Float32Array(sizeOfPlanes(geometry.input));
      forEachMaximum(x, (o, position) => {
        if (position !== null) dx[position] = f(dx[position] + g[o]);
      });
      return dx;
    },
  };
}

function resampled(geometry: ResampleGeometry): Pick<Drawn, "value" | "gradient"> {
  const [[height, width], [outHeight, outWidth]] = [geometry.input, geometry.output];
  const placeOf = (o: number, axis: 0 | 1): [first: number, second: number, distance: number] => {
    const source = Math.max(f(f(f(geometry.scale[axis]) * f(o + geometry.offset)) - geometry.shift), 0);
    const first = Math.min(Math.floor(source), geometry.input[axis] - 1);
    return [first, Math.min(first + 1, geometry.input[axis] - 1), geometry.nearest ? 0 : f(source - first)];
  };
  const forEachOutput = (visit: (o: number, plane: number, down: number, right: number) => void): void => {
    for (let o = 0; o < sizeOfPlanes(geometry.output); o++) {
      visit(
        o,
        Math.floor(o / outWidth / outHeight) * height * width,
        Math.floor(o / outWidth) % outHeight,
        o % outWidth,
      );
    }
  };
  const sharesOf = (o: number, axis: 0 | 1): [number, number][] => {
    const [first, second, distance] = placeOf(o, axis);
    if (geometry.nearest) return [[first, 1]];
    if (first === second) return [[first, f(f(1 - distance) + distance)]];
    return [
      [first, f(1 - distance)],
      [second, distance],
    ];
  };
  return {
    value: (x) => {
      const y = new Float32Array(sizeOfPlanes(geometry.output));
      forEachOutput((o, plane, down, right) => {
        const [[top, bottom, h], [left, behind, w]] = [placeOf(down, 0), placeOf(right, 1)];
        const between = (row: number): number =>
          f(f(f(1 - w) * x[plane + row * width + left]) + f(w * x[plane + row * width + behind]));
        y[o] = geometry.nearest
          ? x[plane + top * width + left]
          : f(f(f(1 - h) * between(top)) + f(h * between(bottom)));
      });
      return y;
    },
    gradient: (g) => {
      const dx = new Float32Array(sizeOfPlanes(geometry.input));
      forEachOutput((o, plane, down, right) => {
        for (const [h, rowShare] of sharesOf(down, 0)) {
          for (const [w, columnShare] of sharesOf(right, 1)) {
            const [place, share] = [plane + h * width + w, f(rowShare * columnShare)];
            if (share !== 0) dx[place] = f(dx[place] + f(share * g[o]));
          }
        }
      });
      return dx;
    },
  };
}

function draw(random: () => number): Drawn {
  const among = <T>(choices: readonly T[]): T => choices[Math.floor(choices.length * random())];
  const upTo = (most: number): number => 1 + Math.floor(most * random());
  const pair = (make: () => number): [number, number] => [make(), make()];
  const input = pair(() => among(LENGTHS));
  const shape = [PLANES, ...input];
  const kind = among(["sliding", "sliding", "adaptive", "resampling"]);
  if (kind === "resampling") {
    const mode = among(["nearest", "nearest-exact", "bilinear", "bilinear"] as const);
    const options: InterpolateOptions =
      random() < 0.5 ? { size: pair(() => upTo(20)) } : { scaleFactor: pair(() => 1 + 2 * random()) };
    const all = { ...options, mode, alignCorners: mode === "bilinear" && random() < 0.5 };
    const geometry = resampling("interpolate", shape, all);
    return { what: JSON.stringify(all), ...geometry, apply: (x) => interpolate(x, all), ...resampled(geometry) };
  }
  const isMaximum = random() < 0.5;
  const rules = isMaximum ? maxima : averages;
  if (kind === "adaptive") {
    const size = pair(() => upTo(9));
    const geometry = adaptiveWindows("adaptive", shape, size);
    const apply = (x: Tensor): Tensor => (isMaximum ? adaptiveMaxPool2d : adaptiveAveragePool2d)(x, size);
    return { what: `adaptive ${size}`, ...geometry, apply, ...rules(geometry) };
  }
  const dilation = pair(() => upTo(3));
  const kernel = input.map((length, axis) => upTo(Math.min(4, Math.ceil(length / dilation[axis])))) as [number, number];
  const side = (axis: 0 | 1): [number, number] =>
    pair(() => Math.floor(random() * (dilation[axis] * (kernel[axis] - 1) + 1)));
  const options = {
    stride: pair(() => upTo(4)),
    padding: [side(0), side(1)] as const,
    dilation,
    ceilMode: random() < 0.5,
    countIncludePad: random() < 0.5,
  };
  const geometry = slidingWindows("sliding", shape, kernel, options);
  const apply = (x: Tensor): Tensor => (isMaximum ? maxPool2d : averagePool2d)(x, kernel, options);
  return { what: `${isMaximum} ${kernel} ${JSON.stringify(options)}`, ...geometry, apply, ...rules(geometry) };
}

describe.each([
  { title: "this machine's adapter", software: false },
  { title: "SwiftShader", software: true },
])("pooling and interpolation on $title", ({ software }) => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = (await openWith({ software })).use();
  });
  afterAll(() => gpu.close());

  it("agree in every bit with the same operations in the same order, over 200 random settings", async () => {
    const random = seeded(31);
    const batch = new ReadBatch(gpu);
    const runs: { what: string; results: Pending[]; expected: Float32Array[] }[] = [];
    for (let i = 0; i < 200; i++) {
      const { what, input, output, apply, value, gradient } = draw(random);
      const [x, g] = [drawValues(sizeOfPlanes(input), random), drawValues(sizeOfPlanes(output), random)];
      tidy(() => {
        const leaf = tensor(x, [PLANES, ...input]);
        leaf.requiresGrad = true;
        const y = apply(leaf);
        expect(y.shape).toEqual([PLANES, ...output]);
        const gradients = backward(y, { gradient: tensor(g, y.shape) });
        const results = [batch.add(y), batch.add(gradients.get(leaf)!)];
        runs.push({ what: `[${input}] ${what}`, results, expected: [value(x), gradient(g, x)] });
      });
    }
    await batch.read();
    const different = runs.filter(({ results, expected }) =>
      results.some((result, i) => {
        const values = result();
        return values.length !== expected[i].length || expected[i].some((wanted, k) => wanted !== values[k]);
      }),
    );
    expect(different.map(({ what }) => what)).toEqual([]);
  });
});
