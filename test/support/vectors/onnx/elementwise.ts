import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import {
  acosh,
  asFloat,
  asinh,
  asMask,
  asType,
  atanh,
  celu,
  cosh,
  foldPairs,
  hardSigmoid,
  hardSwish,
  isInfinite,
  mish,
  mod,
  prelu,
  selu,
  sinh,
  softsign,
  swish,
  tan,
  thresholdedRelu,
} from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import { computedType } from "../values.ts";

const unary =
  (compute: (x: Tensor, node: Node) => Tensor): Implementation =>
  (node) =>
    compute(node.input(0), node);
const named = (compute: (x: Tensor) => Tensor): Implementation => unary((x) => compute(x));

/** Before opset 7 the second operand says where its axes lie in the first. */
function operands(node: Node): [Tensor, Tensor] {
  const [a, b] = [node.input(0), node.input(1)];
  if (!node.flag("broadcast", false) || !node.has("axis")) return [a, b];
  const axis = node.number("axis");
  return [
    a,
    api.reshape(b, [...b.shape, ...new Array<number>(a.rank - (axis < 0 ? axis + a.rank : axis) - b.rank).fill(1)]),
  ];
}

const binary =
  (compute: (a: Tensor, b: Tensor, node: Node) => Tensor): Implementation =>
  (node) =>
    compute(...operands(node), node);
const namedBinary = (compute: (a: Tensor, b: Tensor) => Tensor): Implementation => binary((a, b) => compute(a, b));
const logical = (compute: (a: Tensor, b: Tensor) => Tensor): Implementation =>
  binary((a, b) => compute(asMask(a), asMask(b)));
const variadic =
  (compute: (tensors: readonly Tensor[]) => Tensor): Implementation =>
  (node) =>
    compute(node.inputs().map((x) => x!));

/** Integers divide with truncation. */
const divide = (a: Tensor, b: Tensor): Tensor =>
  a.dtype === "f32" ? api.div(a, b) : asType(api.div(asFloat(a), asFloat(b)), a.dtype);

/** Bounds are attributes before opset 11, and inputs from then on. */
function clip(node: Node): Tensor {
  const x = node.input(0);
  const bound = (index: number, name: string): number | null =>
    node.has(name) ? node.number(name) : (node.host(index)?.[0] ?? null);
  const [low, high] = [bound(1, "min"), bound(2, "max")];
  // Where the bounds cross, the upper one counts.
  if (low !== null && high !== null && low > high) return api.clamp(api.clamp(x, low), null, high);
  return low === null && high === null ? x : api.clamp(x, low, high);
}

export const elementwise: OperatorTable = {
  Abs: named(api.abs),
  Ceil: named(api.ceil),
  Cos: named(api.cos),
  Erf: named(api.erf),
  Exp: named(api.exp),
  Floor: named(api.floor),
  Log: named(api.log),
  Neg: named(api.neg),
  Reciprocal: named(api.reciprocal),
  Relu: named(api.relu),
  Round: named(api.round),
  Sigmoid: named(api.sigmoid),
  Sign: named(api.sign),
  Sin: named(api.sin),
  Softplus: named(api.softplus),
  Sqrt: named(api.sqrt),
  Tanh: named(api.tanh),
  IsNaN: named(api.isNaN),
  Identity: unary((x) => x),
  Acosh: unary(acosh),
  Asinh: unary(asinh),
  Atanh: unary(atanh),
  Cosh: unary(cosh),
  Sinh: unary(sinh),
  Tan: unary(tan),
  HardSwish: unary(hardSwish),
  Mish: unary(mish),
  Softsign: unary(softsign),
  Celu: unary((x, node) => celu(x, node.number("alpha", 1))),
  Elu: unary((x, node) => api.elu(x, node.number("alpha", 1))),
  Gelu: unary((x, node) => api.gelu(x, { approximate: node.word<"none" | "tanh">("approximate", "none") })),
  HardSigmoid: unary((x, node) => hardSigmoid(x, node.number("alpha", 0.2), node.number("beta", 0.5))),
  LeakyRelu: unary((x, node) => api.leakyRelu(x, node.number("alpha", 0.01))),
  Selu: unary((x, node) => selu(x, node.number("alpha", 1.6732631921768188), node.number("gamma", 1.0507010221481323))),
  Shrink: unary((x, node) => {
    const [bias, bound] = [node.number("bias", 0), node.number("lambd", 0.5)];
    return api.where(api.less(x, -bound), api.add(x, bias), api.where(api.greater(x, bound), api.sub(x, bias), 0));
  }),
  Swish: unary((x, node) => swish(x, node.number("alpha", 1))),
  SwiGLU: (node) => {
    const [gate, value] =
      node.inputCount > 1
        ? [node.input(0), node.input(1)]
        : api.split(node.input(0), node.input(0).shape.at(-1)! / 2, -1);
    return api.mul(swish(gate, node.number("alpha", 1)), value);
  },
  ThresholdedRelu: unary((x, node) => thresholdedRelu(x, node.number("alpha", 1))),
  IsInf: unary((x, node) => isInfinite(x, node.flag("detect_negative", true), node.flag("detect_positive", true))),
  Cast: unary((x, node) => asType(x, castType(node.number("to")))),
  CastLike: (node) => asType(node.input(0), node.input(1).dtype),
  Clip: clip,
  PRelu: (node) => {
    const [x, slope] = [node.input(0), node.input(1)];
    // Before opset 7 the slopes are those of the channels, axis 1.
    const isPerChannel = node.opset < 7 && slope.rank === 1 && slope.size > 1;
    return prelu(x, isPerChannel ? api.reshape(slope, [-1, ...new Array<number>(x.rank - 2).fill(1)]) : slope);
  },

  Add: namedBinary(api.add),
  Sub: namedBinary(api.sub),
  Mul: namedBinary(api.mul),
  Div: binary(divide),
  Pow: binary((a, b) => asType(api.pow(asFloat(a), asFloat(b)), a.dtype)),
  Mod: binary((a, b, node) => mod(a, b, node.flag("fmod", false))),
  Equal: namedBinary(api.equal),
  Greater: namedBinary(api.greater),
  GreaterOrEqual: namedBinary(api.greaterEqual),
  Less: namedBinary(api.less),
  LessOrEqual: namedBinary(api.lessEqual),
  And: logical(api.logicalAnd),
  Or: logical(api.logicalOr),
  Xor: logical(api.logicalXor),
  Not: (node) => api.logicalNot(asMask(node.input(0))),
  Where: (node) => api.where(asMask(node.input(0)), node.input(1), node.input(2)),

  Max: variadic((tensors) => foldPairs(tensors, (a, b) => api.maximum(a, b))),
  Min: variadic((tensors) => foldPairs(tensors, (a, b) => api.minimum(a, b))),
  Sum: variadic((tensors) => foldPairs(tensors, (a, b) => api.add(a, b))),
  Mean: variadic((tensors) =>
    api.div(
      foldPairs(tensors, (a, b) => api.add(a, b)),
      tensors.length,
    ),
  ),
};

/** Numbers of ONNX's TensorProto.DataType. */
const TYPE_NUMBERS: Readonly<Record<number, string>> = {
  1: "float32",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  8: "string",
  9: "bool",
  10: "float16",
  11: "float64",
  12: "uint32",
  13: "uint64",
  16: "bfloat16",
};

export const castType = (number: number) => computedType(TYPE_NUMBERS[number] ?? `type ${number}`);
