import * as api from "../../../../src/autograd/index.ts";
import { argLast, asFloat, normalizedAxes, reductions } from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";

/** Axes are an attribute in early opsets and an input in later ones. */
export const axesOf = (node: Node, position = 1): number[] | undefined => node.numbers("axes") ?? node.host(position);

const reduce =
  (name: string): Implementation =>
  (node) => {
    const x = node.input(0);
    const given = axesOf(node);
    const isEmpty = !given || given.length === 0;
    if (isEmpty && node.flag("noop_with_empty_axes", false)) {
      return node.opset < 26 ? x : reductions[name](x, [], true);
    }
    return reductions[name](x, isEmpty ? undefined : normalizedAxes(given, x.rank), node.flag("keepdims", true));
  };

const position =
  (find: typeof api.argmax): Implementation =>
  (node) => {
    const x = node.input(0);
    const axis = node.number("axis", 0);
    const keep = node.flag("keepdims", true);
    return node.flag("select_last_index", false) ? argLast(find, x, axis, keep) : find(x, axis, keep);
  };

export const reduction: OperatorTable = {
  ReduceL1: reduce("l1"),
  ReduceL2: reduce("l2"),
  ReduceLogSum: reduce("logSum"),
  ReduceLogSumExp: reduce("logSumExp"),
  ReduceMax: reduce("max"),
  ReduceMean: reduce("mean"),
  ReduceMin: reduce("min"),
  ReduceProd: reduce("prod"),
  ReduceSum: reduce("sum"),
  ReduceSumSquare: reduce("sumSquare"),
  ArgMax: position(api.argmax),
  ArgMin: position(api.argmin),
  CumSum: (node) =>
    api.cumsum(node.input(0), node.host(1)![0], {
      exclusive: node.flag("exclusive", false),
      reverse: node.flag("reverse", false),
    }),
  LpNormalization: (node) => {
    const x = node.input(0);
    const axis = node.number("axis", -1);
    return api.div(x, api.norm(x, { order: node.number("p", 2), axes: [axis], keepDimensions: true }));
  },
  TopK: (node) => {
    const x = node.input(0);
    const k = node.has("k") ? node.number("k") : node.host(1)![0];
    const { values, indices } = api.topK(x, k, { axis: node.number("axis", -1), largest: node.flag("largest", true) });
    return [values, indices];
  },
  MeanVarianceNormalization: (node) => {
    const x = asFloat(node.input(0));
    const axes = node.numbers("axes") ?? [0, 2, 3];
    const centred = api.sub(x, api.mean(x, axes, true));
    return api.div(centred, api.add(api.std(x, axes, { correction: 0, keepDimensions: true }), 1e-9));
  },
};
