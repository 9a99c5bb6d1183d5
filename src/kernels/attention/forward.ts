import attentionSource from "../../../shaders/attention/attention.wgsl";
import arithmeticSource from "../../../shaders/attention/attention-arithmetic.wgsl";
import lanesSource from "../../../shaders/attention/attention-lanes.wgsl";
import scoresSource from "../../../shaders/attention/attention-scores.wgsl";
import attentionSharedSource from "../../../shaders/attention/attention-shared.wgsl";
import tileSource from "../../../shaders/tile.wgsl";
import {
  defineKernel,
  joined,
  type KernelDefinition,
  linearGrid,
  listVariants,
  type Specialization,
} from "../../gpu/index.ts";
import { expandView, type Tensor, tidy } from "../../tensor/index.ts";
import { launch, output, requireFloat32 } from "../launch.ts";
import { SUBGROUP } from "../subgroup.ts";
import { attentionFlops } from "./flops.ts";
import { type AttentionInputs, alignOperands, areVectors, type Operand, partsOf, stridesOf } from "./operands.ts";
import {
  byElements,
  DROPPED,
  droppingOf,
  EXPONENTIAL,
  maskings,
  SUBGROUP_TILES,
  tileFor,
  WIDE_TILES,
} from "./variants.ts";

const BY_ELEMENTS = byElements("Q", "K", "V");

const common: Pick<KernelDefinition, "library" | "bindings" | "flops" | "params"> = {
  flops: (params) => attentionFlops(params, 1, 1),
  bindings: { q: "read", k: "read", v: "read", mask: "read", bias: "read", y: "read_write", statistics: "read_write" },
  params: {
    axes: "vec4<u32>",
    qStrides: "vec4<u32>",
    kStrides: "vec4<u32>",
    vStrides: "vec4<u32>",
    maskStrides: "vec4<u32>",
    biasStrides: "vec4<u32>",
    yStrides: "vec4<u32>",
    statisticsStrides: "vec4<u32>",
    workgroups: "u32",
    rowTiles: "u32",
    slices: "u32",
    columns: "u32",
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
    qOffset: "u32",
    kOffset: "u32",
    vOffset: "u32",
    maskOffset: "u32",
    biasOffset: "u32",
    yOffset: "u32",
    statisticsOffset: "u32",
  },
};

const specs = (tiles: readonly Specialization[]): Specialization[] =>
  maskings.flatMap((masks) =>
    [{}, BY_ELEMENTS].flatMap((loads) => tiles.map((tile) => ({ ...tile, ...EXPONENTIAL, ...loads, ...masks }))),
  );

const subgroupKernel = defineKernel(
  joined(common, {
    name: "attention",
    source: attentionSource,
    parts: [scoresSource, lanesSource, SUBGROUP, arithmeticSource, tileSource],
  }),
);
listVariants(subgroupKernel, () => specs([...SUBGROUP_TILES, ...WIDE_TILES]));

const workgroupKernel = defineKernel(
  joined(common, {
    name: "attention-shared",
    source: attentionSharedSource,
    parts: [scoresSource, arithmeticSource, tileSource],
  }),
);
listVariants(workgroupKernel, () => specs([{}]));

/**
 * y = softmax(scale · Q Kᵀ + bias) V, written into the view `y` [...batch, groups, Q, value width]. Returns what the
 * backward pass needs of each row, [...batch, groups, Q, 2]: the largest exponent N, a whole number, and
 * 2^N / Σ e^score, from which the log of the sum is N ln 2 less the second's logarithm.
 */
export function attentionForward(op: string, inputs: AttentionInputs, y: Tensor): Tensor {
  const { query, key, value, mask, bias, scale, reach, dropout } = inputs;
  requireFloat32(op, query, key, value, ...(bias ? [bias] : []));
  const batch = y.shape.slice(0, -2);
  const statistics = output(op, query, [...y.shape.slice(0, -1), 2]);
  if (statistics.size === 0) return statistics;
  tidy(() => {
    const scores = [...batch, query.shape[query.rank - 2], key.shape[key.rank - 2]];
    const operands = alignOperands(op, batch, [
      { view: query, hasRows: true, use: "operand" },
      { view: key, hasRows: false, use: "operand" },
      { view: value, hasRows: false, use: "operand" },
      { view: y, hasRows: true, use: "result" },
      { view: statistics, hasRows: true, use: "written" },
      ...[mask, bias].flatMap((x): Operand[] =>
        x ? [{ view: expandView(x, scores), hasRows: true, use: "mask" }] : [],
      ),
    ]);
    for (const { views, begin } of partsOf(op, operands, dropout)) {
      const [q, k, v, target, rows, ...masks] = views;
      run(op, [q, k, v, target, rows], {
        mask: mask && masks[0],
        bias: bias && masks[masks.length - 1],
        scale,
        dropout,
        reach: reach === undefined ? undefined : reach + begin,
      });
    }
  });
  return statistics;
}

/** One dispatch; operands as a kernel walks them: two batch axes, groups, rows, columns. */
function run(
  op: string,
  [q, k, v, y, statistics]: readonly Tensor[],
  { mask, bias, scale, reach, dropout }: Omit<AttentionInputs, "query" | "key" | "value">,
): void {
  const [outer, inner, groups, rows, width] = q.shape;
  const [columns, valueWidth] = v.shape.slice(-2);
  const { gpu } = q;
  const tile = tileFor(gpu, rows, valueWidth, 4);
  const spec: Specialization = {
    ...tile.spec,
    ...EXPONENTIAL,
    ...(areVectors([q, k, v]) ? {} : BY_ELEMENTS),
    ...(mask ? { MASKED: "true" } : {}),
    ...(bias ? { BIASED: "true" } : {}),
    ...(dropout ? DROPPED : {}),
  };
  const rowTiles = Math.ceil(rows / tile.rows);
  const slices = Math.ceil(valueWidth / tile.columns);
  const workgroups = outer * inner * groups * rowTiles * slices;
  const none = [0, 0, 0, 0];
  launch(
    op,
    (tile.isShared ? workgroupKernel : subgroupKernel).variant(spec),
    [q, k, v, mask ?? q, bias ?? q, y, statistics],
    {
      axes: [outer, inner, groups, rows],
      qStrides: stridesOf(q),
      kStrides: stridesOf(k),
      vStrides: stridesOf(v),
      maskStrides: mask ? stridesOf(mask) : none,
      biasStrides: bias ? stridesOf(bias) : none,
      yStrides: stridesOf(y),
      statisticsStrides: stridesOf(statistics),
      workgroups,
      rowTiles,
      slices,
      columns,
      width,
      valueWidth,
      maskColumn: mask?.strides[4] ?? 0,
      biasColumn: bias?.strides[4] ?? 0,
      reach: reach ?? columns,
      step: reach === undefined ? 0 : 1,
      scale,
      four: 4,
      ...droppingOf(dropout),
    },
    linearGrid(workgroups),
  );
}
