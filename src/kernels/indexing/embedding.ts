import { expandView, formatShape, reshapeView, sizeOf, type Tensor } from "../../tensor/index.ts";
import { copy, full } from "../copy.ts";
import { castTo } from "../elementwise/elementwise.ts";
import { requireInteger } from "../launch.ts";
import { gatherAlong } from "./gather.ts";
import { NONE } from "./links.ts";
import { scatterInto } from "./scatter.ts";

/** Ids [...] as indices [positions, columns] that repeat along the columns. */
function asIndices(ids: Tensor, columns: number): Tensor {
  const flat = reshapeView(ids, [ids.size, 1]) ?? (reshapeView(copy(ids), [ids.size, 1]) as Tensor);
  return expandView(flat, [ids.size, columns]);
}

/** Rows of `table` [rows, columns] named by `ids` [...]: [..., columns]. */
export function embeddingForward(table: Tensor, ids: Tensor): Tensor {
  requireInteger("embedding", ids);
  if (table.rank !== 2) throw new Error(`embedding: expected a table of rank 2, got ${formatShape(table.shape)}`);
  const columns = table.shape[1];
  const rows = gatherAlong("embedding", table, asIndices(ids, columns), 0);
  return reshapeView(rows, [...ids.shape, columns]) as Tensor;
}

/**
 * Gradient of the table, [rows, columns]: rows summed over repeated ids in ascending position, but for the row
 * `padding`, which stays zero.
 */
export function embeddingBackward(g: Tensor, ids: Tensor, rows: number, padding = NONE): Tensor {
  const table = full(g.gpu, [rows, g.shape[g.rank - 1]], 0);
  addEmbeddingRows(table, g, ids, padding);
  return g.dtype === "f32" ? table : castTo(table, g.dtype);
}

/** Adds the rows of g [..., columns] to those of an f32 table that ids [...] name, but for the row `padding`. */
export function addEmbeddingRows(table: Tensor, g: Tensor, ids: Tensor, padding = NONE): void {
  const columns = table.shape[1];
  const positions = sizeOf(ids.shape);
  if (positions === 0 || columns === 0) return;
  const shape = [positions, columns];
  const gradient = reshapeView(g, shape) ?? (reshapeView(copy(g), shape) as Tensor);
  const wide = g.dtype === "f32" ? gradient : castTo(gradient, "f32");
  scatterInto("embedding backward", table, asIndices(ids, columns), wide, 0, "add", padding);
}
