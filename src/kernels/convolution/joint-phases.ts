import lanesSource from "../../../shaders/convolution/convolution-lanes.wgsl";
import operandsSource from "../../../shaders/convolution/convolution-operands.wgsl";
import phasesSource from "../../../shaders/convolution/convolution-phases.wgsl";
import tileSource from "../../../shaders/tile.wgsl";
import { defineKernel, linearGrid, listVariants } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { launch } from "../launch.ts";
import { passingRound, SUBGROUP } from "../subgroup.ts";
import { fixedSubgroupSize, SUBGROUP_SIZES } from "../variants/needs.ts";
import { convolutionFamily } from "./family.ts";
import { type ConvolutionGeometry, stridesOf } from "./geometry.ts";
import { convolutionFlops } from "./product.ts";

const phasesKernel = defineKernel({
  name: "convolution-phases",
  source: phasesSource,
  parts: [operandsSource, lanesSource, SUBGROUP, tileSource],
  bindings: { a: "read", s: "read", bias: "read", y: "read_write" },
  flops: (given) => {
    const params = given as Record<string, number>;
    const groups = params.tiles / (params.rowTiles * params.columnTiles * params.phaseTiles);
    const own = { ...params, groups, phasesY: params.strideY, phasesX: params.strideX };
    return convolutionFlops(own, ["M", "U", "V", "W", "I", "J", "L", "groups"]);
  },
  params: {
    M: "u32",
    U: "u32",
    V: "u32",
    W: "u32",
    I: "u32",
    J: "u32",
    L: "u32",
    aOffset: "u32",
    sOffset: "u32",
    biasOffset: "u32",
    yOffset: "u32",
    aM: "u32",
    aI: "u32",
    aJ: "u32",
    aL: "u32",
    aGroup: "u32",
    sU: "u32",
    sL: "u32",
    sRow: "u32",
    sColumn: "u32",
    sGroup: "u32",
    yM: "u32",
    yU: "u32",
    yV: "u32",
    yW: "u32",
    yGroup: "u32",
    height: "u32",
    width: "u32",
    strideY: "u32",
    strideX: "u32",
    paddingY: "u32",
    paddingX: "u32",
    rowTiles: "u32",
    columnTiles: "u32",
    phaseTiles: "u32",
    tiles: "u32",
    hasBias: "u32",
  },
});
listVariants(phasesKernel, () => SUBGROUP_SIZES.map(passingRound));

/** Channels, and phases, that a lane makes. */
const [ROWS, PHASES] = [4, 4];

/**
 * Whether several phases of an input gradient are better made at once: a strided convolution of few input channels, where
 * that is the family's choice. The choice never changes bits, only speed.
 */
export function prefersJointPhases(weight: Tensor, { stride, dilation, groups }: ConvolutionGeometry): boolean {
  const [outputs, channels] = weight.shape;
  const isFewInMany = channels <= 2 * ROWS && stride[0] * stride[1] >= PHASES;
  const isWhole = (outputs / groups) % 4 === 0 && dilation.every((step) => step === 1);
  return isFewInMany && isWhole && convolutionFamily.choose(weight.gpu).value.joinsPhases;
}

/** x[n, c, q] as `inputGradientKernel` gives it, four phases of pixels at a time. For what `prefersJointPhases`. */
export function jointPhasesKernel(
  op: string,
  g: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  x: Tensor,
  { stride, padding, groups }: ConvolutionGeometry,
): void {
  const [outputs, M, kernelHeight, kernelWidth] = weight.shape;
  const [images, , height, width] = x.shape;
  const [from, to, w] = [stridesOf(g), stridesOf(x), stridesOf(weight)];
  const L = outputs / groups;
  const size = fixedSubgroupSize(x.gpu)!;
  const rowTiles = Math.ceil(M / ROWS);
  const columns = images * Math.ceil(height / stride[0]) * Math.ceil(width / stride[1]);
  const columnTiles = Math.ceil(columns / (4 * Math.max(8, size)));
  const phaseTiles = Math.ceil((stride[0] * stride[1]) / PHASES);
  const tiles = rowTiles * columnTiles * phaseTiles * groups;
  launch(
    op,
    phasesKernel.variant(passingRound(size)),
    [weight, g, bias ? contiguous(bias) : weight, x],
    {
      ...{ M, U: images, V: height, W: width, I: kernelHeight, J: kernelWidth, L },
      ...{ aM: w.channel, aI: w.row, aJ: w.column, aL: w.image, aGroup: L * w.image },
      ...{ sU: from.image, sL: from.channel, sRow: from.row, sColumn: from.column, sGroup: L * from.channel },
      ...{ yM: to.channel, yU: to.image, yV: to.row, yW: to.column, yGroup: M * to.channel },
      ...{ height: g.shape[2], width: g.shape[3], strideY: stride[0], strideX: stride[1] },
      ...{ paddingY: padding[0][0], paddingX: padding[1][0] },
      ...{ rowTiles, columnTiles, phaseTiles, tiles, hasBias: bias ? 1 : 0 },
    },
    linearGrid(tiles),
  );
}
