import { type DType, isFloat, requireTensors, type Shape, Tensor, tidy } from "../tensor/index.ts";
import { attachHistory, type GradientThunk, GraphNode, isRecording, nodeOf } from "./tape.ts";

/** What is known of a tensor without its values. */
export interface Spec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What a vector-Jacobian product knows of the forward pass besides what was saved. */
export interface VjpContext<A> {
  readonly attributes: A;
  /** Specs of the inputs in order. */
  readonly inputs: readonly Spec[];
  /** Whether a second derivative is wanted: fused backward kernels must then give way to differentiable ops. */
  readonly createGraph: boolean;
  /** Whether the saved tensors are needed again: else the vjp may write into those it has for itself. */
  readonly retainGraph: boolean;
  /** Whether the gradient of an input is wanted. */
  wants(index: number): boolean;
}

/** An op: the check of its inputs, its kernels, and its vector-Jacobian product. */
export interface OpDefinition<A> {
  readonly name: string;
  /** Shape and type of the output; throws with the op's name and shapes when the inputs do not fit. */
  infer(inputs: readonly Tensor[], attributes: A): Spec;
  /**
   * Kernels, without history. The first tensor is the output; others may be saved and are freed otherwise. `wants` tells
   * whether the gradient of an input will be asked for.
   */
  forward(inputs: readonly Tensor[], attributes: A, wants: (index: number) => boolean): Tensor | readonly Tensor[];
  /** What the vjp needs, of the inputs and of what `forward` returned. */
  save?(inputs: readonly Tensor[], outputs: readonly Tensor[], attributes: A): readonly Tensor[];
  /** A thunk per input, in differentiable ops (or a fused op when `createGraph` is false). */
  vjp?(gradient: Tensor, saved: readonly Tensor[], context: VjpContext<A>): readonly GradientThunk[];
}

/** An op as it is called, with what it was made of. */
export interface Op<A> {
  (inputs: readonly Tensor[], attributes: A): Tensor;
  readonly definition: OpDefinition<A>;
}

/** Makes an op: checks, runs the kernels, and records a node when an input wants a gradient. */
/* @__NO_SIDE_EFFECTS__ */ export function defineOp<A = Record<string, never>>(definition: OpDefinition<A>): Op<A> {
  const apply = (inputs: readonly Tensor[], attributes: A): Tensor => {
    requireTensors(definition.name, inputs);
    const { dtype } = definition.infer(inputs, attributes);
    // Integers and booleans carry no gradient.
    const nodes = isRecording() && definition.vjp && isFloat(dtype) ? inputs.map(nodeOf) : [];
    const records = nodes.some((node) => node !== null);
    let saved: Tensor[] = [];
    let savedOutput = -1;
    const output = tidy(() => {
      const result = definition.forward(inputs, attributes, (index) => (nodes[index] ?? null) !== null);
      const outputs = result instanceof Tensor ? [result] : result;
      if (records) {
        const wanted = definition.save?.(inputs, outputs, attributes) ?? [];
        savedOutput = wanted.indexOf(outputs[0]);
        // The output is saved without its history: it would own itself.
        saved = wanted.map((tensor, i) => attachHistory(tensor.reference(), i === savedOutput ? null : nodeOf(tensor)));
      }
      return outputs[0];
    });
    if (records) output.node = recordNode(definition, attributes, inputs, nodes, saved, savedOutput);
    return output;
  };
  return Object.assign(apply, { definition });
}

function recordNode<A>(
  definition: OpDefinition<A>,
  attributes: A,
  inputs: readonly Tensor[],
  nodes: readonly (GraphNode | null)[],
  saved: readonly Tensor[],
  savedOutput: number,
): GraphNode {
  const specs = inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const wants = (index: number): boolean => nodes[index] !== null;
  const node: GraphNode = new GraphNode({
    op: definition.name,
    inputs: nodes,
    saved,
    vjp: (gradient, kept, createGraph, retainGraph) => {
      const values = kept.map((tensor, i) =>
        createGraph && i === savedOutput ? attachHistory(tensor.view(tensor.shape, tensor.strides), node) : tensor,
      );
      return definition.vjp!(gradient, values, { attributes, inputs: specs, createGraph, retainGraph, wants });
    },
  });
  return node;
}
