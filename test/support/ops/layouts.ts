import { type DType, expandView, permuteView, sliceView, type Tensor, tensor } from "../../../src/tensor/index.ts";
import { references } from "../../reference/index.ts";
import { type NdArray, type Reference, sizeOf } from "../../reference/nd-array.ts";

/** Makes a leaf of the given values, lying in memory in some way. */
export type Layout = (x: NdArray, dtype: DType) => Tensor;

export const plain: Layout = (x, dtype) => tensor(x.data, x.shape, { dtype });

/** The view without its base; the storage lives on in it. */
function viewOf(base: Tensor, makeView: (base: Tensor) => Tensor): Tensor {
  const view = makeView(base);
  base.dispose();
  return view;
}

/** Stored with its axes in reverse order. */
export const transposedLayout: Layout = (x, dtype) => {
  const axes = x.shape.map((_, axis) => axis).reverse();
  const reversed = (references.permute as Reference<{ axes: number[] }>)([x], { axes });
  return viewOf(plain(reversed, dtype), (base) => permuteView(base, axes));
};

/** A part of a larger storage, from its second element of each row on. */
export const slicedLayout: Layout = (x, dtype) => {
  const shape = x.shape.length > 0 ? x.shape : [1];
  const last = shape.length - 1;
  const larger = shape.with(last, shape[last] + 3);
  const data = new Float64Array(sizeOf(larger)).fill(dtype === "f32" ? 1e30 : 1);
  for (let row = 0; row < sizeOf(shape.slice(0, -1)); row++) {
    data.set(x.data.subarray(row * shape[last], (row + 1) * shape[last]), row * larger[last] + 1);
  }
  return viewOf(plain({ shape: larger, data }, dtype), (base) => {
    const part = sliceView(base, last, 1, 1 + shape[last]);
    return x.shape.length > 0 ? part : viewOf(part, (row) => row.view([], []));
  });
};

/** Values that repeat along the first axis longer than 1, and how they are stored once and read with stride 0. */
export function repeated(x: NdArray): NdArray {
  const axis = x.shape.findIndex((length) => length > 1);
  if (axis < 0) return x;
  return references.expand([firstAlong(x, axis)], { shape: x.shape });
}

const firstAlong = (x: NdArray, axis: number): NdArray => references.slice([x], { axis, begin: 0, end: 1 });

export const broadcastLayout: Layout = (x, dtype) => {
  const axis = x.shape.findIndex((length) => length > 1);
  if (axis < 0) return plain(x, dtype);
  return viewOf(plain(firstAlong(x, axis), dtype), (base) => expandView(base, x.shape));
};

/** One way to lay out the inputs of an op otherwise. */
interface Views {
  what: string;
  /** Other values, where the layout wants such. */
  stored?: NdArray[];
  layouts: Layout[];
}

const longAxes = (x: NdArray): number => x.shape.filter((length) => length > 1).length;

/** Each input alone, and all together, transposed, sliced from a larger storage, and broadcast. */
export function viewsOf(inputs: readonly NdArray[], plainly: readonly Layout[]): Views[] {
  const each = inputs.map((_, i) => [i]);
  const selections = each.length > 1 ? [...each, each.flat()] : each;
  const ways: { name: string; layout: Layout; applies: (x: NdArray) => boolean }[] = [
    { name: "transposed", layout: transposedLayout, applies: (x) => longAxes(x) > 1 },
    { name: "sliced", layout: slicedLayout, applies: () => true },
    { name: "broadcast", layout: broadcastLayout, applies: (x) => longAxes(x) > 0 },
  ];
  return ways.flatMap(({ name, layout, applies }) =>
    selections
      .map((selection) => selection.filter((i) => applies(inputs[i])))
      .filter((chosen, k, all) => chosen.length > 0 && all.findIndex((other) => `${other}` === `${chosen}`) === k)
      .map((chosen) => ({
        what: `inputs ${chosen} ${name}`,
        stored: layout === broadcastLayout ? inputs.map((x, i) => (chosen.includes(i) ? repeated(x) : x)) : undefined,
        layouts: inputs.map((_, i) => (chosen.includes(i) ? layout : plainly[i])),
      })),
  );
}
