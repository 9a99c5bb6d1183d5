import { full } from "../../../kernels/copy.ts";
import { type ElementFunction, requireAccepted, resultType } from "../../../kernels/elementwise/element-function.ts";
import { unary } from "../../../kernels/elementwise/elementwise.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";
import { mul } from "./arithmetic.ts";

export type NoAttributes = Record<string, never>;

interface UnaryInit {
  /** The function of elements; the op has its name. */
  fn: ElementFunction;
  /** Whether the vjp wants the input or the output; neither when absent. */
  saves?: "input" | "output";
  vjp: (g: Tensor, saved: Tensor, createGraph: boolean) => Tensor;
}

/** Makes an op of one operand and no attributes out of a function of elements. */
/* @__NO_SIDE_EFFECTS__ */ export function defineUnary({ fn, saves, vjp }: UnaryInit): Op<NoAttributes> {
  const { name } = fn;
  return defineOp<NoAttributes>({
    name,
    infer: ([x]) => {
      requireAccepted(name, fn, x);
      return x;
    },
    forward: ([x]) => unary(name, x, fn),
    save: ([x], [y]) => (saves === undefined ? [] : [saves === "input" ? x : y]),
    vjp: (g, [saved], { createGraph }) => [() => vjp(g, saved, createGraph)],
  });
}

/** Zeros for a gradient, whatever the incoming one; for second order a product, which depends on it. */
export const noGradient = (g: Tensor, createGraph: boolean): Tensor =>
  createGraph ? mul(g, 0) : full(g.gpu, g.shape, 0, g.dtype);

/** Makes an op that gives bool. */
/* @__NO_SIDE_EFFECTS__ */ export function defineTest(fn: ElementFunction): Op<NoAttributes> {
  const { name } = fn;
  return defineOp<NoAttributes>({
    name,
    infer: ([x]) => {
      requireAccepted(name, fn, x);
      return { shape: x.shape, dtype: resultType(fn, x.dtype) };
    },
    forward: ([x]) => unary(name, x, fn),
  });
}
