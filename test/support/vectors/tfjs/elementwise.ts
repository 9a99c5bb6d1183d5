import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import {
  acosh,
  asFloat,
  asinh,
  asMask,
  asType,
  atanh,
  cosh,
  foldPairs,
  logSigmoid,
  mod,
  prelu,
  promote,
  selu,
  sinh,
  step,
  tan,
} from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import { computedType } from "../values.ts";
import { operand } from "./operands.ts";

const unary =
  (compute: (x: Tensor, node: Node) => Tensor): Implementation =>
  (node) =>
    compute(operand(node, "x", "arg0"), node);
/** Of floats; integers are computed as such. */
const float = (compute: (x: Tensor) => Tensor): Implementation => unary((x) => compute(asFloat(x)));
const named = (compute: (x: Tensor) => Tensor): Implementation => float((x) => compute(x));
/** Of any type, which stays. */
const typed = (compute: (x: Tensor) => Tensor): Implementation =>
  unary((x) => compute(x.dtype === "bool" ? asType(x, "i32") : x));

const binary =
  (compute: (a: Tensor, b: Tensor) => Tensor): Implementation =>
  (node) => {
    const [a, b] = promote(operand(node, "a", "base"), operand(node, "b", "exp"));
    return a.dtype === "bool" ? compute(asType(a, "i32"), asType(b, "i32")) : compute(a, b);
  };
const namedBinary = (compute: (a: Tensor, b: Tensor) => Tensor): Implementation => binary((a, b) => compute(a, b));
const logical =
  (compute: (a: Tensor, b: Tensor) => Tensor): Implementation =>
  (node) =>
    compute(asMask(operand(node, "a")), asMask(operand(node, "b")));

/** Integers divide downwards. */
const floorDivide = (a: Tensor, b: Tensor): Tensor => asType(api.floor(api.div(asFloat(a), asFloat(b))), a.dtype);

/** An activation that follows a fused op. */
export function activated(node: Node, x: Tensor, slopes: Tensor | undefined): Tensor {
  const name = node.text("activation", "linear");
  const table: Readonly<Record<string, () => Tensor>> = {
    linear: () => x,
    relu: () => api.relu(x),
    relu6: () => api.clamp(x, 0, 6),
    elu: () => api.elu(x),
    sigmoid: () => api.sigmoid(x),
    prelu: () => prelu(x, slopes!),
    leakyrelu: () => api.leakyRelu(x, node.number("leakyreluAlpha", 0.2)),
  };
  return table[name]();
}

export const elementwise: OperatorTable = {
  clone: unary((x) => x),
  abs: typed(api.abs),
  neg: typed(api.neg),
  square: unary((x) => api.mul(x, x)),
  sign: typed(api.sign),
  ceil: named(api.ceil),
  floor: named(api.floor),
  round: named(api.round),
  cos: named(api.cos),
  erf: named(api.erf),
  exp: named(api.exp),
  expm1: named(api.expm1),
  log: named(api.log),
  log1p: named(api.log1p),
  reciprocal: named(api.reciprocal),
  rsqrt: named(api.rsqrt),
  sigmoid: named(api.sigmoid),
  sin: named(api.sin),
  softplus: named(api.softplus),
  sqrt: named(api.sqrt),
  tanh: named(api.tanh),
  isFinite: named(api.isFinite),
  isInf: named(api.isInfinite),
  isNaN: named(api.isNaN),
  acosh: float(acosh),
  asinh: float(asinh),
  atanh: float(atanh),
  cosh: float(cosh),
  logSigmoid: float(logSigmoid),
  selu: float((x) => selu(x)),
  sinh: float(sinh),
  tan: float(tan),
  elu: float((x) => api.elu(x)),
  relu: unary((x) => api.clamp(x.dtype === "bool" ? asType(x, "i32") : x, 0)),
  relu6: unary((x) => api.clamp(x.dtype === "bool" ? asType(x, "i32") : x, 0, 6)),
  leakyRelu: unary((x, node) => api.leakyRelu(asFloat(x), node.number("alpha", 0.2))),
  prelu: (node) => prelu(operand(node, "x"), operand(node, "alpha")),
  step: unary((x, node) => step(x, node.number("alpha", 0))),
  clipByValue: unary((x, node) => api.clamp(x, node.number("clipValueMin"), node.number("clipValueMax"))),
  cast: unary((x, node) => asType(x, computedType(node.text("dtype", "float32")))),
  asType: unary((x, node) => asType(x, computedType(node.text("dtype", node.text("arg1", "float32"))))),
  toFloat: unary((x) => asType(x, "f32")),
  toInt: unary((x) => asType(x, "i32")),
  toBool: unary((x) => asType(x, "bool")),

  add: namedBinary(api.add),
  sub: namedBinary(api.sub),
  mul: namedBinary(api.mul),
  div: binary((a, b) => (a.dtype === "f32" ? api.div(a, b) : floorDivide(a, b))),
  divNoNan: binary((a, b) => {
    const isZero = api.equal(b, 0);
    return api.where(isZero, 0, api.div(asFloat(a), asFloat(api.where(isZero, 1, b))));
  }),
  floorDiv: binary(floorDivide),
  mod: binary((a, b) => mod(a, b)),
  maximum: namedBinary(api.maximum),
  minimum: namedBinary(api.minimum),
  pow: binary((a, b) => asType(api.pow(asFloat(a), asFloat(b)), a.dtype)),
  squaredDifference: binary((a, b) => {
    const difference = api.sub(a, b);
    return api.mul(difference, difference);
  }),
  addN: (node) => foldPairs(node.list("tensors"), (a, b) => api.add(a, b)),
  equal: namedBinary(api.equal),
  notEqual: namedBinary(api.notEqual),
  greater: namedBinary(api.greater),
  greaterEqual: namedBinary(api.greaterEqual),
  less: namedBinary(api.less),
  lessEqual: namedBinary(api.lessEqual),
  logicalAnd: logical(api.logicalAnd),
  logicalOr: logical(api.logicalOr),
  logicalXor: logical(api.logicalXor),
  logicalNot: (node) => api.logicalNot(asMask(operand(node, "x"))),
  where: (node) => api.where(asMask(operand(node, "condition")), ...promote(operand(node, "a"), operand(node, "b"))),
};
