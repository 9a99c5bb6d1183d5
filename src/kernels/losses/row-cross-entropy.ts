import labelWeightsSource from "../../../shaders/losses/label-weights.wgsl";
import rowExponentialsSource from "../../../shaders/losses/row-exponentials.wgsl";
import rowLossesSource from "../../../shaders/losses/row-losses.wgsl";
import rowSlopesSource from "../../../shaders/losses/row-slopes.wgsl";
import { defineKernel, linearGrid, listVariants } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { gridOf, launch, output } from "../launch.ts";
import { EXPONENTIAL, including, LOGARITHM } from "../library.ts";

// Cross-entropy of whole rows of logits that are made to be thrown away: their pieces, their losses, their gradient over
// the logits. Every number is summed in an order that the length of a row gives.

/** Vectors of four logits in a tile, and the invocations that share one, as in the shaders. */
const LANES = 64;
const TILE = LANES * 16;

const WITH_EXPONENTIAL = { exponentialOf: "return exponential(v);", ...including(EXPONENTIAL) };
const BOTH = {
  exponentialOf: "return exponential(v);",
  logarithmOf: "return logarithm(v);",
  ...including(EXPONENTIAL, LOGARITHM),
};

const exponentialsKernel = defineKernel({
  name: "row-exponentials",
  source: rowExponentialsSource,
  bindings: { logits: "read", pieces: "read_write" },
  params: { rows: "u32", columns: "u32", vectors: "u32", tiles: "u32", logitsOffset: "u32", piecesOffset: "u32" },
});
listVariants(exponentialsKernel, () => [WITH_EXPONENTIAL]);

const lossesKernel = defineKernel({
  name: "row-losses",
  source: rowLossesSource,
  bindings: { logits: "read", labels: "read", parts: "read", state: "read_write", losses: "read_write" },
  params: {
    rows: "u32",
    columns: "u32",
    vectors: "u32",
    pieces: "u32",
    ignoreIndex: "i32",
    invalid: "f32",
    logitsOffset: "u32",
    labelsOffset: "u32",
    partsOffset: "u32",
    stateOffset: "u32",
    lossesOffset: "u32",
  },
});
listVariants(lossesKernel, () => [BOTH]);

const slopesKernel = defineKernel({
  name: "row-slopes",
  source: rowSlopesSource,
  bindings: { state: "read", labels: "read", g: "read", y: "read_write" },
  params: {
    rows: "u32",
    columns: "u32",
    vectors: "u32",
    tiles: "u32",
    ignoreIndex: "i32",
    kind: "u32",
    invalid: "f32",
    stateOffset: "u32",
    labelsOffset: "u32",
    gOffset: "u32",
    yOffset: "u32",
  },
});
listVariants(slopesKernel, () => [WITH_EXPONENTIAL]);

const labelWeightsKernel = defineKernel({
  name: "label-weights",
  source: labelWeightsSource,
  bindings: { labels: "read", y: "read_write" },
  params: { count: "u32", classes: "u32", ignoreIndex: "i32", invalid: "f32", labelsOffset: "u32", yOffset: "u32" },
});

/** Columns that a row of logits is stored with, so that every row starts on a whole vector. */
export const storedColumns = (classes: number): number => Math.ceil(classes / 4) * 4;

const tilesOf = (stored: number): number => Math.ceil(stored / 4 / TILE);

/** Labels of rows, and which of them counts nothing. */
export interface RowLabels {
  /** [rows] of i32, contiguous. */
  labels: Tensor;
  ignoreIndex: number;
  classes: number;
}

/** Columns of the room in which the pieces of a row are put down. */
export const pieceColumns = (stored: number): number => 2 * tilesOf(stored) * LANES;

/**
 * Losses [rows] of logits [rows, stored columns], and their state [rows, 2]: the largest logit and the logarithm of
 * Σ exp(x − largest), which the gradient needs. `pieces` [rows, piece columns] is room to work in.
 */
export function rowLosses(
  op: string,
  logits: Tensor,
  { labels, ignoreIndex, classes }: RowLabels,
  pieces: Tensor,
  state: Tensor,
  losses: Tensor,
): void {
  const [rows, stored] = logits.shape;
  const tiles = tilesOf(stored);
  const common = { rows, columns: classes, vectors: stored / 4 };
  launch(
    op,
    exponentialsKernel.variant(WITH_EXPONENTIAL),
    [logits, pieces],
    { ...common, tiles },
    linearGrid(rows * tiles),
  );
  launch(
    op,
    lossesKernel.variant(BOTH),
    [logits, labels, pieces, state, losses],
    { ...common, pieces: tiles * LANES, ignoreIndex, invalid: Number.NaN },
    gridOf(rows),
  );
}

/** What arrives at the losses: 1 for each when nothing is given, a gradient for each, or 1 over a divisor for all. */
export type ArrivingGradient = { rows?: Tensor; divisor?: Tensor };

/** Writes the gradient by the logits over the logits [rows, stored columns]. */
export function rowSlopes(
  op: string,
  logits: Tensor,
  { labels, ignoreIndex, classes }: RowLabels,
  state: Tensor,
  { rows: ofRows, divisor }: ArrivingGradient,
): void {
  const [rows, stored] = logits.shape;
  const tiles = tilesOf(stored);
  launch(
    op,
    slopesKernel.variant(WITH_EXPONENTIAL),
    [state, labels, ofRows ?? divisor ?? state, logits],
    {
      ...{ rows, columns: classes, vectors: stored / 4, tiles, ignoreIndex },
      kind: ofRows ? 1 : divisor ? 2 : 0,
      invalid: Number.NaN,
    },
    linearGrid(rows * tiles),
  );
}

/** 1 for each label that counts, 0 for each that is ignored, NaN for one that is no class; [rows]. */
export function labelWeights(op: string, like: Tensor, { labels, ignoreIndex, classes }: RowLabels): Tensor {
  const weights = output(op, like, labels.shape, "f32");
  const count = labels.size;
  const params = { count, classes, ignoreIndex, invalid: Number.NaN };
  launch(op, labelWeightsKernel.variant(), [labels, weights], params, gridOf(count));
  return weights;
}
