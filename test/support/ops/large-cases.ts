import { expect } from "vitest";
import { backward, type OpName, ops } from "../../../src/autograd/index.ts";
import { type Gpu, MemoryLimitError } from "../../../src/gpu/index.ts";
import { empty, type Tensor, tensor } from "../../../src/tensor/index.ts";
import { type SampleInput, samples } from "../../samples/index.ts";
import type { Pending, ReadBatch } from "../read-batch.ts";
import { drawInput, isFloatType, seeded } from "../values.ts";
import { enlarged } from "./large-samples.ts";
import type { AnyOp } from "./op-cases.ts";

/** A sample of an op made larger. */
export interface LargeCase {
  name: OpName;
  op: AnyOp;
  attributes: unknown;
  inputs: readonly SampleInput[];
}

export const titleOf = ({ name, inputs, attributes }: LargeCase): string =>
  `${name} ${inputs.map(({ shape }) => `[${shape}]`).join(" ")} ${JSON.stringify(attributes)}`;

/** Of ops whose attributes say the shape, so that no sample can be enlarged alone: of more than 16,384 elements. */
const WITH_SHAPES: Partial<Record<OpName, { inputs: SampleInput[]; attributes: unknown }[]>> = {
  expand: [{ inputs: [{ shape: [130, 1, 3] }], attributes: { shape: [130, 65, 3] } }],
  padGradient: [
    {
      inputs: [{ shape: [130, 145] }],
      attributes: {
        shape: [130, 140],
        widths: [
          [0, 0],
          [2, 3],
        ],
        mode: "reflect",
      },
    },
  ],
  embedDiagonal: [
    { inputs: [{ shape: [30, 25] }], attributes: { offset: 0, axis1: 1, axis2: 2, shape: [30, 25, 25] } },
  ],
  padAxis: [{ inputs: [{ shape: [130, 3] }], attributes: { axis: 1, begin: 2, shape: [130, 140] } }],
};

/** Every way that an op's samples are made larger than `elements`. Asks `infer`, which runs nothing. */
export function largeCases(gpu: Gpu, name: OpName, elements: number): LargeCase[] {
  const op = ops[name] as unknown as AnyOp;
  const own = (WITH_SHAPES[name] ?? []).map((sample) => ({ name, op, ...sample }));
  const grown = samples[name].flatMap(({ inputs: given, attributes }) => {
    const accepts = (inputs: readonly SampleInput[]): boolean => {
      const tensors = inputs.map(({ shape, dtype = "f32" }) => empty(gpu, shape, dtype));
      try {
        op.definition.infer(tensors, attributes);
        return true;
      } catch {
        return false;
      } finally {
        for (const x of tensors) x.dispose();
      }
    };
    const larger = enlarged({ inputs: given, attributes }, elements, accepts);
    return larger.map((inputs) => ({ name, op, attributes, inputs }));
  });
  return [...own, ...grown];
}

/** At most so many of a list, spread over it. */
export const spread = <T>(all: readonly T[], most: number): T[] =>
  all.length <= most ? [...all] : Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]);

/** Smaller numbers, so that sums of thousands of products do not saturate an activation, whose gradient is then one bit. */
function calmer(input: SampleInput): SampleInput {
  const { dtype = "f32", low = -2, high = 2 } = input;
  return isFloatType(dtype) && low === -high ? { ...input, low: low / 8, high: high / 8 } : input;
}

/** The output and the gradients; what is refused is an error, and must be so before anything is recorded. */
export function runLarge(batch: ReadBatch, { name, op, attributes, inputs }: LargeCase): Pending[] | MemoryLimitError {
  const { gpu } = batch;
  gpu.use();
  const held = gpu.statistics.liveBuffers - batch.buffers;
  const random = seeded(11);
  const owned: { dispose(): void }[] = [];
  const leaves = inputs.map((input) => {
    const { data, shape } = drawInput(calmer(input), random);
    const leaf = tensor(data, shape, { dtype: input.dtype ?? "f32" });
    leaf.requiresGrad = isFloatType(leaf.dtype);
    owned.push(leaf);
    return leaf;
  });
  const before = gpu.statistics.dispatches;
  try {
    let y: Tensor;
    try {
      y = op(leaves, attributes);
    } catch (error) {
      expect(error).toBeInstanceOf(MemoryLimitError);
      expect((error as Error).message).toMatch(new RegExp(`^${name}[: ]`));
      expect(gpu.statistics.dispatches - before, `${name}: dispatches before it was refused`).toBe(0);
      return error as MemoryLimitError;
    }
    owned.push(y);
    const results = [batch.add(y)];
    if (!y.node) return results;
    const cotangent = tensor(
      Float32Array.from({ length: y.size }, () => Math.fround(2 * random() - 1)),
      y.shape,
    );
    owned.push(cotangent);
    try {
      const gradients = backward(y, { gradient: cotangent });
      owned.push(gradients);
      results.push(...leaves.flatMap((leaf) => gradients.get(leaf) ?? []).map((gradient) => batch.add(gradient)));
    } catch (error) {
      // Its gradient is another op, which may need a tensor whole that this one does not.
      expect(error).toBeInstanceOf(MemoryLimitError);
    }
    return results;
  } finally {
    for (const x of owned) x.dispose();
    expect(gpu.statistics.liveBuffers - batch.buffers - held, "buffers left over").toBe(0);
  }
}
