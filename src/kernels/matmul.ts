import matmulSource from "../../shaders/matmul.wgsl";
import matmulSharedSource from "../../shaders/matmul-shared.wgsl";
import {
  defineKernel,
  type Gpu,
  type KernelDefinition,
  type KernelVariant,
  type Specialization,
} from "../gpu/index.ts";
import { expandView, sizeOf, sliceView, type Tensor, tidy } from "../tensor/index.ts";
import { contiguous, copy } from "./copy.ts";
import { castTo, UNARY } from "./elementwise/elementwise.ts";
import { launch, requireFloat } from "./launch.ts";
import { including, LIBRARY } from "./library.ts";
import { mergeAxes } from "./strided.ts";
import { fitsBinding } from "./windows.ts";

const MAX_WORKGROUPS = 65_535;
/** Rows and columns of C that a workgroup of the smallest variant makes. */
const LEAST_ROWS = 4;
const LEAST_COLUMNS = 32;
const STRIDED_A = "return vec4f(vec4(a[index], a[index + stride], a[index + 2 * stride], a[index + 3 * stride]));";
const STRIDED_B = STRIDED_A.replaceAll("a[", "b[");

const SCALAR_A: Specialization = { AElement: "T", loadA: STRIDED_A };
const SCALAR_B: Specialization = { BElement: "T", loadB: STRIDED_B };

/** Every layout of the operands: transposed or not, read in vectors or element by element. */
const layouts = [{ A_ALONG_M: "true" }, { B_ALONG_K: "true" }, SCALAR_A, SCALAR_B].reduce<Specialization[]>(
  (all, choice) => all.flatMap((spec) => [spec, { ...spec, ...choice }]),
  [{}],
);

const SHUFFLE = "return subgroupShuffle(x, lane);";
const lanes = (count: number): Specialization => ({ LANES: count, fromLane: SHUFFLE, enable: "subgroups" });

/** Activations that a product can end in, and the functions of elements that they are. */
const ACTIVATIONS = {
  relu: UNARY.relu,
  gelu: UNARY.gelu,
  "gelu-tanh": UNARY.geluTanh,
  silu: UNARY.silu,
  tanh: UNARY.tanh,
  sigmoid: UNARY.sigmoid,
} as const;

export type Activation = keyof typeof ACTIVATIONS;
export const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as Activation[];

/** All activations in one variant, chosen by a parameter: a variant each would be six times as many pipelines. */
const ACTIVATED: Specialization = {
  epilogue: `switch params.activation { ${ACTIVATION_NAMES.map((name, i) => `case ${i}u: { ${ACTIVATIONS[name].f32} }`).join(" ")} default: { return v; } }`,
  ...including(...Object.values(ACTIVATIONS).flatMap(({ uses }) => uses)),
};

const withActivation = (specs: readonly Specialization[]): Specialization[] =>
  specs.flatMap((spec) => [spec, { ...spec, ...ACTIVATED }]);

const common: Pick<KernelDefinition, "bindings" | "flops" | "params" | "library"> = {
  library: LIBRARY,
  bindings: { a: "read", b: "read", bias: "read", c: "read_write" },
  flops: ({ M, N, K }, [, , batch]) => 2 * Number(M) * Number(N) * Number(K) * batch,
  params: {
    M: "u32",
    N: "u32",
    K: "u32",
    aOffset: "u32",
    bOffset: "u32",
    cOffset: "u32",
    biasOffset: "u32",
    aRow: "u32",
    aColumn: "u32",
    bRow: "u32",
    bColumn: "u32",
    cRow: "u32",
    batch1: "u32",
    aBatch0: "u32",
    aBatch1: "u32",
    bBatch0: "u32",
    bBatch1: "u32",
    cBatch0: "u32",
    cBatch1: "u32",
    hasBias: "u32",
    accumulate: "u32",
    alpha: "f32",
    activation: "u32",
  },
};

/** Barrier-free register tiles, for adapters that run lanes as SIMD on a CPU. */
const registerKernel = defineKernel({
  name: "matmul",
  source: matmulSource,
  ...common,
  variants: () =>
    withActivation(
      layouts.flatMap((layout) => [
        layout,
        ...[4, 8, 16].flatMap((size) => [4, 16].map((rows) => ({ ...lanes(size), ROWS: rows, ...layout }))),
      ]),
    ),
});

