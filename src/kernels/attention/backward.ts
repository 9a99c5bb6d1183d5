import arithmeticSource from "../../../shaders/attention/attention-arithmetic.wgsl";
import backwardSource from "../../../shaders/attention/attention-backward.wgsl";
import backwardSharedSource from "../../../shaders/attention/attention-backward-shared.wgsl";
import gradientsSource from "../../../shaders/attention/attention-gradients.wgsl";
import lanesSource from "../../../shaders/attention/attention-lanes.wgsl";
import rowDotsSource from "../../../shaders/attention/attention-row-dots.wgsl";
import tileSource from "../../../shaders/tile.wgsl";
import {
  defineKernel,
  joined,
  type KernelDefinition,
  linearGrid,
  listVariants,
  type Specialization,
} from "../../gpu/index.ts";
import { expandView, type Tensor, tidy, transposeView } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { SUBGROUP } from "../subgroup.ts";
import { attentionFlops } from "./flops.ts";
import {
  type AttentionInputs,
  alignOperands,
  areVectors,
  coverOf,
  type Operand,
  type Part,
  partsOf,
  stridesOf,
} from "./operands.ts";
import { byElements, DROPPED, droppingOf, EXPONENTIAL, maskings, SUBGROUP_TILES, tileFor } from "./variants.ts";

const BY_ELEMENTS = byElements("X", "Y", "U", "V");
const DOTS_BY_ELEMENTS = byElements("Y", "G");
const OVER_KEYS: Specialization = { OVER_KEYS: "true" };
/** One kernel for queries as for keys and values. */
const BOTH: Specialization = joined(OVER_KEYS, { isOverKeys: "return params.secondPlace != NOWHERE;" });
/** The place of what there is not. */
const NOWHERE = 0xffffffff;

/**
 * What says on which side the gradients are. On wide subgroups, those of processors, one kernel makes both, since compiling
 * each takes longer than a first step, and a branch that none takes costs them nothing; SwiftShader's would cost.
 */
const sidesOf = ({ LANES = 0 }: Specialization): readonly Specialization[] =>
  Number(LANES) > 4 ? [BOTH, BOTH] : [{}, OVER_KEYS];

const common: Pick<KernelDefinition, "library" | "bindings" | "flops" | "params"> = {
  // Three products for the gradient of queries, four for those of keys and values: the mean of both.
  flops: (params) => attentionFlops(params, 2, 1.5),
  bindings: {
    x: "read",
    y: "read",
    u: "read",
    v: "read",
    mask: "read",
    bias: "read",
    statistics: "read",
    results: "read_write",
  },
  params: {
    axes: "vec4<u32>",
    xStrides: "vec4<u32>",
    yStrides: "vec4<u32>",
    uStrides: "vec4<u32>",
    vStrides: "vec4<u32>",
    maskStrides: "vec4<u32>",
    biasStrides: "vec4<u32>",
    statisticsStrides: "vec4<u32>",
    firstStrides: "vec4<u32>",
    secondStrides: "vec4<u32>",
    columns: "u32",
    groups: "u32",
    width: "u32",
    valueWidth: "u32",
    maskColumn: "u32",
    biasColumn: "u32",
    reach: "i32",
    step: "i32",
    scale: "f32",
    four: "u32",
    seed0: "u32",
    seed1: "u32",
    threshold: "u32",
    keptScale: "f32",
    firstPlace: "u32",
    secondPlace: "u32",
    xOffset: "u32",
    yOffset: "u32",
    uOffset: "u32",
    vOffset: "u32",
    maskOffset: "u32",
    biasOffset: "u32",
    statisticsOffset: "u32",
    resultsOffset: "u32",
  },
};

const specs = (tiles: readonly Specialization[]): Specialization[] =>
  tiles.flatMap((tile) =>
    [...new Set(sidesOf(tile))].flatMap((side) =>
      maskings.flatMap((masks) =>
        [{}, BY_ELEMENTS].map((loads) => ({ ...tile, ...EXPONENTIAL, ...side, ...loads, ...masks })),
      ),
    ),
  );

