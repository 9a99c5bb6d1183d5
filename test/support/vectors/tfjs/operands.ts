import { type Tensor, tensor } from "../../../../src/tensor/index.ts";
import type { Node } from "../node.ts";

type Literal = number | boolean | string | readonly Literal[];

/** A tensor, or one written out as nested arrays in the attributes. */
export function operand(node: Node, ...keys: readonly string[]): Tensor {
  const written = keys.find((key) => !node.hasInput(key) && node.has(key));
  if (written === undefined) return node.input(...keys);
  const literal = node.attribute(written) as Literal;
  const flat = Array.isArray(literal) ? (literal.flat(Number.POSITIVE_INFINITY) as (number | boolean)[]) : [literal];
  const shape: number[] = [];
  for (let level: Literal = literal; Array.isArray(level); level = level[0]) shape.push(level.length);
  const isMask = flat.every((value) => typeof value === "boolean");
  return tensor(flat.map(Number), shape, { dtype: isMask ? "bool" : "f32" });
}
