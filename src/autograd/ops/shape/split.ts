import { assertList, formatShape, normalizeAxis, requireTensors, type Tensor } from "../../../tensor/index.ts";
import { slice } from "./views.ts";

/**
 * Cuts an axis into parts, as views: of equal length, the last may be shorter, or of the lengths listed.
 *
 * @throws when the length is no positive integer, or the lengths do not add up to the axis.
 */
export function split(x: Tensor, sizes: number | readonly number[], axis = 0): Tensor[] {
  requireTensors("split", [x]);
  if (typeof sizes !== "number") assertList("split", "lengths", sizes);
  const along = normalizeAxis("split", axis, x.rank);
  const length = x.shape[along];
  if (typeof sizes === "number" && !(Number.isInteger(sizes) && sizes > 0)) {
    throw new Error(`split: expected a positive length of the parts, got ${sizes}`);
  }
  const parts =
    typeof sizes === "number"
      ? Array.from({ length: Math.max(Math.ceil(length / sizes), 1) }, (_, i) => Math.min(sizes, length - i * sizes))
      : sizes;
  const total = parts.reduce((sum, part) => sum + part, 0);
  if (total !== length || parts.some((part) => !Number.isInteger(part) || part < 0)) {
    throw new Error(`split: lengths ${formatShape(parts)} do not make up axis ${axis} of ${formatShape(x.shape)}`);
  }
  let end = 0;
  return parts.map((part) => {
    const begin = end;
    end += part;
    return slice(x, along, begin, end);
  });
}
