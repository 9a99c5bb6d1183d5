import { fromFront, fromRows, generate, type NdArray, type Reference, rowsOf } from "./nd-array.ts";

export const embedding: Reference<{ paddingIndex?: number }> = ([table, ids]) => {
  const rows = rowsOf(table);
  return fromRows(
    [...ids.shape, table.shape[1]],
    [...ids.data].map((id) => rows[fromFront(id, rows.length)]),
  );
};

export const embeddingGradient: Reference<{ rows: number; paddingIndex?: number }> = (
  [g, ids],
  { rows, paddingIndex },
) => {
  const columns = g.shape[g.shape.length - 1];
  const table: NdArray = generate([rows, columns], () => 0);
  ids.data.forEach((id, position) => {
    if (id === paddingIndex) return;
    for (let column = 0; column < columns; column++) {
      table.data[id * columns + column] += g.data[position * columns + column];
    }
  });
  return table;
};

export const oneHot: Reference<{ classes: number }> = ([ids], { classes }) => ({
  shape: [...ids.shape, classes],
  data: Float64Array.from({ length: ids.data.length * classes }, (_, i) =>
    Number(ids.data[Math.floor(i / classes)] === i % classes),
  ),
});
