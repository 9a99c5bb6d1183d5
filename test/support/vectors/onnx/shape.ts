import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { NotApplicableError } from "../cases.ts";
import {
  allAxes,
  asType,
  eye,
  filled,
  gatherNd,
  hostTensor,
  normalizedAxes,
  scatterNd,
  sliceAxes,
  wrapIndices,
} from "../compose.ts";
import type { Node, OperatorTable } from "../node.ts";
import { computedType, hostValues, upload } from "../values.ts";
import { castType } from "./elementwise.ts";
import { axesOf } from "./reduction.ts";

const normalized = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The axes before `axis` as rows, the rest as columns. */
export const flatten = (x: Tensor, axis: number): Tensor => {
  const rows = x.shape.slice(0, normalized(axis, x.rank)).reduce((a, b) => a * b, 1);
  return api.reshape(x, [rows, rows === 0 ? 0 : x.size / rows]);
};

function reshape(node: Node): Tensor {
  const x = node.input(0);
  const wanted = node.numbers("shape") ?? node.host(1)!;
  const keepsZero = node.flag("allowzero", false);
  return api.reshape(
    x,
    wanted.map((length, axis) => (length === 0 && !keepsZero ? x.shape[axis] : length)),
  );
}

/** Starts and ends are attributes before opset 10; they count from the end when negative, and are clamped. */
function slice(node: Node): Tensor {
  const x = node.input(0);
  const starts = node.numbers("starts") ?? node.host(1)!;
  const ends = node.numbers("ends") ?? node.host(2)!;
  const axes = normalizedAxes(node.numbers("axes") ?? node.host(3) ?? starts.map((_, axis) => axis), x.rank);
  const steps = node.host(4) ?? starts.map(() => 1);
  const parts = axes.map((axis, i) => {
    const length = x.shape[axis];
    const step = steps[i];
    const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1];
    const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + length : at, lowest), highest);
    return { axis, begin: clamp(starts[i]), end: clamp(ends[i]), step };
  });
  return sliceAxes(x, parts);
}

function split(node: Node): readonly Tensor[] {
  const x = node.input(0);
  const axis = node.number("axis", 0);
  const sizes = node.numbers("split") ?? node.host(1);
  if (sizes) return api.split(x, sizes, axis);
  return api.split(x, Math.ceil(x.shape.at(axis)! / node.number("num_outputs", node.outputs.length)), axis);
}

function pad(node: Node): Tensor {
  const x = node.input(0);
  const pads = node.numbers("pads") ?? node.numbers("paddings") ?? node.host(1)!;
  const axes = normalizedAxes(node.host(3) ?? allAxes(x), x.rank);
  const widths = allAxes(x).map((axis): [number, number] => {
    const at = axes.indexOf(axis);
    return at < 0 ? [0, 0] : [pads[at], pads[at + axes.length]];
  });
  const mode = node.word<"constant" | "reflect" | "edge" | "wrap">("mode", "constant");
  const value = node.has("value") ? node.number("value") : (node.host(2)?.[0] ?? 0);
  return api.pad(x, widths, { mode, value });
}

function scatterElements(node: Node): Tensor {
  const x = node.input(0);
  const axis = node.number("axis", 0);
  const indices = wrapIndices(node.input(1), [x.shape.at(axis)!]);
  const reduction = node.text("reduction", "none");
  if (reduction === "none") return api.scatter(x, axis, indices, node.input(2));
  if (reduction === "add") return api.scatterAdd(x, axis, indices, node.input(2));
  throw new NotApplicableError(`no scatter op reduces by ${reduction}`);
}

function scatterND(node: Node): Tensor {
  const reduction = node.text("reduction", "none");
  if (reduction !== "none" && reduction !== "add")
    throw new NotApplicableError(`no scatter op reduces by ${reduction}`);
  return scatterNd(node.input(0), node.input(1), node.input(2), reduction);
}

/** Updates a cache along an axis, each row of the batch from an index of its own. */
function tensorScatter(node: Node): Tensor {
  const [past, update] = [node.input(0), node.input(1)];
  const axis = normalized(node.number("axis", -2), past.rank);
  const starts = node.host(2) ?? new Array<number>(past.shape[0]).fill(0);
  const isCircular = node.text("mode", "linear") === "circular";
  const length = past.shape[axis];
  const steps = update.shape[axis];
  const places = starts.flatMap((start) =>
    Array.from({ length: steps }, (_, i) => (isCircular ? (start + i) % length : start + i)),
  );
  const shape = allAxes(past).map((a) => (a === 0 ? past.shape[0] : a === axis ? steps : 1));
  const indices = api.contiguous(api.expand(hostTensor(places, shape, "i32"), update.shape));
  return api.scatter(past, axis, indices, update);
}

const space = (node: Node): [x: Tensor, block: number] => [node.input(0), node.number("blocksize")];

