import { expandView, sizeOf, sliceView, type Tensor, tidy } from "../../tensor/index.ts";
import { copy } from "../copy.ts";
import { castTo } from "../elementwise/elementwise.ts";
import { output, requireFloat } from "../launch.ts";
import { fitsBinding } from "../windows.ts";
import { type MatmulOptions, mergeBatch, multiply, walkOf } from "./multiply.ts";
import { addParts, chooseChunkedWay, INNER_CHUNK, innerChunks, isSummedInChunks } from "./split.ts";

export type { MatmulOptions } from "./multiply.ts";
export { ACTIVATION_NAMES, type Activation } from "./problem.ts";

const MAX_WORKGROUPS = 65_535;
/** Rows and columns of C that a workgroup of the smallest variant makes. */
const LEAST_ROWS = 4;
const LEAST_COLUMNS = 32;

/**
 * c = activation(scale · a · b (+ bias) (+ c)) (+ residual), for a [..., M, K], b [..., K, N], c [..., M, N]; batch axes of
 * a and b broadcast to those of c. Operands may be strided views; c needs unit stride in its last axis. Every element is
 * summed over k in order with one accumulator, or, where K > 8192, with one for each 4096 of k, their sums added in order
 * after the bias and c; so its bits do not depend on M, N, the batch or the variant. Half precision is a storage type, and
 * products are of f32. What exceeds the binding limit or a grid is halved along the axis that spans most memory. Only
 * where no more than 8192 of k, or a chunk, have to be halved along k does the limit change bits: these are added in order.
 */
export function matmulInto(op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions = {}): void {
  if (c.size === 0) return;
  requireFloat(op, a, b, ...(options.bias ? [options.bias] : []));
  tidy(() => {
    const batch = c.shape.slice(0, -2);
    const [left, right] = [a, b].map((x) => expandView(readable(x), [...batch, ...x.shape.slice(-2)]));
    const { bias, residual } = options;
    const row = bias && (bias.dtype === "f32" ? bias : castTo(bias, "f32"));
    const byRow = residual && (residual.size === 1 || residual.strides[residual.rank - 1] === 1);
    const multiplyAll = isSummedInChunks(a.shape[a.rank - 1]) ? multiplyInChunks : multiplyParts;
    multiplyAll(op, left, right, c, {
      ...options,
      bias: row,
      residual: byRow ? residual : residual && copy(residual),
    });
  });
}

/** An operand as the kernels can read it: halves only four at a time. */
function readable(x: Tensor): Tensor {
  if (x.dtype === "f32") return x;
  return walkOf(x, x.strides.slice(0, -2)).reads === "halves" ? x : castTo(x, "f32");
}

type Multiply = (op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions) => void;

/** Multiplies matrices with equal batch axes, summed in chunks of k, by the way that suits the product. */
function multiplyInChunks(op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions): void {
  const k = a.shape[a.rank - 1];
  const { scale = 1, residual } = options;
  const way = chooseChunkedWay(k, c.size, scale, c.gpu.limits.maxStorageBufferBindingSize);
  const isBound = [c, ...(residual ? [residual] : [])].every(fitsBinding);
  if (way === "passes" && (isBound || c.size === 1)) multiplyInPasses(op, a, b, c, options);
  else if (scale === 1) multiplyInTurn(op, a, b, c, options);
  else {
    const spans = c.shape.map((length, axis) => (length - 1) * c.strides[axis]);
    multiplyHalves(multiplyInChunks, op, a, b, c, options, spans.indexOf(Math.max(...spans)));
  }
}

/** One chunk of k after another, each added to c. */
function multiplyInTurn(op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions): void {
  const k = a.shape[a.rank - 1];
  for (const [begin, end] of innerChunks(k)) {
    tidy(() => {
      const before = end < k ? { activation: undefined, residual: undefined } : {};
      const after = begin > 0 ? { bias: undefined, accumulate: true } : {};
      const own = { ...options, ...before, ...after };
      multiplyParts(op, sliceView(a, -1, begin, end), sliceView(b, -2, begin, end), c, own);
    });
  }
}

