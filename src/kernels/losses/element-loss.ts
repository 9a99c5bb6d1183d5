import elementLossSource from "../../../shaders/losses/element-loss.wgsl";
import { defineKernel, listVariants } from "../../gpu/index.ts";
import { broadcastShapes, expandView, type Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { including } from "../library.ts";
import { mergeAxes, twoVectors } from "../strided.ts";
import { forParts } from "../windows.ts";
import * as LOSSES from "./loss-functions.ts";

const specialization = ({ apply, uses }: LOSSES.LossFunction): Record<string, string> => ({
  apply,
  ...including(...uses),
});

const elementLossKernel = defineKernel({
  name: "element-loss",
  source: elementLossSource,
  bindings: { g: "read", x: "read", t: "read", p: "read", y: "read_write" },
  params: {
    shape0: "vec4<u32>",
    shape1: "vec4<u32>",
    gStrides0: "vec4<u32>",
    gStrides1: "vec4<u32>",
    xStrides0: "vec4<u32>",
    xStrides1: "vec4<u32>",
    tStrides0: "vec4<u32>",
    tStrides1: "vec4<u32>",
    pStrides0: "vec4<u32>",
    pStrides1: "vec4<u32>",
    yStrides0: "vec4<u32>",
    yStrides1: "vec4<u32>",
    count: "u32",
    rank: "u32",
    gOffset: "u32",
    xOffset: "u32",
    tOffset: "u32",
    pOffset: "u32",
    yOffset: "u32",
    hasPositiveWeight: "u32",
    number: "f32",
  },
});
listVariants(elementLossKernel, () => Object.values<LOSSES.LossFunction>(LOSSES).map(specialization));

export interface LossOperands {
  x: Tensor;
  target: Tensor;
  /** Factor of positive targets. */
  positiveWeight?: Tensor;
  /** The gradient that arrives, for slopes. */
  g?: Tensor;
  /** A number of the loss: where huber turns linear. */
  number?: number;
}

/** Applies a function of a prediction and a target, element by element; operands broadcast to a common shape. */
export function elementLoss(op: string, fn: LOSSES.LossFunction, operands: LossOperands): Tensor {
  const { x, target, positiveWeight, g, number = 0 } = operands;
  const given = [g ?? x, x, target, positiveWeight ?? x];
  const shape = given.map((operand) => operand.shape).reduce((a, b) => broadcastShapes(op, a, b));
  const y = output(op, x, shape);
  if (y.size === 0) return y;
  const variant = elementLossKernel.variant(specialization(fn));
  const views = given.map((operand) => expandView(operand, shape));
  forParts(op, [...views, y], (parts) => {
    const merged = mergeAxes(
      op,
      parts[4].shape,
      parts.map((part) => part.strides),
    );
    launch(
      op,
      variant,
      parts,
      {
        ...twoVectors("shape", merged.shape),
        ...twoVectors("gStrides", merged.strides[0]),
        ...twoVectors("xStrides", merged.strides[1]),
        ...twoVectors("tStrides", merged.strides[2]),
        ...twoVectors("pStrides", merged.strides[3]),
        ...twoVectors("yStrides", merged.strides[4]),
        count: parts[4].size,
        rank: merged.shape.length,
        hasPositiveWeight: positiveWeight ? 1 : 0,
        number,
      },
      gridOf(parts[4].size),
    );
  });
  for (const view of views) view.dispose();
  return y;
}