export const shape: OperatorTable = {
  Concat: (node) =>
    api.concat(
      node.inputs().map((x) => x!),
      node.number("axis", 1),
    ),
  Expand: (node) => {
    const x = node.input(0);
    const wanted = node.host(1)!;
    const rank = Math.max(x.rank, wanted.length);
    const full = (lengths: readonly number[]) => [...new Array<number>(rank - lengths.length).fill(1), ...lengths];
    const [own, other] = [full(x.shape), full(wanted)];
    return api.expand(
      x,
      own.map((length, axis) => (length === 1 ? other[axis] : length)),
    );
  },
  Flatten: (node) => flatten(node.input(0), node.number("axis", 1)),
  Reshape: reshape,
  Slice: slice,
  Split: split,
  Pad: pad,
  Squeeze: (node) => api.squeeze(node.input(0), axesOf(node)),
  Unsqueeze: (node) => {
    const x = node.input(0);
    const axes = axesOf(node)!;
    const sorted = normalizedAxes(axes, x.rank + axes.length).sort((a, b) => a - b);
    return sorted.reduce((current, axis) => api.unsqueeze(current, axis), x);
  },
  Tile: (node) => {
    const x = node.input(0);
    if (node.opset >= 6) return api.tile(x, node.host(1)!);
    const [count, axis] = [node.host(1)![0], node.host(2)![0]];
    return api.tile(
      x,
      allAxes(x).map((a) => (a === axis ? count : 1)),
    );
  },
  Transpose: (node) => {
    const x = node.input(0);
    return api.permute(x, node.numbers("perm") ?? allAxes(x).reverse());
  },
  Trilu: (node) => {
    const diagonal = node.host(1)?.[0] ?? 0;
    return node.flag("upper", true) ? api.triu(node.input(0), diagonal) : api.tril(node.input(0), diagonal);
  },
  DepthToSpace: (node) => {
    const [x, b] = space(node);
    const [n, c, h, w] = x.shape;
    const isDcr = node.text("mode", "DCR") === "DCR";
    const parts = isDcr ? [n, b, b, c / (b * b), h, w] : [n, c / (b * b), b, b, h, w];
    const order = isDcr ? [0, 3, 4, 1, 5, 2] : [0, 1, 4, 2, 5, 3];
    return api.reshape(api.permute(api.reshape(x, parts), order), [n, c / (b * b), h * b, w * b]);
  },
  SpaceToDepth: (node) => {
    const [x, b] = space(node);
    const [n, c, h, w] = x.shape;
    const parts = api.reshape(x, [n, c, h / b, b, w / b, b]);
    return api.reshape(api.permute(parts, [0, 3, 5, 1, 2, 4]), [n, c * b * b, h / b, w / b]);
  },
  Shape: (node) => {
    const lengths = node.input(0).shape;
    const part = lengths.slice(node.number("start", 0), node.has("end") ? node.number("end") : undefined);
    return hostTensor(part, [part.length], "i32");
  },
  Size: (node) => hostTensor([node.input(0).size], [], "i32"),

  Gather: (node) => {
    const x = node.input(0);
    const axis = normalized(node.number("axis", 0), x.rank);
    const indices = wrapIndices(node.input(1), [x.shape[axis]]);
    const taken = api.indexSelect(x, axis, api.reshape(indices, [-1]));
    return api.reshape(taken, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]);
  },
  GatherElements: (node) => {
    const x = node.input(0);
    const axis = normalized(node.number("axis", 0), x.rank);
    return api.gather(x, axis, wrapIndices(node.input(1), [x.shape[axis]]));
  },
  GatherND: (node) => gatherNd(node.input(0), node.input(1), node.number("batch_dims", 0)),
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ScatterND: scatterND,
  TensorScatter: tensorScatter,

  OneHot: (node) => {
    const [off, on] = node.host(2)!;
    const depth = node.host(1)![0];
    const indices = wrapIndices(node.input(0), [depth]);
    const axis = normalized(node.number("axis", -1), indices.rank + 1);
    // Indices out of range give a row of `off`.
    const isInside = api.logicalAnd(api.greaterEqual(indices, 0), api.less(indices, depth));
    const hot = api.oneHot(api.where(isInside, indices, 0), depth);
    const rows = api.mul(hot, asType(api.unsqueeze(isInside, indices.rank), "f32"));
    const y = asType(api.add(api.mul(rows, on - off), off), computedType(node.dtype(2)));
    const order = allAxes(y).slice(0, -1);
    return api.permute(y, [...order.slice(0, axis), indices.rank, ...order.slice(axis)]);
  },
  EyeLike: (node) => {
    const x = node.input(0);
    const dtype = node.has("dtype") ? castType(node.number("dtype")) : x.dtype;
    return eye(x.shape[0], x.shape[1], node.number("k", 0), dtype);
  },
  Constant: (node) => {
    const written = node.writtenTensor("value");
    if (written) return upload(written);
    for (const [name, dtype] of [
      ["value_float", "f32"],
      ["value_floats", "f32"],
      ["value_int", "i32"],
      ["value_ints", "i32"],
    ] as const) {
      const values = node.numbers(name);
      if (values) return hostTensor(values, name.endsWith("s") ? [values.length] : [], dtype);
    }
    throw new NotApplicableError("a constant of strings, or a sparse one");
  },
  ConstantOfShape: (node) => {
    const written = node.writtenTensor("value");
    const dtype = written ? computedType(written.dtype) : "f32";
    return filled(node.host(0)!, written ? hostValues(written)[0] : 0, dtype);
  },
  Range: (node) => {
    const [start, limit, delta] = [0, 1, 2].map((i) => node.host(i)![0]);
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    const values = Array.from({ length: count }, (_, i) => start + i * delta);
    return hostTensor(values, [count], computedType(node.dtype(0)));
  },
};
