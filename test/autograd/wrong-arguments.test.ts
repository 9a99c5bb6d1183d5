import { describe, expect, it } from "vitest";
import * as graft from "../../src/autograd/index.ts";
import { type DType, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { openWith, useGpu } from "../support/gpu.ts";

const gpu = useGpu();

/** What JavaScript lets through: calls that TypeScript would refuse. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments are wrong on purpose
const api = graft as any;

const X = (): Tensor => tensor([[1, 2, 3], [4, 5, 6]]); // biome-ignore format: one line reads as a matrix
const I = (): Tensor => tensor(Int32Array.of(1, 2, 3));
const image = (): Tensor => graft.zeros([1, 2, 4, 4]);
const attend = (options: object): Tensor => {
  const x = graft.zeros([1, 2, 3, 4]);
  return graft.scaledDotProductAttention(x, x, x, options);
};

describe("wrong arguments are refused with the op's name and what was expected", () => {
  const cases: [call: string, run: () => unknown, message: string][] = [
    ["relu()", () => api.relu(), "relu: the input is undefined, expected a tensor"],
    ["relu(3)", () => api.relu(3), "relu: the input is the number 3, expected a tensor"],
    ["add(x, null)", () => api.add(X(), null), "add: input 2 of 2 is null, expected a tensor"],
    ["add(3)", () => api.add(3), "add: the input is undefined, expected a tensor"],
    ["sub(undefined, 3)", () => api.sub(undefined, 3), "sub: the input is undefined, expected a tensor"],
    ["mul(2, null)", () => api.mul(2, null), "mul: the input is null, expected a tensor"],
    ["noGrad(x)", () => api.noGrad(X()), "noGrad: expected a function, got a tensor"],
    ["tidy(x)", () => tidy(X() as unknown as () => void), "tidy: expected a function, got a tensor"],
    ["tidy()", () => tidy(undefined as unknown as () => void), "tidy: expected a function, got undefined"],
    ["logicalAnd(x)", () => api.logicalAnd(X()), "logicalAnd: input 2 of 2 is undefined, expected a tensor"],
    ["matmul(x, [1])", () => api.matmul(X(), [1]), "matmul: input 2 of 2 is an array, expected a tensor"],
    ["concat(x)", () => api.concat(X()), "concat: expected an array of tensors, got a tensor"],
    ["stack([x, 1])", () => api.stack([X(), 1]), "stack: input 2 of 2 is the number 1, expected a tensor"],
    ["transpose()", () => api.transpose(), "transpose: the input is undefined, expected a tensor"],
    ["softmax()", () => api.softmax(), "softmax: the input is undefined, expected a tensor"],
    ["crossEntropy(x)", () => api.crossEntropy(X()), "crossEntropy: input 2 of 2 is undefined, expected a tensor"],
    ["sum(x, 'a')", () => api.sum(X(), "a"), 'sum: expected axes as an array of numbers, got "a"'],
    ["sum(x, [0, -2])", () => graft.sum(X(), [0, -2]), "sum: axes [0, -2] name one axis twice"],
    ["reshape(x, 6)", () => api.reshape(X(), 6), "reshape: expected a shape as an array of numbers, got 6"],
    ["expand(x)", () => api.expand(X()), "expand: expected a shape as an array of numbers, got undefined"],
    ["zeros(3)", () => api.zeros(3), "zeros: expected a shape as an array of numbers, got 3"],
    ["cast(x, f64)", () => api.cast(X(), "f64"), 'cast: unknown type "f64", expected one of f32, f16'],
    ["full f64", () => graft.full([1], 0, { dtype: "f64" as DType }), 'full: unknown type "f64"'],
    ["topK(x)", () => api.topK(X()), "topK: k = NaN is not from 0 to 3"],
    [
      "pad(x, [1, 1])",
      () => api.pad(X(), [1, 1]),
      "pad: expected a pair of widths for each axis of [2, 3], got [1, 1]",
    ],
    ["pad mode", () => api.pad(I(), [[1, 0]], { mode: "mirror" }), "pad: expected a mode of constant, edge, reflect"],
    ["pad value", () => graft.pad(I(), [[1, 0]], { value: 0.5 }), "pad: 0.5 is no value of type i32"],
    ["permute(x)", () => api.permute(X()), "permute: expected axes as an array of numbers, got undefined"],
    ["squeeze(x, x)", () => api.squeeze(X(), {}), "squeeze: expected axes as an array of numbers, got an object"],
    ["dot()", () => api.dot(), "dot: input 1 of 2 is undefined, expected a tensor"],
    ["indexSelect()", () => api.indexSelect(), "indexSelect: input 1 of 2 is undefined, expected a tensor"],
    ["maskedFill(x)", () => api.maskedFill(X()), "maskedFill: input 2 of 2 is undefined, expected a tensor"],
    ["instanceNorm()", () => api.instanceNorm(), "instanceNorm: the input is undefined, expected a tensor"],
    ["detach()", () => api.detach(), "detach: the input is undefined, expected a tensor"],
    ["full of a word", () => api.full([2], "a"), "full: expected a number, got the string a"],
    ["split(x)", () => api.split(X()), "split: expected lengths as an array of numbers, got undefined"],
    ["conv2d(x)", () => api.conv2d(image()), "conv2d: input 2 of 2 is undefined, expected a tensor"],
    [
      "conv2d padding",
      () => api.conv2d(image(), graft.zeros([1, 2, 3, 3]), undefined, { padding: "full" }),
      'conv2d: expected padding to be a number, "same", "valid" or a pair, got "full"',
    ],
    [
      "conv2d stride",
      () => api.conv2d(image(), graft.zeros([1, 2, 3, 3]), undefined, { stride: [1, 1, 1] }),
      "conv2d: expected stride to be a number or a pair, got [1,1,1]",
    ],
    [
      "maxPool2d(x)",
      () => api.maxPool2d(image()),
      "maxPool2d: expected kernel to be a number or a pair, got undefined",
    ],
    ["averagePool2d of i32", () => graft.averagePool2d(I(), 2), "averagePool2d: expected f32, got i32[3]"],
    ["interpolate(x)", () => api.interpolate(image()), "interpolate: expected either a size or a scale factor"],
    [
      "linear layout",
      () => api.linear(X(), graft.zeros([3, 2]), undefined, "oi"),
      "linear: expected a layout of in-out or out-in, got oi",
    ],
    ["meanSquaredError of i32", () => graft.meanSquaredError(I(), I()), "meanSquaredError: expected f32, got i32[3]"],
    ["l1Loss shapes", () => graft.l1Loss(X(), tensor([1, 2])), "l1Loss: shapes [2, 3] and [2] do not broadcast"],
    ["attention bias", () => attend({ bias: I() }), "scaledDotProductAttention: bias is i32, expected f32"],
    [
      "attention mask",
      () => attend({ mask: graft.equal(graft.zeros([4, 3]), 0) }),
      "scaledDotProductAttention: mask [4, 3] does not broadcast to the scores [1, 2, 3, 3]",
    ],
    ["dropout", () => api.dropout(X(), 0.5), "dropout: seed undefined is not a non-negative safe integer"],
    ["uniform", () => api.uniform([3]), "uniform: seed undefined is not a non-negative safe integer"],
  ];

  it.each(cases)("%s", (_call, run, message) => {
    expect(run).toThrow(message);
  });

  it("tensor() takes numbers and booleans alone", () => {
    for (const [values, message] of [
      [undefined, "expected numbers, nested arrays of them or a typed array, got undefined"],
      ["abc", "expected numbers, nested arrays of them or a typed array, got the string abc"],
      [[1, null], "expected numbers or booleans, got null"],
      [BigInt64Array.of(3n), "expected numbers, nested arrays of them or a typed array, got a BigInt64Array"],
    ] as const) {
      expect(() => tensor(values as never)).toThrow(`tensor: ${message}`);
    }
    expect(() => tensor([1], [1], { dtype: "f64" as DType })).toThrow('tensor: unknown type "f64"');
  });

  it("a freed tensor and one of another handle are named", async () => {
    const freed = X();
    freed.dispose();
    expect(() => graft.matmul(X(), freed)).toThrow("matmul: input 2 of 2, a tensor of shape [2, 3], was disposed");
    const other = await openWith({});
    try {
      const far = tensor([1, 2, 3], undefined, { gpu: other });
      const near = tensor([1, 2, 3], undefined, { gpu: gpu() });
      expect(() => graft.add(near, far)).toThrow("add: input 2 of 2 is on another Gpu than the first");
    } finally {
      other.close();
    }
  });
});
