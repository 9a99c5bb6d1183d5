import type { Adapter } from "../node.ts";
import { elementwise } from "./elementwise.ts";
import { neural } from "./neural.ts";
import { recurrent } from "./recurrent.ts";
import { reduction } from "./reduction.ts";
import { shape } from "./shape.ts";

/** W3C WebNN. */
export const webnn: Adapter = {
  operators: { ...elementwise, ...shape, ...reduction, ...neural, ...recurrent },
  exact: new Set([
    ...Object.keys(shape),
    "abs",
    "ceil",
    "floor",
    "neg",
    "sign",
    "relu",
    "identity",
    "clamp",
    "max",
    "min",
    "reduceMax",
    "reduceMin",
    "maxPool2d",
    "where",
    "roundEven",
  ]),
  notApplicable: {},
};
