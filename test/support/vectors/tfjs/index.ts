import type { Adapter } from "../node.ts";
import { elementwise } from "./elementwise.ts";
import { losses } from "./losses.ts";
import { neural } from "./neural.ts";
import { reduction } from "./reduction.ts";
import { shape } from "./shape.ts";

const NO_ARC = "the table has no inverse trigonometric op";

/** TensorFlow.js. */
export const tfjs: Adapter = {
  operators: { ...elementwise, ...reduction, ...shape, ...neural, ...losses },
  exact: new Set([
    ...Object.keys(shape),
    "abs",
    "ceil",
    "clipByValue",
    "clone",
    "floor",
    "max",
    "maxPool",
    "maximum",
    "min",
    "minimum",
    "neg",
    "relu",
    "relu6",
    "round",
    "sign",
    "step",
    "topk",
    "where",
  ]),
  notApplicable: {
    acos: NO_ARC,
    asin: NO_ARC,
    atan: NO_ARC,
    atan2: NO_ARC,
    cumprod: "the table has no cumulative product",
  },
};
