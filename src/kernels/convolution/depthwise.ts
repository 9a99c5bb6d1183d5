import depthwiseSource from "../../../shaders/convolution/convolution-depthwise.wgsl";
import operandsSource from "../../../shaders/convolution/convolution-operands.wgsl";
import phaseSource from "../../../shaders/convolution/convolution-phase.wgsl";
import { defineKernel, linearGrid, listVariants, type Specialization } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { gridOf, launch } from "../launch.ts";

import { defineFamily } from "../variants/variants.ts";
import { type ConvolutionGeometry, phaseSteps, type SumParts, stridesOf } from "./geometry.ts";
import { convolutionFlops } from "./product.ts";

const specialization = (slides: boolean, isPlane: boolean): Specialization => ({ SLIDE: slides, PLANES: isPlane });

const depthwiseKernel = defineKernel({
  name: "convolution-depthwise",
  source: depthwiseSource,
  parts: [phaseSource, operandsSource],
  bindings: { a: "read", s: "read", bias: "read", y: "read_write" },
  flops: (params) => convolutionFlops(params, ["E", "O", "V", "W", "I", "J", "L"]),
  params: {
    E: "u32",
    O: "u32",
    V: "u32",
    W: "u32",
    I: "u32",
    J: "u32",
    L: "u32",
    aOffset: "u32",
    sOffset: "u32",
    biasOffset: "u32",
    yOffset: "u32",
    aO: "u32",
    aI: "u32",
    aJ: "u32",
    aL: "u32",
    sImage: "u32",
    sChannel: "u32",
    sI: "u32",
    sRow: "u32",
    sColumn: "u32",
    yE: "u32",
    yO: "u32",
    yV: "u32",
    yW: "u32",
    multiplier: "u32",
    height: "u32",
    width: "u32",
    vStep: "i32",
    wStep: "i32",
    jY: "i32",
    lX: "i32",
    shiftY: "i32",
    shiftX: "i32",
    phasesY: "u32",
    phasesX: "u32",
    dilationY: "u32",
    dilationX: "u32",
    tapStepY: "u32",
    tapStepX: "u32",
    partIJ: "u32",
    partL: "u32",
    partsL: "u32",
    parts: "u32",
    octets: "u32",
    strips: "u32",
    stripRows: "u32",
    planes: "u32",
    hasBias: "u32",
  },
});
listVariants(depthwiseKernel, () =>
  [true, false].flatMap((slides) => [true, false].map((isPlane) => specialization(slides, isPlane))),
);

type Params = Record<string, number>;

/** What the operations have in common: everything else is left at the values of an unphased, undivided sum. */
const DEFAULTS: Params = {
  ...{ I: 1, aI: 0, sI: 0, sImage: 0, multiplier: 1, parts: 1, stripRows: 1 },
  ...{ phasesY: 1, phasesX: 1, dilationY: 1, dilationX: 1, tapStepY: 1, tapStepX: 1 },
};

function run(op: string, [a, s, y]: Tensor[], bias: Tensor | undefined, isPlane: boolean, given: Params): void {
  const params: Params = { ...DEFAULTS, ...given };
  const { E, O, V, W, I, J, L, phasesY, phasesX, stripRows } = params;
  const { partIJ = Math.max(1, I * J), partL = Math.max(1, L) } = params;
  // The first phase is the largest.
  const octets = Math.ceil(Math.ceil(W / phasesX) / 8);
  const strips = Math.ceil(Math.ceil(V / phasesY) / stripRows);
  const planes = phasesX * phasesY * O * E;
  const slides = Math.abs(params.lX) === params.wStep;
  launch(
    op,
    depthwiseKernel.variant(specialization(slides, isPlane)),
    [a, s, bias ? contiguous(bias) : a, y],
    {
      ...{ ...params, partIJ, partL, partsL: Math.max(1, Math.ceil(L / partL)) },
      ...{ octets, strips, planes, hasBias: bias ? 1 : 0 },
    },
    isPlane ? linearGrid(planes * Math.ceil((octets * strips) / 64)) : gridOf(octets * strips * planes),
  );
}

