import * as api from "../../../../src/autograd/index.ts";
import { asType, gatherNd, scatterNd, sliceAxes, wrapIndices } from "../compose.ts";
import type { OperatorTable } from "../node.ts";

export const shape: OperatorTable = {
  concat: (node) => api.concat(node.list("inputs"), node.number("axis", 0)),
  expand: (node) => api.expand(node.input("input"), node.numbers("newShape") ?? []),
  reshape: (node) => api.reshape(node.input("input"), node.numbers("newShape") ?? []),
  reverse: (node) => api.flip(node.input("input"), node.numbers("axes")),
  slice: (node) => {
    const x = node.input("input");
    const [starts, sizes] = [node.numbers("starts") ?? [], node.numbers("sizes") ?? []];
    const strides = node.numbers("strides") ?? [];
    return sliceAxes(
      x,
      starts.map((begin, axis) => ({ axis, begin, end: begin + sizes[axis], step: strides[axis] ?? 1 })),
    );
  },
  split: (node) => {
    const x = node.input("input");
    const axis = node.number("axis", 0);
    const splits = node.attribute("splits") as number | number[];
    return api.split(x, typeof splits === "number" ? x.shape.at(axis)! / splits : splits, axis);
  },
  tile: (node) => api.tile(node.input("input"), node.numbers("repetitions")!),
  transpose: (node) => {
    const x = node.input("input");
    return api.permute(x, node.numbers("permutation") ?? x.shape.map((_, axis) => x.rank - 1 - axis));
  },
  triangular: (node) => {
    const [x, diagonal] = [node.input("input"), node.number("diagonal", 0)];
    return node.flag("upper", true) ? api.triu(x, diagonal) : api.tril(x, diagonal);
  },
  pad: (node) => {
    const x = node.input("input");
    const [before, after] = [node.numbers("beginningPadding") ?? [], node.numbers("endingPadding") ?? []];
    const widths = before.map((width, axis) => [width, after[axis]] as [number, number]);
    const mode = node.word<"constant" | "edge" | "reflection" | "symmetric">("mode", "constant");
    const ours = mode === "reflection" ? "reflect" : mode;
    return api.pad(x, widths, { mode: ours, value: node.number("value", 0) });
  },
  gather: (node) => {
    const x = node.input("input");
    const axis = node.number("axis", 0);
    const indices = wrapIndices(node.input("indices"), [x.shape[axis]]);
    const taken = api.indexSelect(x, axis, api.reshape(indices, [-1]));
    return api.reshape(taken, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]);
  },
  gatherElements: (node) => {
    const x = node.input("input");
    const axis = node.number("axis", 0);
    return api.gather(x, axis, wrapIndices(node.input("indices"), [x.shape[axis]]));
  },
  gatherND: (node) => gatherNd(node.input("input"), node.input("indices")),
  scatterElements: (node) => {
    const x = node.input("input");
    const axis = node.number("axis", 0);
    const indices = wrapIndices(node.input("indices"), [x.shape[axis]]);
    return api.scatter(x, axis, indices, asType(node.input("updates"), x.dtype));
  },
  scatterND: (node) => scatterNd(node.input("input"), node.input("indices"), node.input("updates"), "none"),
};
