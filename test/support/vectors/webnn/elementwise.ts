import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { asFloat, asMask, asType, hardSigmoid, hardSwish, prelu, softsign, tan } from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import { computedType } from "../values.ts";

const unary =
  (compute: (x: Tensor, node: Node) => Tensor): Implementation =>
  (node) =>
    compute(node.input("input", "x"), node);
const named = (compute: (x: Tensor) => Tensor): Implementation => unary((x) => compute(x));

const operands = (node: Node): [Tensor, Tensor] => [node.input("a", "inputA"), node.input("b", "inputB")];
const binary =
  (compute: (a: Tensor, b: Tensor) => Tensor): Implementation =>
  (node) =>
    compute(...operands(node));
const logical =
  (compute: (a: Tensor, b: Tensor) => Tensor): Implementation =>
  (node) => {
    const [a, b] = operands(node);
    return compute(asMask(a), asMask(b));
  };

export const elementwise: OperatorTable = {
  abs: named(api.abs),
  ceil: named(api.ceil),
  cos: named(api.cos),
  erf: named(api.erf),
  exp: named(api.exp),
  floor: named(api.floor),
  log: named(api.log),
  neg: named(api.neg),
  reciprocal: named(api.reciprocal),
  relu: named(api.relu),
  roundEven: named(api.round),
  sigmoid: named(api.sigmoid),
  sign: named(api.sign),
  sin: named(api.sin),
  softplus: named(api.softplus),
  sqrt: named(api.sqrt),
  tanh: named(api.tanh),
  gelu: named(api.gelu),
  identity: unary((x) => api.contiguous(x)),
  hardSwish: unary(hardSwish),
  softsign: unary(softsign),
  tan: unary(tan),
  cast: unary((x, node) => asType(x, computedType(node.text("type", "float32")))),
  clamp: unary((x, node) =>
    api.clamp(
      x,
      node.has("minValue") ? node.number("minValue") : null,
      node.has("maxValue") ? node.number("maxValue") : null,
    ),
  ),
  elu: unary((x, node) => api.elu(x, node.number("alpha", 1))),
  hardSigmoid: unary((x, node) => hardSigmoid(x, node.number("alpha", 0.2), node.number("beta", 0.5))),
  leakyRelu: unary((x, node) => api.leakyRelu(x, node.number("alpha", 0.01))),
  linear: unary((x, node) => api.add(api.mul(x, node.number("alpha", 1)), node.number("beta", 0))),
  prelu: (node) => prelu(node.input("input", "x"), node.input("slope")),

  add: binary(api.add),
  sub: binary(api.sub),
  mul: binary(api.mul),
  div: binary(api.div),
  max: binary(api.maximum),
  min: binary(api.minimum),
  pow: binary(api.pow),

  equal: binary(api.equal),
  notEqual: binary(api.notEqual),
  greater: binary(api.greater),
  greaterOrEqual: binary(api.greaterEqual),
  lesser: binary(api.less),
  lesserOrEqual: binary(api.lessEqual),
  logicalAnd: logical(api.logicalAnd),
  logicalOr: logical(api.logicalOr),
  logicalXor: logical(api.logicalXor),
  logicalNot: (node) => api.logicalNot(asMask(node.input("input", "a"))),
  isNaN: (node) => api.isNaN(node.input("input", "a")),
  isInfinite: (node) => api.isInfinite(node.input("input", "a")),
  where: (node) =>
    api.where(
      asMask(node.input("condition")),
      node.input("trueValue", "trueValues"),
      node.input("falseValue", "falseValues"),
    ),
  softmax: (node) => {
    const x = asFloat(node.input("input"));
    return api.softmax(x, node.number("axis", x.rank - 1));
  },
};
