import { backward } from "../../autograd/index.ts";
import { keep, type Tensor, tidy } from "../../tensor/index.ts";
import type { Candidate, Operand, Problem } from "../problem.ts";

/** One op of the engine at one size, forward or backward. */
export interface OpRow {
  /** Stable: other engines' rows are joined on it. */
  readonly id: string;
  readonly title: string;
  problem(): Problem;
  readonly candidate: Candidate;
}

type Function = (...inputs: Tensor[]) => Tensor;

/** An op's result for the inputs by name, in their order. */
export const forwardOf = (inputs: readonly string[], fn: Function): Candidate => ({
  name: "graft",
  adds: "The op as a program calls it.",
  prepare: (operands) => () => [fn(...inputs.map((name) => operands[name]))],
});

/**
 * An op's gradients of all its inputs, for the cotangent `g`. The forward pass runs once and its graph is kept, so that
 * the backward pass alone is timed.
 */
const backwardOf = (inputs: readonly string[], fn: Function): Candidate => ({
  name: "graft",
  adds: "Gradients of all inputs; the forward pass is left out.",
  prepare: (operands, _results, own) => {
    const leaves = inputs.map((name) => {
      const leaf = own(keep(operands[name].view(operands[name].shape, operands[name].strides)));
      leaf.requiresGrad = true;
      return leaf;
    });
    const y = own(tidy(() => fn(...leaves)));
    return () => {
      const gradients = backward(y, { gradient: operands.g, retainGraph: true });
      return leaves.map((leaf) => gradients.get(leaf)!);
    };
  },
});

/** The forward and the backward row of an op. */
export function opRows(
  id: string,
  title: string,
  inputs: readonly string[],
  fn: Function,
  problems: { forward: () => Problem; backward?: () => Problem },
): OpRow[] {
  const forward = { id: `${id}/forward`, title, problem: problems.forward, candidate: forwardOf(inputs, fn) };
  if (!problems.backward) return [forward];
  const gradients = backwardOf(inputs, fn);
  return [forward, { id: `${id}/backward`, title, problem: problems.backward, candidate: gradients }];
}

/** The values of an operand by its name. */
export const valuesOf = (inputs: readonly Operand[], name: string): Float32Array =>
  inputs.find((input) => input.name === name)!.values as Float32Array;
