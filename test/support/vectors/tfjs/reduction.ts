import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { asFloat, asMask, asType, normalizedAxes, reductions } from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import { operand } from "./operands.ts";

const keeps = (node: Node): boolean => node.flag("keepDims", false);

const reduce =
  (name: string, prepare: (x: Tensor) => Tensor): Implementation =>
  (node) =>
    reductions[name](prepare(operand(node, "x")), node.numbers("axis"), keeps(node));

const asNumbers = (x: Tensor): Tensor => (x.dtype === "bool" ? asType(x, "i32") : x);

const masks =
  (reduceMasks: typeof api.any): Implementation =>
  (node) =>
    reduceMasks(asMask(operand(node, "x")), node.numbers("axis"), keeps(node));

const position =
  (find: typeof api.argmax): Implementation =>
  (node) =>
    find(asNumbers(operand(node, "x")), node.number("axis", 0));

/** Of a vector, or of the matrices along two axes: the largest sum of a column (1), or of a row (∞). */
function norm(node: Node): Tensor {
  const x = asFloat(operand(node, "x"));
  const keepDimensions = keeps(node);
  const given = node.attribute("axis");
  const order = node.attribute("ord") ?? "euclidean";
  const isMatrix = Array.isArray(given) && given.length === 2;
  const axes = node.numbers("axis") && normalizedAxes(node.numbers("axis")!, x.rank);
  if (order === "euclidean" || order === "fro" || (order === 2 && !isMatrix)) {
    return api.norm(x, { axes, keepDimensions });
  }
  const p = Number(order);
  if (!isMatrix) return api.norm(x, { order: p, axes, keepDimensions });
  const [summed, other] = p === 1 ? [axes![0], axes![1]] : [axes![1], axes![0]];
  const sums = api.sum(api.abs(x), [summed], true);
  const result = p === Number.NEGATIVE_INFINITY ? api.min(sums, [other], true) : api.max(sums, [other], true);
  return keepDimensions ? result : api.squeeze(result, axes);
}

export const reduction: OperatorTable = {
  sum: reduce("sum", asNumbers),
  mean: reduce("mean", asFloat),
  prod: reduce("prod", asNumbers),
  max: reduce("max", asNumbers),
  min: reduce("min", asNumbers),
  logSumExp: reduce("logSumExp", asFloat),
  any: masks(api.any),
  all: masks(api.all),
  argMax: position(api.argmax),
  argMin: position(api.argmin),
  norm,
  euclideanNorm: norm,
  moments: (node) => {
    const x = asFloat(operand(node, "x"));
    const [axes, keepDimensions] = [node.numbers("axis"), keeps(node)];
    return [api.mean(x, axes, keepDimensions), api.variance(x, axes, { correction: 0, keepDimensions })];
  },
  cumsum: (node) =>
    api.cumsum(asNumbers(operand(node, "x")), node.number("axis", 0), {
      exclusive: node.flag("exclusive", false),
      reverse: node.flag("reverse", false),
    }),
  topk: (node) => {
    const { values, indices } = api.topK(operand(node, "x"), node.number("k", 1));
    return [values, indices];
  },
  softmax: (node) => api.softmax(asFloat(operand(node, "logits", "x")), node.number("dim", node.number("axis", -1))),
  logSoftmax: (node) => api.logSoftmax(asFloat(operand(node, "logits", "x")), node.number("axis", -1)),
};
