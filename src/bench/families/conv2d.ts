import channels from "../../../shaders/bench/conv2d-channels.wgsl";
import naive from "../../../shaders/bench/conv2d-naive.wgsl";
import tile from "../../../shaders/bench/conv2d-tile.wgsl";
import { convolveInto } from "../../kernels/convolution/convolve.ts";
import { output } from "../../kernels/launch.ts";
import { engineCandidates } from "../engine.ts";
import type { Family, Sizes } from "../family.ts";
import type { Candidate, Problem } from "../problem.ts";
import { bytesOf, floats, sumTolerance } from "../values.ts";
import { type Convolution, convolutionReference, outputShape } from "./convolution-reference.ts";

/** Zeros around the images, so that with stride 1 an odd kernel keeps their size. */
const paddingOf = (K: number): number => Math.floor(K / 2);

const convolutionOf = ({ B, C, H, W, O, K, S }: Sizes): Convolution => ({
  x: [B, C, H, W],
  weight: [O, C, K, K],
  stride: S,
  padding: paddingOf(K),
});

function problem(sizes: Sizes): Problem {
  const convolution = convolutionOf(sizes);
  const y = outputShape(convolution);
  const [x, weight] = [floats("x", convolution.x, 1), floats("weight", convolution.weight, 2)];
  const terms = sizes.C * sizes.K ** 2;
  const { forward } = convolutionReference(convolution, { x: x.values, weight: weight.values });
  return {
    inputs: [x, weight],
    results: [{ name: "y", shape: y, tolerance: sumTolerance(terms), expected: forward }],
    operations: 2 * terms * y.reduce((product, length) => product * length, 1),
    bytes: bytesOf(x.shape, weight.shape, y),
  };
}

const engine = (sizes: Sizes): Candidate[] =>
  engineCandidates("convolution", {
    name: "engine",
    adds: "The engine's own kernel: one implicit matrix product without columns in memory, its tile chosen for this adapter.",
    prepare: ({ x, weight }) => {
      const { stride, padding, ...shapes } = convolutionOf(sizes);
      const around: [number, number] = [padding, padding];
      const geometry = {
        stride: [stride, stride] as [number, number],
        padding: [around, around] as [[number, number], [number, number]],
        dilation: [1, 1] as [number, number],
        groups: 1,
      };
      const shape = outputShape({ ...shapes, stride, padding });
      return () => {
        const y = output("conv2d", x, shape);
        convolveInto("conv2d", x, weight, undefined, y, geometry);
        return [y];
      };
    },
  });

export const conv2d: Family = {
  name: "conv2d",
  computes: "y = x ⋆ weight for x [B, C, H, W] and weight [O, C, K, K], stride S, ⌊K / 2⌋ zeros around",
  dimensions: ["B", "C", "H", "W", "O", "K", "S"],
  sizeForms: "BxCxHxWxOxK or BxCxHxWxOxKxS",
  defaultSize: { software: "1x64x56x56x64x3", hardware: "32x64x56x56x64x3" },
  tinySize: "2x3x7x9x5x3x2",
  expand: (numbers) => {
    if (numbers.length !== 6 && numbers.length !== 7) return undefined;
    const [B, C, H, W, O, K, S = 1] = numbers;
    return Math.min(H, W) + 2 * paddingOf(K) >= K ? [B, C, H, W, O, K, S] : undefined;
  },
  shapes: (sizes) => {
    const convolution = convolutionOf(sizes);
    return { x: convolution.x, weight: convolution.weight, y: outputShape(convolution) };
  },
  problem,
  contract: (sizes) => {
    const [, , P, Q] = outputShape(convolutionOf(sizes));
    const { B, C, H, W, O, K, S } = sizes;
    const values = { B, C, H, W, O, K, S, Z: paddingOf(K), P, Q };
    const u32 = "u32" as const;
    return {
      reads: ["x", "weight"],
      writes: ["y"],
      params: { B: u32, C: u32, H: u32, W: u32, O: u32, K: u32, S: u32, Z: u32, P: u32, Q: u32 },
      values,
    };
  },
  rungs: [
    { name: "naive", adds: "One invocation makes one element and walks all channels and taps for it.", wgsl: naive },
    {
      name: "channels",
      adds: "An invocation makes four channels of one pixel: each number of x it reads is used four times.",
      wgsl: channels,
    },
    {
      name: "tile",
      adds: "An invocation makes four channels of four pixels: each number of x and of the weight is used four times.",
      wgsl: tile,
    },
  ],
  engine,
};