const subgroupKernel = defineKernel(
  joined(common, {
    name: "attention-backward",
    source: backwardSource,
    parts: [gradientsSource, lanesSource, SUBGROUP, arithmeticSource, tileSource],
  }),
);
listVariants(subgroupKernel, () => specs(SUBGROUP_TILES));

const workgroupKernel = defineKernel(
  joined(common, {
    name: "attention-backward-shared",
    source: backwardSharedSource,
    parts: [gradientsSource, arithmeticSource, tileSource],
  }),
);
listVariants(workgroupKernel, () => specs([{}]));

const rowDotsKernel = defineKernel({
  name: "attention-row-dots",
  source: rowDotsSource,
  bindings: { y: "read", g: "read", statistics: "read", result: "read_write" },
  params: {
    axes: "vec4<u32>",
    yStrides: "vec4<u32>",
    gStrides: "vec4<u32>",
    statisticsStrides: "vec4<u32>",
    resultStrides: "vec4<u32>",
    count: "u32",
    width: "u32",
    yOffset: "u32",
    gOffset: "u32",
    statisticsOffset: "u32",
    resultOffset: "u32",
  },
});
listVariants(rowDotsKernel, () => [DOTS_BY_ELEMENTS]);

/** What the forward pass left, and where the gradients go. */
export interface AttentionGradients {
  /** The result and its gradient, [...batch, groups, Q, value width]. */
  y: Tensor;
  g: Tensor;
  /** As `attentionForward` returned them. */
  statistics: Tensor;
  /** Views to write: [...batch, groups, Q, width]. */
  dQuery?: Tensor;
  /** [...batch, 1, K, width] and [...batch, 1, K, value width], with 1 for groups that share keys; views of one storage. */
  dKeyAndValue?: readonly [Tensor, Tensor];
}

/**
 * Writes gradients of attention: one dispatch for the dot products of rows, one for the queries, and one for keys and
 * values. Probabilities are made anew from the scores. Gradients of keys and values have all batch axes of the result.
 */
export function attentionBackward(op: string, inputs: AttentionInputs, gradients: AttentionGradients): void {
  const { query, key, value, mask, bias } = inputs;
  const { y, g, dQuery, dKeyAndValue } = gradients;
  const batch = y.shape.slice(0, -2);
  const scores = [...batch, query.shape[query.rank - 2], key.shape[key.rank - 2]];
  tidy(() => {
    const statistics = rowDots(op, gradients);
    const operand = (view: Tensor, hasRows: boolean, use: Operand["use"] = "operand"): Operand => ({
      view,
      hasRows,
      use,
    });
    const masks = (turn: (x: Tensor) => Tensor): Operand[] =>
      [mask, bias].flatMap((x) => (x ? [operand(turn(expandView(x, scores)), true, "mask")] : []));
    if (dQuery && dQuery.size > 0) {
      const operands = alignOperands(op, batch, [
        operand(query, true),
        operand(g, true),
        operand(key, false),
        operand(value, false),
        operand(statistics, true, "mask"),
        operand(dQuery, true, "result"),
        ...masks((x) => x),
      ]);
      for (const part of partsOf(op, operands, inputs.dropout)) run(op, part, inputs, false);
    }
    if (dKeyAndValue?.some(({ size }) => size > 0)) {
      const [dKey, dValue] = dKeyAndValue;
      const operands = alignOperands(op, batch, [
        operand(key, true),
        operand(value, true),
        operand(query, false),
        operand(g, false),
        operand(statistics, false, "mask"),
        operand(dKey, true, "result"),
        operand(dValue, true, "result"),
        ...masks((x) => transposeView(x)),
      ]);
      for (const part of partsOf(op, operands, inputs.dropout)) run(op, part, inputs, true);
    }
  });
}

