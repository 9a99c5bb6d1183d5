import type { DType, HostArray } from "./dtype.ts";
import { formatShape, type Shape } from "./shape.ts";

/** Elements shown at each end of an axis longer than twice this. */
const EDGE = 3;

function formatNumber(value: number, dtype: DType): string {
  if (dtype === "bool") return value ? "true" : "false";
  if (dtype === "i32" || dtype === "u32" || !Number.isFinite(value)) return String(value);
  return Number(value.toPrecision(6)).toString();
}

/** Formats row-major values, nested as the shape is; long axes show only their ends. */
export function formatTensor(values: HostArray, shape: Shape, dtype: DType): string {
  const write = (axis: number, begin: number, stride: number): string => {
    if (axis === shape.length) return formatNumber(values[begin], dtype);
    const length = shape[axis];
    const inner = length === 0 ? 0 : stride / length;
    const shown = Array.from({ length }, (_, i) => i).filter(
      (i) => length <= 2 * EDGE || i < EDGE || i >= length - EDGE,
    );
    const parts = shown.map((i) => write(axis + 1, begin + i * inner, inner));
    if (shown.length < length) parts.splice(EDGE, 0, "…");
    const separator = axis === shape.length - 1 ? ", " : `,\n${" ".repeat(axis + 1)}`;
    return `[${parts.join(separator)}]`;
  };
  return `${dtype}${formatShape(shape)}\n${write(0, 0, values.length)}`;
}
