import type { Adapter } from "../node.ts";
import { attentionOperators } from "./attention.ts";
import { elementwise } from "./elementwise.ts";
import { neural } from "./neural.ts";
import { recurrent } from "./recurrent.ts";
import { reduction } from "./reduction.ts";
import { resizeOperators } from "./resize.ts";
import { shape } from "./shape.ts";
import { training } from "./training.ts";

const NO_ARC = "the table has no inverse trigonometric op";

/** ONNX, at any operator set. */
export const onnx: Adapter = {
  operators: {
    ...elementwise,
    ...reduction,
    ...shape,
    ...neural,
    ...attentionOperators,
    ...resizeOperators,
    ...recurrent,
    ...training,
  },
  exact: new Set([
    ...Object.keys(shape),
    "Abs",
    "Ceil",
    "Clip",
    "Floor",
    "GlobalMaxPool",
    "Hardmax",
    "Identity",
    "Max",
    "MaxPool",
    "Min",
    "Neg",
    "ReduceMax",
    "ReduceMin",
    "Relu",
    "Round",
    "Sign",
    "TopK",
    "Where",
  ]),
  notApplicable: {
    Acos: NO_ARC,
    Asin: NO_ARC,
    Atan: NO_ARC,
    CumProd: "the table has no cumulative product",
    NonZero: "the shape of the result depends on the values",
  },
};
