import { conv2d } from "../../autograd/index.ts";
import { sizeOf } from "../../tensor/index.ts";
import { type Convolution, convolutionReference, outputShape } from "../families/convolution-reference.ts";
import type { Problem } from "../problem.ts";
import { bytesOf, floats, sumTolerance } from "../values.ts";
import { type OpRow, opRows } from "./op-row.ts";

function problemOf(convolution: Convolution, isBackward: boolean): Problem {
  const y = outputShape(convolution);
  const [x, weight] = [floats("x", convolution.x, 1), floats("weight", convolution.weight, 2)];
  const g = floats("g", y, 3);
  const reference = convolutionReference(convolution, { x: x.values, weight: weight.values, g: g.values });
  const [, inputs, ...kernel] = convolution.weight;
  const terms = inputs * sizeOf(kernel);
  const operations = 2 * sizeOf(y) * terms;
  if (!isBackward) {
    return {
      inputs: [x, weight],
      results: [{ name: "y", shape: y, tolerance: sumTolerance(terms), expected: reference.forward }],
      operations,
      bytes: bytesOf(x.shape, weight.shape, y),
    };
  }
  return {
    inputs: [x, weight, g],
    results: [
      {
        name: "x's gradient",
        shape: x.shape,
        tolerance: sumTolerance((y[1] / (convolution.groups ?? 1)) * sizeOf(kernel)),
        expected: reference.inputGradient,
      },
      {
        name: "weight's gradient",
        shape: weight.shape,
        tolerance: sumTolerance(y[0] * y[2] * y[3]),
        expected: reference.weightGradient,
      },
    ],
    operations: 2 * operations,
    bytes: bytesOf(x.shape, weight.shape, y, x.shape, weight.shape),
  };
}

/** A convolution, forward and backward. */
export const convolution = (id: string, title: string, own: Convolution): OpRow[] =>
  opRows(
    id,
    title,
    ["x", "weight"],
    (x, weight) => conv2d(x, weight, undefined, { stride: own.stride, padding: own.padding, groups: own.groups }),
    {
      forward: () => problemOf(own, false),
      backward: () => problemOf(own, true),
    },
  );

export const CONVOLUTIONS: readonly OpRow[] = [
  ...convolution("conv-3x3", "3×3 convolution, 64 → 64 channels, 56 × 56, batch 4", {
    x: [4, 64, 56, 56],
    weight: [64, 64, 3, 3],
    stride: 1,
    padding: 1,
  }),
  ...convolution("conv-7x7-stride-2", "7×7 convolution, stride 2, 3 → 64 channels, 224 × 224", {
    x: [1, 3, 224, 224],
    weight: [64, 3, 7, 7],
    stride: 2,
    padding: 3,
  }),
  ...convolution("conv-1x1", "1×1 convolution, 256 → 64 channels, 56 × 56", {
    x: [1, 256, 56, 56],
    weight: [64, 256, 1, 1],
    stride: 1,
    padding: 0,
  }),
  ...convolution("conv-depthwise-3x3", "Depthwise 3×3 convolution, 64 channels, 56 × 56, batch 4", {
    ...{ x: [4, 64, 56, 56], weight: [64, 1, 3, 3], stride: 1, padding: 1, groups: 64 },
  }),
];
