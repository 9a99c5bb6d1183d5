import { requireFunction, type Tensor, tidy } from "../tensor/index.ts";
import { gradientsAt, requireInputs, resultOf } from "./backward.ts";
import {
  asRecomputation,
  attachHistory,
  currentSerial,
  type GradientThunk,
  GraphNode,
  isRecording,
  nodeOf,
  withRecording,
} from "./tape.ts";

/**
 * Runs `fn` without keeping what its gradient needs; the backward pass runs it a second time instead (activation
 * recomputation, arXiv:1604.06174). For long chains of blocks this trades one more forward pass for the memory of all
 * activations but those between the checkpointed parts. Values and gradients are the same bits as without it.
 *
 * Gradients flow to the inputs and to every parameter that `fn` uses. Tensors other than leaves must be passed as
 * inputs: they are kept until the backward pass. `fn` must compute the same both times: draw the seeds of dropout
 * outside of it. Running statistics of normalisations are updated the first time only.
 */
export function checkpoint(fn: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): Tensor {
  requireFunction("checkpoint", fn);
  requireInputs("checkpoint", inputs);
  if (!isRecording()) return fn(...inputs);
  return tidy(() => {
    const begin = currentSerial();
    const recorded = resultOf("checkpoint", fn(...inputs));
    if (!recorded.node || recorded.node.leaf || recorded.node.serial < begin) return recorded;
    // Recorded once to learn what the result depends on; the graph itself goes with `recorded`.
    const sources = nodesBefore(recorded.node, begin);
    const output = recorded.view(recorded.shape, recorded.strides);
    output.node = new GraphNode({
      op: "checkpoint",
      inputs: sources,
      saved: inputs.map((input) => attachHistory(input.reference(), nodeOf(input))),
      vjp: (gradient, saved, createGraph) => recompute(fn, saved, sources, gradient, createGraph),
    });
    return output;
  });
}

/** The nodes made before `begin` that a graph starts from: where it leaves the piece of work. */
function nodesBefore(root: GraphNode, begin: number): GraphNode[] {
  const found = new Set<GraphNode>();
  const seen = new Set<GraphNode>([root]);
  const stack = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    // A leaf gets its node when it is first used, which may have been in here.
    if (node.serial < begin || node.leaf) found.add(node);
    else for (const input of node.inputs) if (input && !seen.has(input) && seen.add(input)) stack.push(input);
  }
  return [...found];
}

function recompute(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  sources: readonly GraphNode[],
  gradient: Tensor,
  createGraph: boolean,
): readonly GradientThunk[] {
  let found: Map<GraphNode, Tensor> | undefined;
  const compute = (): Map<GraphNode, Tensor> => {
    found ??= tidy(() => {
      const output = asRecomputation(() => withRecording(true, () => fn(...inputs)));
      return gradientsAt(output, { gradient, createGraph }, new Set(sources), true);
    });
    return found;
  };
  return sources.map((source) => () => {
    const arrived = compute().get(source);
    if (!arrived) throw new Error("checkpoint: the function gave another graph when it was run again");
    return arrived;
  });
}
