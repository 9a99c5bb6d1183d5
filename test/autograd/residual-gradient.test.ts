import { describe, expect, it } from "vitest";
import { add, backward, type Gradients, layerNorm, mul, rmsNorm, sum } from "../../src/autograd/index.ts";
import { uniform } from "../../src/kernels/create.ts";
import { type Tensor, tidy } from "../../src/tensor/index.ts";
import { asHardware, useGpu } from "../support/gpu.ts";

const [own, hardware] = [useGpu(), useGpu({}, asHardware)];

const NORMS = [
  { name: "layerNorm", norm: (x: Tensor, weight: Tensor) => layerNorm(x, weight) },
  { name: "rmsNorm", norm: (x: Tensor, weight: Tensor) => rmsNorm(x, weight) },
];

const wordsOf = async (x: Tensor): Promise<Uint32Array> => new Uint32Array((await x.data()).buffer);

describe.each(
  NORMS.flatMap(({ name, norm }) => [
    { name, norm, title: "the adapter's kernels", gpu: own },
    { name, norm, title: "the kernels for GPUs", gpu: hardware },
  ]),
)("the gradient of x + v · $name(x) with $title", ({ norm, gpu }) => {
  const random = (shape: number[], seed: number): Tensor => uniform(shape, { seed, low: -2, high: 2, gpu: gpu() });

  it.each([
    [3, 64],
    [9, 65],
    [20, 8],
  ])("is added once to what came along the residual connection, %i rows of %i", async (rows, columns) => {
    const shape = [rows, columns];
    const result = tidy(() => {
      const [x, weight, c, v] = [random(shape, 1), random([columns], 2), random(shape, 3), random(shape, 4)];
      for (const leaf of [x, weight]) leaf.requiresGrad = true;
      const trunk = mul(x, 1); // no leaf: what arrives at it is nobody else's
      const loss = sum(mul(add(trunk, mul(norm(trunk, weight), v)), c));
      const alone = sum(mul(mul(norm(mul(x, 1), weight), v), c));
      const dispatchesOf = (work: () => void): number => {
        const before = gpu().statistics.dispatches;
        work();
        return gpu().statistics.dispatches - before;
      };
      const gradients: Gradients[] = [];
      const dispatches = [loss, loss, alone].map((root, i) =>
        dispatchesOf(() => gradients.push(backward(root, { retainGraph: i === 0 }))),
      );
      const [both, again, plain] = gradients;
      const expected = add(c, plain.get(x)!);
      return { dispatches, tensors: [both.get(x)!, again.get(x)!, expected, both.get(weight)!, again.get(weight)!] };
    });
    const { dispatches } = result;
    expect(dispatches[0]).toBe(dispatches[2]);
    const [both, again, expected, weight, weightAgain] = await Promise.all(result.tensors.map(wordsOf));
    expect(both).toEqual(expected);
    expect(again).toEqual(expected);
    expect(weightAgain).toEqual(weight);
    for (const x of result.tensors) x.dispose();
  });
});
