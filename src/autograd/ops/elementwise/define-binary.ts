import {
  type ElementFunction,
  requireAccepted,
  requireNumber,
  resultType,
} from "../../../kernels/elementwise/element-function.ts";
import { binary, binaryWithNumber } from "../../../kernels/elementwise/elementwise.ts";
import { broadcastShapes, formatShape, type Tensor } from "../../../tensor/index.ts";
import { defineOp, type Op, type Spec } from "../../define-op.ts";
import { sumTo } from "../broadcast.ts";

/** A tensor or a number; at least one operand of an op is a tensor. */
export type Operand = Tensor | number;

/** The operand that is a number, if one is; the op then has one input. */
export interface NumberOperand {
  left?: number;
  right?: number;
}

/** Shape and type of what two tensors, or one and a number, give under a function of elements. */
function inferElementwise(
  op: string,
  fn: ElementFunction,
  inputs: readonly Tensor[],
  { left, right }: NumberOperand,
): Spec {
  const [a, b] = inputs;
  requireAccepted(op, fn, a);
  const dtype = resultType(fn, a.dtype);
  const value = left ?? right;
  if (value !== undefined) {
    requireNumber(op, value, a.dtype);
    return { shape: a.shape, dtype };
  }
  if (a.dtype !== b.dtype) {
    throw new Error(
      `${op}: types ${a.dtype}${formatShape(a.shape)} and ${b.dtype}${formatShape(b.shape)} differ; cast one`,
    );
  }
  return { shape: broadcastShapes(op, a.shape, b.shape), dtype };
}

/** What the gradient of one operand is made from. */
export interface BinaryGradient {
  g: Tensor;
  a: Operand;
  b: Operand;
  createGraph: boolean;
}

interface BinaryInit {
  /** The function of elements; the op has its name. */
  fn: ElementFunction;
  /** Gradients of the operands before they are summed back over broadcast axes; ops without have none. */
  vjp?: { a: (at: BinaryGradient) => Tensor; b: (at: BinaryGradient) => Tensor };
  /** Whether the gradients need the operands. */
  saves?: boolean;
}

/** Makes an op of two operands out of a function of elements. */
/* @__NO_SIDE_EFFECTS__ */ export function defineBinary({ fn, vjp, saves = true }: BinaryInit): Op<NumberOperand> {
  const { name } = fn;
  return defineOp<NumberOperand>({
    name,
    infer: (inputs, attributes) => inferElementwise(name, fn, inputs, attributes),
    forward: ([a, b], { left, right }) => {
      if (left !== undefined) return binaryWithNumber(name, a, left, "left", fn);
      return right !== undefined ? binaryWithNumber(name, a, right, "right", fn) : binary(name, a, b, fn);
    },
    save: (inputs) => (saves ? inputs : []),
    vjp: vjp
      ? (g, saved, { inputs, attributes: { left, right }, createGraph }) => {
          const [a, b] = left !== undefined ? [left, saved[0]] : [saved[0], right ?? saved[1]];
          const at = { g, a, b, createGraph };
          const thunks = [() => vjp.a(at), () => vjp.b(at)];
          const tensors = left !== undefined ? [thunks[1]] : right !== undefined ? [thunks[0]] : thunks;
          return tensors.map((thunk, i) => () => sumTo(thunk(), inputs[i].shape));
        }
      : undefined,
  });
}

/** Calls a binary op on operands of which one may be a number. */
export function callBinary(op: Op<NumberOperand>, a: Operand, b: Operand): Tensor {
  if (typeof a !== "number") return typeof b === "number" ? op([a], { right: b }) : op([a, b], {});
  if (typeof b !== "number") return op([b], { left: a });
  throw new Error(`${op.definition.name}: at least one operand must be a tensor`);
}