/** [...batch, groups, Q, 4]: the statistics of the forward pass, and the dot product of y and its gradient. */
function rowDots(op: string, { y, g, statistics }: AttentionGradients): Tensor {
  const batch = y.shape.slice(0, -2);
  const result = output(op, y, [...y.shape.slice(0, -1), 4]);
  const operands = alignOperands(op, batch, [
    { view: y, hasRows: true, use: "operand" },
    { view: g, hasRows: true, use: "operand" },
    { view: statistics, hasRows: true, use: "mask" },
    { view: result, hasRows: true, use: "result" },
  ]);
  for (const { views } of partsOf(op, operands)) {
    const axes = views[0].shape.slice(0, 4);
    const count = axes.reduce((product, length) => product * length, 1);
    const strides = views.map(stridesOf);
    launch(
      op,
      rowDotsKernel.variant(areVectors(views.slice(0, 2)) ? {} : DOTS_BY_ELEMENTS),
      views,
      {
        axes,
        yStrides: strides[0],
        gStrides: strides[1],
        statisticsStrides: strides[2],
        resultStrides: strides[3],
        count,
        width: views[0].shape[4],
      },
      gridOf(count),
    );
  }
  return result;
}

/** One dispatch: of the gradient of queries, or of those of keys and values. */
function run(op: string, { views, begin }: Part, inputs: AttentionInputs, overKeys: boolean): void {
  const { scale, reach, dropout } = inputs;
  const [x, y, u, v, statistics, first, ...rest] = views;
  const second = overKeys ? rest[0] : first;
  const masks = overKeys ? rest.slice(1) : rest;
  const mask = inputs.mask && masks[0];
  const bias = inputs.bias && masks[masks.length - 1];
  const { gpu } = x;
  const [outer, inner, groups, rows] = first.shape;
  const [width, valueWidth] = [x.shape[4], y.shape[4]];
  const columns = u.shape[3];
  const tile = tileFor(gpu, rows, overKeys ? Math.max(width, valueWidth) : width);
  const spec: Specialization = {
    ...tile.spec,
    ...EXPONENTIAL,
    ...sidesOf(tile.spec)[overKeys ? 1 : 0],
    ...(areVectors([x, y, u, v]) ? {} : BY_ELEMENTS),
    ...(mask ? { MASKED: "true" } : {}),
    ...(bias ? { BIASED: "true" } : {}),
    ...(dropout ? DROPPED : {}),
  };
  const rowTiles = Math.ceil(rows / tile.rows);
  const slices = Math.ceil((overKeys ? Math.max(width, valueWidth) : width) / tile.columns);
  const workgroups = outer * inner * groups * rowTiles * slices;
  const cover = coverOf([first, second]);
  const none = [0, 0, 0, 0];
  // Query i sees the keys before reach + i; cut rows count from their first.
  const shift = overKeys ? -begin : begin;
  launch(
    op,
    (tile.isShared ? workgroupKernel : subgroupKernel).variant(spec),
    [x, y, u, v, mask ?? x, bias ?? x, statistics, cover],
    {
      axes: [outer, inner, groups, rows],
      xStrides: stridesOf(x),
      yStrides: stridesOf(y),
      uStrides: stridesOf(u),
      vStrides: stridesOf(v),
      maskStrides: mask ? stridesOf(mask) : none,
      biasStrides: bias ? stridesOf(bias) : none,
      statisticsStrides: stridesOf(statistics),
      firstStrides: stridesOf(first),
      secondStrides: stridesOf(second),
      columns,
      groups: overKeys ? u.shape[2] : 1,
      width,
      valueWidth,
      maskColumn: mask?.strides[4] ?? 0,
      biasColumn: bias?.strides[4] ?? 0,
      reach: reach === undefined ? (overKeys ? rows : columns) : reach + shift,
      step: reach === undefined ? 0 : 1,
      scale,
      four: 4,
      ...droppingOf(dropout),
      firstPlace: first.offset - cover.offset,
      secondPlace: overKeys ? second.offset - cover.offset : NOWHERE,
    },
    linearGrid(workgroups),
  );
}
