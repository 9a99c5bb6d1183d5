import type { Expected } from "../problem.ts";

/** A 2D convolution of x [B, C, H, W] with weight [O, C / groups, KH, KW]. */
export interface Convolution {
  readonly x: readonly [number, number, number, number];
  readonly weight: readonly [number, number, number, number];
  readonly stride: number;
  readonly padding: number;
  /** 1 when not given. */
  readonly groups?: number;
}

/** [B, O, P, Q] */
export function outputShape({ x, weight, stride, padding }: Convolution): [number, number, number, number] {
  const length = (axis: 2 | 3): number => Math.floor((x[axis] + 2 * padding - weight[axis]) / stride) + 1;
  return [x[0], weight[0], length(2), length(3)];
}

/** Single elements of a convolution and of its gradients in double precision. */
export function convolutionReference(
  convolution: Convolution,
  values: { x: Float32Array; weight: Float32Array; g?: Float32Array },
): Record<"forward" | "inputGradient" | "weightGradient", (position: number) => Expected> {
  const { stride, padding, groups = 1 } = convolution;
  const [B, C, H, W] = convolution.x;
  const [O, perGroup, KH, KW] = convolution.weight;
  const outputsPerGroup = O / groups;
  const firstChannel = (o: number): number => Math.floor(o / outputsPerGroup) * perGroup;
  const [, , P, Q] = outputShape(convolution);
  const { x, weight, g = new Float32Array(0) } = values;
  const split = (position: number, [, b, c, d]: readonly number[]): [number, number, number, number] => [
    Math.floor(position / (b * c * d)),
    Math.floor(position / (c * d)) % b,
    Math.floor(position / d) % c,
    position % d,
  ];
  const sumOf = (visit: (add: (a: number, b: number) => void) => void): Expected => {
    let [value, scale] = [0, 0];
    visit((a, b) => {
      value += a * b;
      scale += Math.abs(a * b);
    });
    return { value, scale };
  };
  const xAt = (n: number, c: number, row: number, column: number): number =>
    row < 0 || row >= H || column < 0 || column >= W ? 0 : x[((n * C + c) * H + row) * W + column];
  const weightAt = (o: number, c: number, i: number, j: number): number =>
    weight[((o * perGroup + c) * KH + i) * KW + j];
  const gAt = (n: number, o: number, p: number, q: number): number => g[((n * O + o) * P + p) * Q + q];
  return {
    forward: (position) => {
      const [n, o, p, q] = split(position, [B, O, P, Q]);
      return sumOf((add) => {
        for (let c = 0; c < perGroup; c++)
          for (let i = 0; i < KH; i++)
            for (let j = 0; j < KW; j++) {
              const channel = firstChannel(o) + c;
              add(xAt(n, channel, p * stride - padding + i, q * stride - padding + j), weightAt(o, c, i, j));
            }
      });
    },
    inputGradient: (position) => {
      const [n, c, row, column] = split(position, [B, C, H, W]);
      return sumOf((add) => {
        for (let i = 0; i < KH; i++)
          for (let j = 0; j < KW; j++) {
            const [p, q] = [(row + padding - i) / stride, (column + padding - j) / stride];
            if (!Number.isInteger(p) || !Number.isInteger(q) || p < 0 || p >= P || q < 0 || q >= Q) continue;
            const first = Math.floor(c / perGroup) * outputsPerGroup;
            for (let o = first; o < first + outputsPerGroup; o++) add(gAt(n, o, p, q), weightAt(o, c % perGroup, i, j));
          }
      });
    },
    weightGradient: (position) => {
      const [o, c, i, j] = split(position, [O, perGroup, KH, KW]);
      return sumOf((add) => {
        for (let n = 0; n < B; n++)
          for (let p = 0; p < P; p++)
            for (let q = 0; q < Q; q++)
              add(gAt(n, o, p, q), xAt(n, firstChannel(o) + c, p * stride - padding + i, q * stride - padding + j));
      });
    },
  };
}
