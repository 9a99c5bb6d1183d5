import { type ElementFunction, requireAccepted } from "../../../kernels/elementwise/element-function.ts";
import { binary, unary } from "../../../kernels/elementwise/elementwise.ts";
import type { Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op } from "../../define-op.ts";

interface ActivationInit<A> {
  name: string;
  /** The function of elements; it may depend on the attributes. */
  forward: (attributes: A) => ElementFunction;
  /** The function of the incoming gradient and the input that gives the gradient in one dispatch. */
  backward: (attributes: A) => ElementFunction;
  /** What the functions call `first()` and `second()`. */
  numbers?: (attributes: A) => readonly [number, number];
  /** The gradient in differentiable ops, for second order. */
  gradient: (g: Tensor, x: Tensor, attributes: A) => Tensor;
}

/** Makes an op of one input whose gradient has a kernel of its own. */
/* @__NO_SIDE_EFFECTS__ */ export function defineActivation<A>(init: ActivationInit<A>): Op<A> {
  const { name, numbers = () => [0, 0] } = init;
  return defineOp<A>({
    name,
    infer: ([x], attributes) => {
      requireAccepted(name, init.forward(attributes), x);
      return x;
    },
    forward: ([x], attributes) => unary(name, x, init.forward(attributes), ...numbers(attributes)),
    save: ([x]) => [x],
    vjp: (g, [x], { attributes, createGraph }) => [
      () =>
        createGraph
          ? init.gradient(g, x, attributes)
          : binary(`${name} backward`, g, x, init.backward(attributes), ...numbers(attributes)),
    ],
  });
}
