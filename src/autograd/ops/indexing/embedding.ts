import { fillWith, full } from "../../../kernels/copy.ts";
import { addEmbeddingRows, embeddingBackward, embeddingForward } from "../../../kernels/indexing/embedding.ts";
import { requireFloat, requireInteger } from "../../../kernels/launch.ts";
import { formatShape, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";
import { concat } from "../shape/concat.ts";
import { slice } from "../shape/views.ts";

export interface EmbeddingAttributes {
  /** A row that receives no gradient, counted from the front. */
  paddingIndex?: number;
}

export const embeddingOp = defineOp<EmbeddingAttributes>({
  name: "embedding",
  infer: ([table, ids], { paddingIndex }) => {
    requireInteger("embedding", ids);
    if (table.rank !== 2) throw new Error(`embedding: expected a table of rank 2, got ${formatShape(table.shape)}`);
    const [rows, columns] = table.shape;
    if (rows === 0 && ids.size > 0) {
      throw new Error(`embedding: a table ${formatShape(table.shape)} has no rows that ids could name`);
    }
    if (paddingIndex !== undefined && !(Number.isInteger(paddingIndex) && paddingIndex >= 0 && paddingIndex < rows)) {
      throw new Error(`embedding: paddingIndex ${paddingIndex} is no row of a table ${formatShape(table.shape)}`);
    }
    return { shape: [...ids.shape, columns], dtype: table.dtype };
  },
  forward: ([table, ids]) => embeddingForward(table, ids),
  save: ([, ids]) => [ids],
  vjp: (g, [ids], { inputs: [table], attributes: { paddingIndex } }) => [
    (target) => {
      // The rows are added where the gradient lies, or is to lie: a table may be used again, as the head of a model is.
      const place = g.dtype === "f32" ? target?.take() : undefined;
      if (!place) return embeddingGradientOp([g, ids], { rows: table.shape[0], paddingIndex });
      if (!target!.accumulates) fillWith(place, 0);
      addEmbeddingRows(place, g, ids, paddingIndex);
      return place;
    },
    null,
  ],
});

/** The transpose of an embedding's gradient, linear in g, so that it can be differentiated itself. */
export const embeddingGradientOp = defineOp<EmbeddingAttributes & { rows: number }>({
  name: "embeddingGradient",
  infer: ([g, ids], { rows }) => {
    requireFloat("embeddingGradient", g);
    requireInteger("embeddingGradient", ids);
    return { shape: [rows, g.shape[g.rank - 1]], dtype: g.dtype };
  },
  forward: ([g, ids], { rows, paddingIndex }) => embeddingBackward(g, ids, rows, paddingIndex),
  save: ([, ids]) => [ids],
  vjp: (g, [ids], { attributes: { paddingIndex } }) => [
    () => embedding(paddingIndex === undefined ? g : withoutRow(g, paddingIndex), ids),
    null,
  ],
});

/** A table with zeros in one row. */
function withoutRow(table: Tensor, row: number): Tensor {
  const [rows, columns] = table.shape;
  const zeros = full(table.gpu, [1, columns], 0, table.dtype);
  return concat([slice(table, 0, 0, row), zeros, slice(table, 0, row + 1, rows)], 0);
}

/**
 * Rows of a table [rows, width] by id: y[…, :] = table[ids[…], :], for ids (i32 or u32) of any shape. Negative ids count
 * from the end, and one outside names the nearest row; callers that take ids from outside check them on the host.
 *
 * The gradient sums the rows of repeated ids in ascending position, without atomics, so it has the same bits every time.
 * It leaves out the row `paddingIndex`, which may be negative too.
 *
 * @throws when the table is not of rank 2, has no rows, or has no row `paddingIndex`.
 */
export function embedding(table: Tensor, ids: Tensor, { paddingIndex }: EmbeddingAttributes = {}): Tensor {
  const fromFront = paddingIndex !== undefined && paddingIndex < 0 ? paddingIndex + table.shape[0] : paddingIndex;
  return embeddingOp([table, ids], { paddingIndex: fromFront });
}
