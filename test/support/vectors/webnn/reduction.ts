import * as api from "../../../../src/autograd/index.ts";
import { reductions } from "../compose.ts";
import type { Implementation, OperatorTable } from "../node.ts";

const reduce =
  (name: string): Implementation =>
  (node) => {
    const x = node.input("input");
    const axes = node.numbers("axes");
    // Over no axes every element is reduced on its own, which still squares it, or takes its logarithm.
    return reductions[name](x, axes, node.flag("keepDimensions", false));
  };

const position =
  (find: typeof api.argmax): Implementation =>
  (node) =>
    find(node.input("input"), node.number("axis"), node.flag("keepDimensions", false));

export const reduction: OperatorTable = {
  reduceL1: reduce("l1"),
  reduceL2: reduce("l2"),
  reduceLogSum: reduce("logSum"),
  reduceLogSumExp: reduce("logSumExp"),
  reduceMax: reduce("max"),
  reduceMean: reduce("mean"),
  reduceMin: reduce("min"),
  reduceProduct: reduce("prod"),
  reduceSum: reduce("sum"),
  reduceSumSquare: reduce("sumSquare"),
  argMax: position(api.argmax),
  argMin: position(api.argmin),
  cumulativeSum: (node) =>
    api.cumsum(node.input("input"), node.number("axis"), {
      exclusive: node.flag("exclusive", false),
      reverse: node.flag("reverse", node.flag("reversed", false)),
    }),
};