/** Tiles in workgroup memory, for GPUs. */
const sharedKernel = defineKernel({
  name: "matmul-shared",
  source: matmulSharedSource,
  ...common,
  variants: () => withActivation(layouts),
});

export interface MatmulOptions {
  /** Factor of the product. */
  scale?: number;
  /** Added to every row, [N]. */
  bias?: Tensor;
  /** Add to what `c` holds. */
  accumulate?: boolean;
  /** Applied to every element last. */
  activation?: Activation;
}

/**
 * c = activation(scale · a · b (+ bias) (+ c)), for a [..., M, K], b [..., K, N], c [..., M, N]; batch axes of a and b broadcast to
 * those of c. Operands may be strided views; c needs unit stride in its last axis. Every element is summed over k in
 * order with one accumulator, so its bits do not depend on M, N, the batch or the variant. What exceeds the binding
 * limit or a grid is halved along the axis that spans most memory; products halved along k are added in order.
 */
export function matmulInto(op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions = {}): void {
  if (c.size === 0) return;
  requireFloat(op, a, b, ...(options.bias ? [options.bias] : []));
  tidy(() => {
    // Half precision is a storage type: products are of f32.
    const single = (x: Tensor): Tensor => (x.dtype === "f32" ? x : castTo(x, "f32"));
    const batch = c.shape.slice(0, -2);
    const [left, right] = [a, b].map((x) => expandView(single(x), [...batch, ...x.shape.slice(-2)]));
    multiplyParts(op, left, right, c, { ...options, bias: options.bias && single(options.bias) });
  });
}

/** Multiplies matrices with equal batch axes, in as many parts as it takes. */
function multiplyParts(op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions): void {
  const split = splitAxis(a, b, c);
  if (split === null) {
    multiply(op, a, b, c, options);
    return;
  }
  const length = split === "k" ? a.shape[a.rank - 1] : c.shape.at(split)!;
  const grain = length > 64 ? 64 : 1;
  const middle = Math.ceil(length / 2 / grain) * grain;
  for (const [begin, end] of [
    [0, middle],
    [middle, length],
  ]) {
    const part = (x: Tensor, axis: number): Tensor => sliceView(x, axis, begin, end);
    tidy(() => {
      if (split === "k") {
        const first = { ...options, activation: undefined };
        const last = { ...options, bias: undefined, accumulate: true };
        multiplyParts(op, part(a, -1), part(b, -2), c, begin === 0 ? first : last);
      } else if (split === -2) {
        multiplyParts(op, part(a, -2), b, part(c, -2), options);
      } else if (split === -1) {
        const bias = options.bias && part(options.bias, 0);
        multiplyParts(op, a, part(b, -1), part(c, -1), { ...options, bias });
      } else {
        multiplyParts(op, part(a, split), part(b, split), part(c, split), options);
      }
    });
  }
}

/**
 * Which axis to halve because an operand cannot be bound whole, or the grid would outgrow its limit: an axis of `c`,
 * counted from the back for rows and columns, or k.
 */