/** Never changes bits. */
const family = defineFamily({
  name: "depthwise",
  candidates: [
    {
      name: "strip",
      value: 8,
    },
    { name: "row", value: 1 },
  ],
});

/** Rows a lane makes of an image. */
const stripOf = ({ gpu }: Tensor): number => family.choose(gpu).value;

/** y = x ⋆ weight (+ bias) with one input channel a group, into views that can be bound. */
export function depthwiseForwardKernel(
  op: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  { stride, padding, dilation, groups }: ConvolutionGeometry,
): void {
  const [outputs, , kernelHeight, kernelWidth] = weight.shape;
  const [images, , height, width] = y.shape;
  const [from, to, w] = [stridesOf(x), stridesOf(y), stridesOf(weight)];
  run(op, [weight, x, y], bias, true, {
    ...{ E: images, O: outputs, V: height, W: width, J: kernelHeight, L: kernelWidth },
    ...{ aO: w.image, aJ: w.row, aL: w.column, multiplier: outputs / groups },
    ...{ sImage: from.image, sChannel: from.channel, sRow: from.row, sColumn: from.column },
    ...{ yE: to.image, yO: to.channel, yV: to.row, yW: to.column, stripRows: stripOf(y) },
    ...{ height: x.shape[2], width: x.shape[3], vStep: stride[0], wStep: stride[1] },
    ...{ jY: dilation[0], lX: dilation[1], shiftY: -padding[0][0], shiftX: -padding[1][0] },
  });
}

/** The gradient with respect to x (+ bias), with one input and one output channel a group. */
export function depthwiseInputGradientKernel(
  op: string,
  g: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  x: Tensor,
  geometry: ConvolutionGeometry,
): void {
  const [outputs, , kernelHeight, kernelWidth] = weight.shape;
  const [images, , height, width] = x.shape;
  const [from, to, w] = [stridesOf(g), stridesOf(x), stridesOf(weight)];
  const { moveY, moveX, ...phases } = phaseSteps(geometry);
  run(op, [weight, g, x], bias, true, {
    ...{ E: images, O: outputs, V: height, W: width, J: kernelHeight, L: kernelWidth },
    ...{ aO: w.image, aJ: w.row, aL: w.column },
    ...{ sImage: from.image, sChannel: from.channel, sRow: from.row, sColumn: from.column },
    ...{ yE: to.image, yO: to.channel, yV: to.row, yW: to.column, stripRows: stripOf(x) },
    ...{ height: g.shape[2], width: g.shape[3], vStep: 1, wStep: 1, ...phases, jY: moveY, lX: moveX },
    ...{ shiftY: geometry.padding[0][0], shiftX: geometry.padding[1][0] },
  });
}

/** partials[part, o, 0, tap] as `weightGradientKernel` gives them, with one input channel a group. */
export function depthwiseWeightGradientKernel(
  op: string,
  x: Tensor,
  g: Tensor,
  partials: Tensor,
  { rows, columns, count }: SumParts,
  { stride, padding, dilation, groups }: ConvolutionGeometry,
): void {
  const [, outputs, , kernelHeight, kernelWidth] = partials.shape;
  const [images, , height, width] = g.shape;
  const [from, gradient] = [stridesOf(x), stridesOf(g)];
  const [yE, yO, , yV, yW] = partials.strides;
  run(op, [g, x, partials], undefined, false, {
    ...{ E: count, parts: count, O: outputs, V: kernelHeight, W: kernelWidth, I: images, J: height, L: width },
    ...{ aO: gradient.channel, aI: gradient.image, aJ: gradient.row, aL: gradient.column },
    ...{ multiplier: outputs / groups, sChannel: from.channel, sI: from.image, sRow: from.row, sColumn: from.column },
    ...{ yE, yO, yV, yW, partIJ: rows, partL: columns },
    ...{ height: x.shape[2], width: x.shape[3], vStep: dilation[0], wStep: dilation[1] },
    ...{ jY: stride[0], lX: stride[1], shiftY: -padding[0][0], shiftX: -padding[1][0] },
  });
}