/** The products of all chunks of k side by side, then their sum and what follows it in a second pass. */
function multiplyInPasses(op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions): void {
  tidy(() => {
    const chunks = innerChunks(a.shape[a.rank - 1]);
    const { scale } = options;
    const parts = output(op, c, [chunks.length, ...c.shape]);
    const whole = chunks.filter(([begin, end]) => end - begin === INNER_CHUNK).length;
    const batch = c.shape.slice(0, -2);
    const ofWhole = (x: Tensor, axis: number): Tensor =>
      x.view([whole, ...x.shape.with(axis, INNER_CHUNK)], [INNER_CHUNK * x.strides.at(axis)!, ...x.strides]);
    const sides: [Tensor, Tensor, Tensor] = [ofWhole(a, -1), ofWhole(b, -2), sliceView(parts, 0, 0, whole)];
    const canStack = mergeBatch(op, [whole, ...batch], ...sides).shape.length <= 2;
    if (canStack) multiplyParts(op, ...sides, { scale });
    chunks.forEach(([begin, end], i) => {
      if (canStack && i < whole) return;
      const part = sliceView(parts, 0, i, i + 1).view(c.shape, parts.strides.slice(1));
      multiplyParts(op, sliceView(a, -1, begin, end), sliceView(b, -2, begin, end), part, { scale });
    });
    addParts(op, parts, c, options);
  });
}

/** Halves an axis of c, counted from the front or back, and multiplies for each half. */
function multiplyHalves(
  multiplyPart: Multiply,
  op: string,
  a: Tensor,
  b: Tensor,
  c: Tensor,
  options: MatmulOptions,
  given: number,
): void {
  // Rows and columns from the back, as in the operands.
  const axis = given >= c.rank - 2 ? given - c.rank : given;
  for (const [begin, end] of halvesOf(c.shape.at(axis)!)) {
    tidy(() => {
      const part = (x: Tensor, of: number): Tensor => sliceView(x, of, begin, end);
      const bias = options.bias && (axis === -1 ? part(options.bias, 0) : options.bias);
      const own = { ...options, bias, residual: options.residual && part(options.residual, axis) };
      multiplyPart(op, axis === -1 ? a : part(a, axis), axis === -2 ? b : part(b, axis), part(c, axis), own);
    });
  }
}

/** The halves [begin, end) of a length, the first of whole tiles. */
function halvesOf(length: number): [begin: number, end: number][] {
  const grain = length > 64 ? 64 : 1;
  const middle = Math.ceil(length / 2 / grain) * grain;
  return [
    [0, middle],
    [middle, length],
  ];
}

/** Multiplies matrices with equal batch axes, in as many parts as it takes. */
function multiplyParts(op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions): void {
  const split = splitAxis(a, b, c, options.residual);
  if (split === null) {
    multiply(op, a, b, c, options);
    return;
  }
  if (split !== "k") {
    multiplyHalves(multiplyParts, op, a, b, c, options, split);
    return;
  }
  for (const [begin, end] of halvesOf(a.shape[a.rank - 1])) {
    tidy(() => {
      const first = { ...options, activation: undefined, residual: undefined };
      const last = { ...options, bias: undefined, accumulate: true };
      const own = begin === 0 ? first : last;
      multiplyParts(op, sliceView(a, -1, begin, end), sliceView(b, -2, begin, end), c, own);
    });
  }
}

/**
 * Which axis to halve because an operand cannot be bound whole, or the grid would outgrow its limit: an axis of `c`,
 * counted from the back for rows and columns, or k.
 */
function splitAxis(a: Tensor, b: Tensor, c: Tensor, residual: Tensor | undefined): number | "k" | null {
  const tooLarge = [b, a, c, ...(residual ? [residual] : [])].find((x) => !fitsBinding(x));
  if (tooLarge) {
    const spans = tooLarge.shape.map((length, axis) => (length - 1) * tooLarge.strides[axis]);
    const axis = spans.indexOf(Math.max(...spans)) - tooLarge.rank;
    if (spans.at(axis)! <= 0) return null; // cannot shrink: the binding is refused by the op's name
    if (axis < -2) return axis + tooLarge.rank;
    const isInner = (tooLarge === a && axis === -1) || (tooLarge === b && axis === -2);
    return isInner ? "k" : axis;
  }
  const batch = c.shape.slice(0, -2);
  if (sizeOf(batch) > MAX_WORKGROUPS) return batch.indexOf(Math.max(...batch));
  const [m, n] = c.shape.slice(-2);
  if (m > LEAST_ROWS * MAX_WORKGROUPS) return -2;
  return n > LEAST_COLUMNS * MAX_WORKGROUPS ? -1 : null;
}
