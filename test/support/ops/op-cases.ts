import { type OpDefinition, type OpName, ops } from "../../../src/autograd/index.ts";
import type { DType, Tensor } from "../../../src/tensor/index.ts";
import { references } from "../../reference/index.ts";
import type { NdArray, Reference } from "../../reference/nd-array.ts";
import { type Sample, samples } from "../../samples/index.ts";
import { drawInput, isFloatType, seeded } from "../values.ts";
import { dot, estimateGradient, type GradientEstimate } from "./derivatives.ts";
import { plain } from "./layouts.ts";

/** An op with the types of its attributes forgotten, which differ from op to op. */
export interface AnyOp {
  (inputs: readonly Tensor[], attributes: unknown): Tensor;
  readonly definition: OpDefinition<unknown>;
}

/** One sample with its values, the cotangent of its output, and the types as given. */
export interface OpCase {
  name: OpName;
  op: AnyOp;
  attributes: unknown;
  inputs: NdArray[];
  dtypes: DType[];
  cotangent: Float64Array;
  reference: (inputs: readonly NdArray[]) => NdArray;
}

function makeCase(name: OpName, sample: Sample<unknown>, seed: number): OpCase {
  const random = seeded(seed);
  const inputs = sample.inputs.map((input) => drawInput(input, random));
  const reference = (values: readonly NdArray[]) => (references[name] as Reference<unknown>)(values, sample.attributes);
  const cotangent = Float64Array.from(reference(inputs).data, () => Math.fround(2 * random() - 1));
  const dtypes = sample.inputs.map(({ dtype = "f32" }) => dtype);
  const op = ops[name] as unknown as AnyOp;
  return { name, op, attributes: sample.attributes, inputs, dtypes, cotangent, reference };
}

export interface TitledCase {
  title: string;
  name: OpName;
  /** Place among the samples of its op. */
  index: number;
  make: () => OpCase;
}

/** Every sample of every op. */
export const everyCase: readonly TitledCase[] = (Object.keys(ops) as OpName[]).flatMap((name) =>
  samples[name].map((sample: Sample<unknown>, index) => ({
    title: `${name} ${sample.inputs.map(({ shape }) => `[${shape}]`).join(" ")} ${JSON.stringify(sample.attributes)}`,
    name,
    index,
    make: () => makeCase(name, sample, 1000 + index),
  })),
);

/** Type of the output; asks `infer`, which runs nothing. */
export function outputType(test: OpCase, dtypes = test.dtypes): DType {
  const inputs = test.inputs.map((x, i) => plain(x, dtypes[i]));
  const { dtype } = test.op.definition.infer(inputs, test.attributes);
  for (const input of inputs) input.dispose();
  return dtype;
}

/** Whether an op's output carries gradients: it has a vjp, and a float output. */
export const isDifferentiable = (test: OpCase, output: DType): boolean =>
  !!test.op.definition.vjp && isFloatType(output);

/** Gradients by central differences of the reference, whose own error is about 1e-10; null where there is none. */
export const estimateGradients = (test: OpCase, output: DType): (GradientEstimate | null)[] =>
  test.inputs.map((_, i) => {
    if (!isDifferentiable(test, output) || !isFloatType(test.dtypes[i])) return null;
    return estimateGradient((inputs) => dot(test.cotangent, test.reference(inputs).data), test.inputs, i);
  });

/**
 * The case with its floats rounded to odd multiples of 1/64: halves hold them exactly in the samples' ranges, and they
 * lie off the kinks of relu, floor, round and the like.
 */
export function inHalves(test: OpCase): OpCase & { halfTypes: DType[] } {
  const rounded = (x: NdArray): NdArray => ({
    shape: x.shape,
    data: x.data.map((v) => (2 * Math.floor(v * 32) + 1) / 64),
  });
  const inputs = test.inputs.map((x, i) => (test.dtypes[i] === "f32" ? rounded(x) : x));
  const cotangent = rounded({ shape: [], data: test.cotangent }).data;
  const halfTypes = test.dtypes.map((dtype) => (dtype === "f32" ? "f16" : dtype));
  return { ...test, inputs, cotangent, halfTypes };
}

/** Every input as a tensor; floats want a gradient. */
export const leavesOf = (test: OpCase): Tensor[] =>
  test.inputs.map((x, i) => {
    const leaf = plain(x, test.dtypes[i]);
    leaf.requiresGrad = isFloatType(leaf.dtype);
    return leaf;
  });
