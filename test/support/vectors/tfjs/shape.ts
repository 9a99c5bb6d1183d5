import * as api from "../../../../src/autograd/index.ts";
import type { DType, Tensor } from "../../../../src/tensor/index.ts";
import { allAxes, asFloat, asIndex, eye, filled, hostTensor, scatterNd, wrapIndices } from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import { computedType } from "../values.ts";
import { operand } from "./operands.ts";

const subject = (node: Node): Tensor => operand(node, "x", "arg0");
const dtypeOf = (node: Node, otherwise: DType): DType =>
  node.has("dtype") ? computedType(node.text("dtype", "")) : otherwise;

const asRank: Implementation = (node) => {
  const lengths = ["arg1", "arg2", "arg3", "arg4", "arg5"]
    .filter((key) => node.has(key))
    .map((key) => node.number(key));
  return api.reshape(subject(node), lengths);
};

const concat: Implementation = (node) => api.concat(node.list("tensors"), node.number("axis", 0));
const reverse: Implementation = (node) => api.flip(subject(node), node.numbers("axis"));

/** Sizes of −1, and axes that are not named, reach to the end. */
const slice: Implementation = (node) => {
  const x = subject(node);
  const begins = node.numbers("begin") ?? [];
  const sizes = node.numbers("size") ?? [];
  return begins.reduce((current, begin, axis) => {
    const size = sizes[axis] ?? -1;
    return api.slice(current, axis, begin, size < 0 ? x.shape[axis] : begin + size);
  }, x);
};

const pad: Implementation = (node) => {
  const given = node.attribute("paddings") as [number, number] | [number, number][];
  const widths = Array.isArray(given[0]) ? (given as [number, number][]) : [given as [number, number]];
  return api.pad(subject(node), widths, { value: node.number("constantValue", 0) });
};

function split(node: Node): readonly Tensor[] {
  const x = subject(node);
  const axis = node.number("axis", 0);
  const length = x.shape.at(axis)!;
  const given = node.attribute("numOrSizeSplits");
  if (typeof given === "number") return api.split(x, new Array<number>(given).fill(length / given), axis);
  const sizes = given as number[];
  const known = sizes.reduce((sum, size) => sum + Math.max(size, 0), 0);
  return api.split(
    x,
    sizes.map((size) => (size < 0 ? length - known : size)),
    axis,
  );
}

export const shape: OperatorTable = {
  reshape: (node) => api.reshape(subject(node), node.numbers("shape") ?? []),
  flatten: (node) => api.reshape(subject(node), [-1]),
  asScalar: (node) => api.reshape(subject(node), []),
  as1D: (node) => api.reshape(subject(node), [-1]),
  as2D: asRank,
  as3D: asRank,
  as4D: asRank,
  as5D: asRank,
  expandDims: (node) => api.unsqueeze(subject(node), node.number("axis", 0)),
  squeeze: (node) => api.squeeze(subject(node), node.numbers("axis")),
  transpose: (node) => {
    const x = subject(node);
    return api.permute(x, node.numbers("perm") ?? allAxes(x).reverse());
  },
  tile: (node) => api.tile(subject(node), node.numbers("reps")!),
  concat,
  concat1d: concat,
  concat2d: concat,
  concat3d: concat,
  concat4d: concat,
  stack: (node) => api.stack(node.list("tensors"), node.number("axis", 0)),
  unstack: (node) => {
    const x = subject(node);
    const axis = node.number("axis", 0);
    const along = axis < 0 ? axis + x.rank : axis;
    return api.split(x, new Array<number>(x.shape[along]).fill(1), along).map((part) => api.squeeze(part, [along]));
  },
  split,
  reverse,
  reverse1d: reverse,
  reverse2d: reverse,
  reverse3d: reverse,
  reverse4d: reverse,
  slice,
  slice1d: slice,
  slice2d: slice,
  slice3d: slice,
  slice4d: slice,
  pad,
  pad1d: pad,
  pad2d: pad,
  pad3d: pad,
  pad4d: pad,
  mirrorPad: (node) => {
    const widths = node.attribute("paddings") as [number, number][];
    return api.pad(subject(node), widths, { mode: node.word<"reflect" | "symmetric">("mode", "reflect") });
  },
  gather: (node) => {
    const x = subject(node);
    const axis = (node.number("axis", 0) + x.rank) % x.rank;
    const indices = wrapIndices(asIndex(operand(node, "indices")), [x.shape[axis]]);
    const taken = api.indexSelect(x, axis, api.reshape(indices, [-1]));
    return api.reshape(taken, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]);
  },
  /** Updates of one place add up. */
  scatterND: (node) => {
    const indices = operand(node, "indices");
    const updates = operand(node, "updates");
    const places = indices.rank === 1 ? api.unsqueeze(indices, 1) : indices;
    return scatterNd(filled(node.numbers("shape")!, 0, updates.dtype), places, updates, "add");
  },
  unsortedSegmentSum: (node) => {
    const x = subject(node);
    const segments = node.number("numSegments");
    const ids = asIndex(operand(node, "segmentIds"));
    const rows = api.reshape(x, [ids.size, -1]);
    const index = api.contiguous(api.expand(api.reshape(ids, [-1, 1]), rows.shape));
    const sums = api.scatterAdd(filled([segments, rows.shape[1]], 0, x.dtype), 0, index, rows);
    return api.reshape(sums, [segments, ...x.shape.slice(ids.rank)]);
  },
  oneHot: (node) => {
    const hot = api.oneHot(asIndex(operand(node, "indices")), node.number("depth"));
    const [on, off] = [node.number("onValue", 1), node.number("offValue", 0)];
    return on === 1 && off === 0 ? hot : api.add(api.mul(hot, on - off), off);
  },
  diag: (node) => {
    const x = subject(node);
    return api.reshape(api.mul(eye(x.size, x.size), api.reshape(asFloat(x), [-1, 1])), [...x.shape, ...x.shape]);
  },
  eye: (node) => {
    const rows = node.number("numRows");
    const batch = node.numbers("batchShape") ?? [];
    const matrix = eye(rows, node.number("numColumns", rows));
    return api.expand(matrix, [...batch, ...matrix.shape]);
  },
  fill: (node) => filled(node.numbers("shape") ?? [], node.number("value"), dtypeOf(node, "f32")),
  onesLike: (node) => filled(subject(node).shape, 1, subject(node).dtype),
  zerosLike: (node) => filled(subject(node).shape, 0, subject(node).dtype),
  linspace: (node) => {
    const [start, stop, count] = [node.number("start"), node.number("stop"), node.number("num")];
    const step = count > 1 ? (stop - start) / (count - 1) : 0;
    return hostTensor(
      Array.from({ length: count }, (_, i) => start + i * step),
      [count],
    );
  },
  /** Keeps the diagonals from `numLower` below to `numUpper` above; a negative number keeps all. */
  "linalg.bandPart": (node) => {
    const a = operand(node, "a");
    const [lower, upper] = [node.number("numLower"), node.number("numUpper")];
    const cut = lower < 0 ? a : api.triu(a, -lower);
    return upper < 0 ? cut : api.tril(cut, upper);
  },
};
