import { describe, expect, it } from "vitest";
import { backward, einsum } from "../../src/autograd/index.ts";
import { expandView, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { at, forEachIndex, type NdArray } from "../reference/nd-array.ts";
import { useGpu } from "../support/gpu.ts";
import { dot } from "../support/ops/derivatives.ts";
import { drawInput, seeded } from "../support/values.ts";

/** The sum over all labels by its definition, for equations spelled out with single letters. */
function reference(operands: readonly string[], output: string, inputs: readonly NdArray[]): NdArray {
  const labels = [...new Set([...output, ...operands.join("")])];
  const lengths = labels.map((label) => {
    const own = operands.flatMap((term, i) => inputs[i].shape.filter((_, axis) => term[axis] === label));
    return Math.max(...own);
  });
  const lengthOf = (label: string): number => lengths[labels.indexOf(label)];
  const shape = [...output].map(lengthOf);
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  forEachIndex(labels.map(lengthOf), (index) => {
    const own = (term: string): number[] => [...term].map((label) => index[labels.indexOf(label)]);
    const place = own(output).reduce((position, i, axis) => position * shape[axis] + i, 0);
    data[place] += inputs.reduce((product, x, i) => product * at(x, own(operands[i])), 1);
  });
  return { shape, data };
}

const LENGTHS: Record<string, number> = { a: 2, b: 3, i: 4, j: 5, k: 3, l: 2, A: 2 };

/** Equations with what they mean in single letters, and lengths that differ from those above. */
const EQUATIONS: [equation: string, terms?: string, output?: string, shapes?: number[][]][] = [
  ["ij->ji"],
  ["ij->"],
  ["ij->j"],
  ["bii->bi", "bii", "bi", [[3, 4, 4]]],
  ["iij->j", "iij", "j", [[4, 4, 5]]],
  ["iii", "iii", "", [[3, 3, 3]]],
  ["i,i->"],
  ["i,i->i"],
  ["i,j->ji"],
  ["ij,jk->ik"],
  ["ij, jk", "ij,jk", "ik"],
  ["ba,aA", "ba,aA", "Ab"],
  ["bij,bjk->kib"],
  ["abij,abkj->baik"],
  ["bij,ij->b"],
  ["ij,ij->"],
  ["ijb,kla->bakl"],
  ["ij,jk,kl->il"],
  ["ij,j,i->j"],
  ["bi,bj,bk->ijk"],
  ["...ij,...jk->...ik", "abij,bjk", "abik"],
  ["...ij->...ji", "abij", "abji"],
  ["...i,i->...", "abi,i", "ab"],
  ["i...->...", "iab", "ab"],
  ["...j,jk", "abj,jk", "abk"],
  ["...j->j", "abj", "j"],
  [
    "ij,jk->ik",
    "ij,jk",
    "ik",
    [
      [4, 1],
      [5, 3],
    ],
  ],
  [
    "bij,bjk->bik",
    "bij,bjk",
    "bik",
    [
      [1, 4, 5],
      [3, 5, 2],
    ],
  ],
  [
    "ij,ij->ij",
    "ij,ij",
    "ij",
    [
      [4, 1],
      [1, 5],
    ],
  ],
  [
    "ij,jk->ik",
    "ij,jk",
    "ik",
    [
      [4, 0],
      [0, 3],
    ],
  ],
];

describe("einsum", () => {
  const gpu = useGpu();

  it.each(EQUATIONS)(
    "%s agrees with the sum by its definition, and so do its gradients",
    async (equation, terms, output, shapes) => {
      const before = gpu().statistics.liveBuffers;
      const [left, right = ""] = equation.replaceAll(" ", "").split("->");
      const operands = (terms ?? left).split(",");
      const result = output ?? right;
      const random = seeded(equation.length);
      const inputs = operands.map((term, i) =>
        drawInput({ shape: shapes?.[i] ?? [...term].map((label) => LENGTHS[label]), low: -1, high: 1 }, random),
      );
      const expected = reference(operands, result, inputs);
      const cotangent = Float64Array.from(expected.data, () => Math.fround(random()));

      const { y, leaves, gradients } = tidy(() => {
        const leaves = inputs.map((x) => tensor(x.data, x.shape));
        for (const leaf of leaves) leaf.requiresGrad = true;
        const y = einsum(equation, ...leaves);
        return { y, leaves, gradients: backward(y, { gradient: tensor(cotangent, y.shape) }) };
      });
      expect(y.shape).toEqual(expected.shape);
      const values = await y.data();
      expected.data.forEach((value, i) => {
        expect(Math.abs(values[i] - value)).toBeLessThan(3e-6);
      });
      // The sum is linear in each operand: along a direction it changes by itself with the direction in its place.
      for (const [i, leaf] of leaves.entries()) {
        const direction = drawInput({ shape: inputs[i].shape, low: -1, high: 1 }, random);
        const gradient = gradients.get(leaf) as Tensor;
        expect(gradient.shape).toEqual(leaf.shape);
        const change = reference(operands, result, inputs.with(i, direction)).data;
        expect(Math.abs(dot(await gradient.data(), direction.data) - dot(cotangent, change))).toBeLessThan(3e-5);
      }
      for (const x of [y, gradients, ...leaves]) x.dispose();
      expect(gpu().statistics.liveBuffers - before).toBe(0);
    },
  );

  it("reads an attention product as one matrix product of views", () => {
    tidy(() => {
      const [q, k] = [tensor(new Float32Array(120), [2, 3, 4, 5]), tensor(new Float32Array(180), [2, 3, 6, 5])];
      const before = gpu().statistics.dispatches;
      expect(einsum("bhqd,bhkd->bhqk", q, k).shape).toEqual([2, 3, 4, 6]);
      expect(gpu().statistics.dispatches - before).toBe(1);
    });
  });

  it("multiplies halves, and refuses integers by name", () => {
    tidy(() => {
      const integers = tensor([1, 2, 3], [3], { dtype: "i32" });
      expect(einsum("i->", integers).dtype).toBe("i32");
      expect(() => einsum("i,i->", integers, integers)).toThrow(
        'einsum: "i,i->" multiplies floats, got i32; use cast; shapes [3], [3]',
      );
    });
  });

  it("names the equation and the shapes when they do not fit", () => {
    tidy(() => {
      const one = tensor([1]);
      const [a, b] = [expandView(one, [2, 3]), expandView(one, [4, 5])];
      const messages: [string, Tensor[], string][] = [
        ["ij,jk->ik", [a, b], 'einsum: "ij,jk->ik" has "j" of lengths 3 and 4; shapes [2, 3], [4, 5]'],
        ["ij,jk->ik", [a], 'einsum: "ij,jk->ik" names 2 operands, got 1; shapes [2, 3]'],
        ["ijk->i", [a], 'einsum: "ijk->i" has 3 labels in "ijk" for operand 0, which has 2 axes; shapes [2, 3]'],
        ["ii->i", [a], 'einsum: "ii->i" repeats "i" in operand 0 for lengths 2 and 3; shapes [2, 3]'],
        ["ij->k", [a], 'einsum: "ij->k" has a result with "k", which no operand has; shapes [2, 3]'],
        ["ij->ii", [a], 'einsum: "ij->ii" repeats a label in its result; shapes [2, 3]'],
        ["i+j", [a], 'einsum: "i+j" has a term "i+j" of more than letters and one ellipsis; shapes [2, 3]'],
        ["ij->i->j", [a], 'einsum: "ij->i->j" has more than one arrow; shapes [2, 3]'],
        ["ij", [], 'einsum: "ij" has no operands; shapes none'],
      ];
      for (const [equation, operands, message] of messages) {
        expect(() => einsum(equation, ...operands)).toThrow(message);
      }
    });
  });
});
