import embeddingSource from "../../shaders/embedding.wgsl";
import embeddingBackwardSource from "../../shaders/embedding-backward.wgsl";
import embeddingLinksSource from "../../shaders/embedding-links.wgsl";
import { defineKernel } from "../gpu/index.ts";
import { formatShape, sliceView, type Tensor } from "../tensor/index.ts";
import { contiguous, full } from "./copy.ts";
import { gridOf, launch, output, requireFloat32, requireInteger } from "./launch.ts";
import { rowWindows } from "./windows.ts";

const embeddingKernel = defineKernel({
  name: "embedding",
  source: embeddingSource,
  bindings: { table: "read", ids: "read", y: "read_write" },
  params: {
    count: "u32",
    columns: "u32",
    begin: "u32",
    end: "u32",
    tableOffset: "u32",
    idsOffset: "u32",
    yOffset: "u32",
  },
});

const linksKernel = defineKernel({
  name: "embedding-links",
  source: embeddingLinksSource,
  bindings: { ids: "read", links: "read_write" },
  params: { count: "u32", idsOffset: "u32", linksOffset: "u32" },
});

const backwardKernel = defineKernel({
  name: "embedding-backward",
  source: embeddingBackwardSource,
  bindings: { g: "read", ids: "read", links: "read", table: "read_write" },
  params: {
    count: "u32",
    positions: "u32",
    columns: "u32",
    begin: "u32",
    end: "u32",
    gOffset: "u32",
    idsOffset: "u32",
    linksOffset: "u32",
    tableOffset: "u32",
  },
});

/** Rows of `table` [rows, columns] named by `ids` [...]: [..., columns]. An id out of range gives undefined values. */
export function embeddingForward(table: Tensor, ids: Tensor): Tensor {
  requireFloat32("embedding", table);
  requireInteger("embedding", ids);
  if (table.rank !== 2) throw new Error(`embedding: expected a table of rank 2, got ${formatShape(table.shape)}`);
  const columns = table.shape[1];
  const y = output("embedding", table, [...ids.shape, columns]);
  if (y.size === 0) return y;
  const source = contiguous(table);
  const indices = contiguous(ids);
  for (const [begin, end] of rowWindows(source)) {
    const window = sliceView(source, 0, begin, end);
    launch(
      "embedding",
      embeddingKernel.variant(),
      [window, indices, y],
      { count: y.size, columns, begin, end },
      gridOf(y.size),
    );
    window.dispose();
  }
  return y;
}

/** Gradient of the table, [rows, columns]: rows summed over repeated ids in ascending position. */
export function embeddingBackward(g: Tensor, ids: Tensor, rows: number): Tensor {
  const columns = g.shape[g.rank - 1];
  const table = full(g.gpu, [rows, columns], 0);
  const positions = ids.size;
  if (positions === 0) return table;
  const indices = contiguous(ids);
  const gradient = contiguous(g);
  const links = output("embedding backward", ids, [positions, 2], "u32");
  launch("embedding backward", linksKernel.variant(), [indices, links], { count: positions }, gridOf(positions));
  const count = positions * columns;
  for (const [begin, end] of rowWindows(table)) {
    const window = sliceView(table, 0, begin, end);
    const params = { count, positions, columns, begin, end };
    launch("embedding backward", backwardKernel.variant(), [gradient, indices, links, window], params, gridOf(count));
    window.dispose();
  }
  links.dispose();
  return table;
}
