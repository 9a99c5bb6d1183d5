import {
  type BufferBinding,
  type Gpu,
  type KernelVariant,
  linearGrid,
  type ParamValues,
  type Specialization,
} from "../gpu/index.ts";
import { empty, formatShape, isFloat, type Shape, type Tensor } from "../tensor/index.ts";
import { defineFamily } from "./variants/variants.ts";

type Grid = readonly [number, number, number];

/**
 * Binds tensors in the kernel's order and records the dispatch. A parameter named after a binding, with
 * `Offset` behind it, receives the place of the tensor's first element.
 */
export function launch(
  op: string,
  variant: KernelVariant,
  tensors: readonly Tensor[],
  params: ParamValues,
  grid: Grid,
): void {
  const { gpu } = tensors[0];
  if (variant.code.startsWith("enable f16") && !gpu.features.has("shader-f16")) {
    throw new Error(`${op}: this adapter lacks shader-f16 and cannot compute with f16; convert to f32 on the host`);
  }
  const { bindingCount } = variant.kernel;
  const bindings: BufferBinding[] = [];
  for (let i = 0; i < bindingCount; i++) bindings.push(tensors[i].binding(op));
  gpu.dispatch(variant, bindings, params, grid);
}

/** Workgroups of 64 invocations that cover `count` of them. */
export const gridOf = (count: number): Grid => linearGrid(Math.ceil(count / 64));

/** Every specialisation `rowVariant` can give. No workgroup has more than 128 invocations. */
export const ROW_VARIANTS = [
  { LANES: "1u", ROWS: "16u" },
  { LANES: "64u", ROWS: "2u" },
] as const;

const rowFamily = defineFamily({
  name: "rows",
  candidates: [
    {
      name: "lane",
      sums: "along the row",
      value: { shares: ROW_VARIANTS[0], readsVectors: false },
    },
    {
      name: "lane-vectors",
      sums: "along the row",
      value: { shares: ROW_VARIANTS[0], readsVectors: true },
    },
    {
      name: "tree",
      sums: "in a tree",
      value: { shares: ROW_VARIANTS[1], readsVectors: false },
    },
  ],
});

/** How many invocations share a row in row kernels. Never chosen by the shape, so results do not depend on it. */
export const rowVariant = (x: Tensor): (typeof ROW_VARIANTS)[number] => rowFamily.choose(x.gpu).value.shares;

/** Rows that are read by whole vectors, their elements added in order all the same. */
export const VECTOR_ROWS = { V: "vec4<f32>", WIDTH: "4u", addTo: "return total + v.x + v.y + v.z + v.w;" } as const;

/**
 * Whether contiguous rows are read by vectors: where one invocation walks a row, so that it depends on no more than the
 * number of columns, and elements are added in the same order.
 */
export const readsVectors = (gpu: Gpu, columns: number): boolean =>
  rowFamily.choose(gpu).value.readsVectors && columns % 4 === 0;

/** Every specialisation of kernels of contiguous rows: who shares a row, and how it is read. */
export const rowReadings = (): Specialization[] => [...ROW_VARIANTS, { ...ROW_VARIANTS[0], ...VECTOR_ROWS }];

export function rowGrid(rows: number, variant: { ROWS: string }): Grid {
  return linearGrid(Math.ceil(rows / Number.parseInt(variant.ROWS, 10)));
}

export function requireFloat32(op: string, ...tensors: Tensor[]): void {
  for (const tensor of tensors) {
    if (tensor.dtype !== "f32") {
      throw new Error(`${op}: expected f32, got ${tensor.dtype}${formatShape(tensor.shape)}; use cast(x, "f32")`);
    }
  }
}

export function requireFloat(op: string, ...tensors: Tensor[]): void {
  for (const tensor of tensors) {
    if (!isFloat(tensor.dtype)) throw new Error(`${op}: expected a float type, got ${tensor.dtype}`);
  }
}

export function requireInteger(op: string, tensor: Tensor): void {
  if (tensor.dtype !== "i32" && tensor.dtype !== "u32") {
    throw new Error(`${op}: expected i32 or u32 indices, got ${tensor.dtype}${formatShape(tensor.shape)}`);
  }
}

/** A fresh output on the device of `like`. */
export function output(op: string, like: Tensor, shape: Shape, dtype = like.dtype): Tensor {
  return empty(like.gpu, shape, dtype, op);
}
