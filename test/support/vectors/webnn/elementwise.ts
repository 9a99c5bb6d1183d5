import type { Tensor } from "../../../../src/tensor/index.ts";
import { api } from "../../graft-api.ts";
import { asFloat, asMask, asType, hardSigmoid, hardSwish, prelu, softsign, tan } from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import { computedType } from "../values.ts";

const unary =
  (compute: (x: Tensor, node: Node) => Tensor): Implementation =>
  (node) =>
    compute(node.input("input", "x"), node);
const named = (name: string): Implementation => unary((x) => api[name](x));

const operands = (node: Node): [Tensor, Tensor] => [node.input("a", "inputA"), node.input("b", "inputB")];
const binary =
  (name: string): Implementation =>
  (node) =>
    api[name](...operands(node));
const logical =
  (name: string): Implementation =>
  (node) =>
    api[name](...operands(node).map(asMask));

export const elementwise: OperatorTable = {
  abs: named("abs"),
  ceil: named("ceil"),
  cos: named("cos"),
  erf: named("erf"),
  exp: named("exp"),
  floor: named("floor"),
  log: named("log"),
  neg: named("neg"),
  reciprocal: named("reciprocal"),
  relu: named("relu"),
  roundEven: named("round"),
  sigmoid: named("sigmoid"),
  sign: named("sign"),
  sin: named("sin"),
  softplus: named("softplus"),
  sqrt: named("sqrt"),
  tanh: named("tanh"),
  gelu: named("gelu"),
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

  add: binary("add"),
  sub: binary("sub"),
  mul: binary("mul"),
  div: binary("div"),
  max: binary("maximum"),
  min: binary("minimum"),
  pow: binary("pow"),

  equal: binary("equal"),
  notEqual: binary("notEqual"),
  greater: binary("greater"),
  greaterOrEqual: binary("greaterEqual"),
  lesser: binary("less"),
  lesserOrEqual: binary("lessEqual"),
  logicalAnd: logical("logicalAnd"),
  logicalOr: logical("logicalOr"),
  logicalXor: logical("logicalXor"),
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