function splitAxis(a: Tensor, b: Tensor, c: Tensor): number | "k" | null {
  const tooLarge = [b, a, c].find((x) => !fitsBinding(x));
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

/** How a kernel walks the last two axes of an operand. */
interface MatrixWalk {
  row: number;
  column: number;
  /** Whether its rows are the unit stride: the operand is transposed. */
  isTransposed: boolean;
  /** Whether it can be read four elements at a time. */
  isVector: boolean;
}

function walkOf(view: Tensor, batchStrides: readonly number[]): MatrixWalk {
  const [rows, columns] = view.shape.slice(-2);
  // An axis of length 1 is never stepped along: its stride does not count.
  const row = rows === 1 ? 0 : view.strides[view.rank - 2];
  const column = columns === 1 ? 0 : view.strides[view.rank - 1];
  const isTransposed = row === 1 && column !== 1;
  const [unit, other] = isTransposed ? [row, column] : [column, row];
  const isVector = unit === 1 && [other, view.offset, ...batchStrides].every((value) => value % 4 === 0);
  return { row, column, isTransposed, isVector };
}

const mergeBatch = (op: string, ...[a, b, c]: Tensor[]): ReturnType<typeof mergeAxes> =>
  mergeAxes(
    op,
    c.shape.slice(0, -2),
    [a, b, c].map((x) => x.strides.slice(0, -2)),
  );

/** A copy whose batch axes lie in order, broadcast ones still stored once. */
function withoutGaps(x: Tensor): Tensor {
  const stored = x.shape.map((length, axis) => (x.strides[axis] === 0 ? Math.min(length, 1) : length));
  return expandView(copy(x.view(stored, x.strides)), x.shape);
}

function multiply(op: string, a: Tensor, b: Tensor, c: Tensor, options: MatmulOptions): void {
  const batch = c.shape.slice(0, -2);
  const [m, n] = c.shape.slice(-2);
  const k = a.shape[a.rank - 1];
  const merged = mergeBatch(op, a, b, c);
  if (merged.shape.length > 2) {
    const [left, right] = [a, b].map(withoutGaps);
    if (mergeBatch(op, left, right, c).shape.length <= 2) {
      multiply(op, left, right, c, options);
      return;
    }
    // Broadcast axes between others do not merge: one product for each index of the shortest axis.
    const shortest = batch.indexOf(Math.min(...batch.filter((length) => length > 1)));
    for (let i = 0; i < batch[shortest]; i++) {
      const [aPart, bPart, cPart] = [a, b, c].map((x) => sliceView(x, shortest, i, i + 1));
      multiply(op, aPart, bPart, cPart, options);
    }
    return;
  }
  const [count0, count1] = merged.shape.length === 2 ? merged.shape : [1, merged.shape[0] ?? 1];
  const batchStrides = (index: number): [number, number] => {
    const own = merged.strides[index];
    return own.length === 2 ? [own[0], own[1]] : [0, own[0] ?? 0];
  };
  const [aBatch0, aBatch1] = batchStrides(0);
  const [bBatch0, bBatch1] = batchStrides(1);
  const [cBatch0, cBatch1] = batchStrides(2);
  const left = walkOf(a, [aBatch0, aBatch1]);
  const right = walkOf(b, [bBatch0, bBatch1]);
  const layout: Specialization = {
    ...(left.isTransposed ? { A_ALONG_M: "true" } : {}),
    ...(right.isTransposed ? { B_ALONG_K: "true" } : {}),
    ...(left.isVector ? {} : SCALAR_A),
    ...(right.isVector ? {} : SCALAR_B),
    ...(options.activation ? ACTIVATED : {}),
  };
  const { variant, rows, columns } = chooseVariant(c.gpu, layout, m);
  const { scale = 1, accumulate = false } = options;
  const bias = options.bias && contiguous(options.bias);
  launch(
    op,
    variant,
    [a, b, bias ?? a, c],
    {
      M: m,
      N: n,
      K: k,
      aRow: left.row,
      aColumn: left.column,
      bRow: right.row,
      bColumn: right.column,
      cRow: c.strides[c.rank - 2],
      batch1: count1,
      aBatch0,
      aBatch1,
      bBatch0,
      bBatch1,
      cBatch0,
      cBatch1,
      hasBias: bias ? 1 : 0,
      accumulate: accumulate ? 1 : 0,
      alpha: scale,
      activation: options.activation ? ACTIVATION_NAMES.indexOf(options.activation) : 0,
    },
    [Math.ceil(n / columns), Math.ceil(m / rows), count0 * count1],
  );
}

/** The kernel and its tile for an adapter. The choice never changes bits, only speed. */
function chooseVariant(
  gpu: Gpu,
  layout: Specialization,
  m: number,
): { variant: KernelVariant; rows: number; columns: number } {
  const fitsTile = gpu.limits.maxComputeInvocationsPerWorkgroup >= 256;
  if (!gpu.adapter.isSoftware && fitsTile) return { variant: sharedKernel.variant(layout), rows: 64, columns: 64 };
  const { subgroupMinSize: size, subgroupMaxSize } = gpu.adapter;
  const isFixed = size === subgroupMaxSize && (size === 4 || size === 8 || size === 16);
  if (!gpu.features.has("subgroups") || !isFixed) {
    return { variant: registerKernel.variant(layout), rows: 4, columns: 32 };
  }
  const rows = m <= 4 ? 4 : 16;
  const variant = registerKernel.variant({ ...lanes(size), ROWS: rows, ...layout });
  return { variant, rows, columns: 4 * Math.max(8, size) };
}
