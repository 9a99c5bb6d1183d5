import { requireNumber } from "../../../kernels/elementwise/element-function.ts";
import { ternary } from "../../../kernels/elementwise/ternary.ts";
import { broadcastShapes, type DType, formatShape, requireTensors, type Tensor } from "../../../tensor/index.ts";
import { defineOp, type Spec } from "../../define-op.ts";
import { sumTo } from "../broadcast.ts";
import type { Operand } from "./define-binary.ts";

/** Numbers in the place of operands: `a` where the condition holds, `b` where it does not. */
export interface WhereAttributes {
  a?: number;
  b?: number;
}

function operandsOf(inputs: readonly Tensor[], { a, b }: WhereAttributes): [Operand, Operand] {
  const tensors = inputs.slice(1);
  return [a ?? tensors[0], b ?? tensors[a === undefined ? 1 : 0]];
}

function inferWhere(inputs: readonly Tensor[], attributes: WhereAttributes): Spec {
  const [condition] = inputs;
  if (condition.dtype !== "bool") {
    throw new Error(
      `where: expected a bool condition, got ${condition.dtype}${formatShape(condition.shape)}; compare it, or cast(x, "bool")`,
    );
  }
  const operands = operandsOf(inputs, attributes);
  let shape = condition.shape;
  let dtype: DType | undefined;
  for (const x of operands) {
    if (typeof x === "number") continue;
    if (dtype && x.dtype !== dtype) {
      throw new Error(`where: types ${dtype} and ${x.dtype}${formatShape(x.shape)} differ; cast one`);
    }
    dtype = x.dtype;
    shape = broadcastShapes("where", shape, x.shape);
  }
  for (const x of operands) if (typeof x === "number") requireNumber("where", x, dtype ?? "f32");
  return { shape, dtype: dtype ?? "f32" };
}

/** y = a where a condition holds, else b; each broadcast. */
export const whereOp = defineOp<WhereAttributes>({
  name: "where",
  infer: inferWhere,
  forward: (inputs, attributes) => {
    const [a, b] = operandsOf(inputs, attributes);
    const { shape, dtype } = inferWhere(inputs, attributes);
    return ternary("where", inputs[0], a, b, "where", shape, dtype);
  },
  save: ([condition]) => [condition],
  vjp: (g, [condition], { inputs, attributes: { a, b } }) => [
    null,
    ...(a === undefined ? [() => sumTo(where(condition, g, 0), inputs[1].shape)] : []),
    ...(b === undefined ? [() => sumTo(where(condition, 0, g), inputs[inputs.length - 1].shape)] : []),
  ],
});

/**
 * y = a where the condition holds, else b, with NumPy's broadcasting over all three. What is not chosen does not matter,
 * not even if it is NaN; its gradient is 0.
 *
 * @throws when the condition is not bool, or the types of a and b differ.
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const inputs = [condition, a, b].filter((x) => typeof x !== "number");
  return whereOp(inputs, {
    ...(typeof a === "number" ? { a } : {}),
    ...(typeof b === "number" ? { b } : {}),
  });
}

/** x with `value` wherever the mask, which may be broadcast, holds. */
export function maskedFill(x: Tensor, mask: Tensor, value: number): Tensor {
  requireTensors("maskedFill", [x, mask]);
  if (mask.dtype !== "bool") {
    throw new Error(`maskedFill: expected a bool mask, got ${mask.dtype}${formatShape(mask.shape)}`);
  }
  const shape = broadcastShapes("maskedFill", x.shape, mask.shape);
  if (shape.length !== x.rank || shape.some((length, axis) => length !== x.shape[axis])) {
    throw new Error(`maskedFill: mask ${formatShape(mask.shape)} does not broadcast to ${formatShape(x.shape)}`);
  }
  return where(mask, value, x);
}
