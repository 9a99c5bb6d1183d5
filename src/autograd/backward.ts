import { full } from "../kernels/copy.ts";
import { addAndFree, isOwnMemory } from "../kernels/elementwise/accumulate.ts";
import {
  describeValue,
  formatShape,
  requireFunction,
  requireTensors,
  shapesEqual,
  Tensor,
  tidy,
} from "../tensor/index.ts";
import { gradientHome } from "./gradient-homes.ts";
import { Gradients } from "./gradients.ts";
import { add } from "./ops/elementwise/index.ts";
import { attachHistory, type GradientTarget, type GraphNode, nodeOf, withRecording } from "./tape.ts";

/** How a backward pass begins, and what of the graph it leaves. */
export interface BackwardOptions {
  /** Cotangent of the root; one by default, which needs a root of one element. */
  gradient?: Tensor;
  /** Record the backward pass, so that gradients can be differentiated again. Implies `retainGraph`. */
  createGraph?: boolean;
  /** Keep the graph for another backward pass. */
  retainGraph?: boolean;
}

/**
 * Gradients of a scalar with respect to every leaf that wants one: the vector-Jacobian products of the recorded ops,
 * last first. Saved tensors are freed as they are passed.
 *
 * @throws when the root has no history, or is not a scalar and no `gradient` is given.
 */
export function backward(root: Tensor, options: BackwardOptions = {}): Gradients {
  requireTensors("backward", options.gradient ? [root, options.gradient] : [root]);
  return tidy(() => {
    const byLeaf = new Map<Tensor, Tensor>();
    propagate(
      root,
      options,
      (node) => node.leaf !== undefined,
      (node, gradient) => byLeaf.set(node.leaf!, gradient),
    );
    return new Gradients(byLeaf);
  });
}

/**
 * Gradients of `fn`'s scalar result with respect to its inputs, in order; undefined where it does not depend on one.
 * With `createGraph` they can be differentiated again.
 */
export function grad(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: Omit<BackwardOptions, "gradient"> = {},
): (Tensor | undefined)[] {
  return tidy(() => differentiate("grad", fn, inputs, options).gradients);
}

/** What {@link grad} gives, with the value of `fn` itself. */
export interface ValueAndGradients {
  value: Tensor;
  /** By input, in order; undefined where the value does not depend on one. */
  gradients: (Tensor | undefined)[];
}

/** The value of `fn` and its gradients with respect to its inputs, from one forward pass. */
export function valueAndGrad(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: Omit<BackwardOptions, "gradient"> = {},
): ValueAndGradients {
  return tidy(() => {
    const { value, gradients } = differentiate("valueAndGrad", fn, inputs, options);
    return { value: options.createGraph || options.retainGraph ? value : detach(value), gradients };
  });
}

function differentiate(
  op: string,
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  options: Omit<BackwardOptions, "gradient">,
): ValueAndGradients {
  requireFunction(op, fn);
  requireInputs(op, inputs);
  const variables = inputs.map((input) => {
    if (nodeOf(input)) return input;
    const leaf = input.view(input.shape, input.strides);
    leaf.requiresGrad = true;
    return leaf;
  });
  const nodes = variables.map((variable) => nodeOf(variable)!);
  const value = resultOf(
    op,
    withRecording(true, () => fn(...variables)),
  );
  if (!nodeOf(value)) throw new Error(`${op}: the function's result depends on no input by differentiable ops`);
  if (value.size !== 1) {
    throw new Error(`${op}: the function gives a tensor of shape ${formatShape(value.shape)}, expected a scalar`);
  }
  const found = gradientsAt(value, options, new Set(nodes));
  return { value, gradients: nodes.map((node) => found.get(node)) };
}

/** @throws with the caller's name when these are no tensors to call a function with. */
export function requireInputs(op: string, inputs: readonly Tensor[]): void {
  if (!Array.isArray(inputs)) throw new Error(`${op}: expected an array of tensors, got ${describeValue(inputs)}`);
  requireTensors(op, inputs);
}

/** @throws with the caller's name when a user's function gave something else than a tensor. */
export function resultOf(op: string, value: Tensor): Tensor {
  if (value instanceof Tensor) return value;
  throw new Error(`${op}: the function gives ${describeValue(value)}, expected a tensor`);
}

/**
 * The gradients that arrive at some nodes. With `stop` the pass ends there: what lies behind them is not visited.
 */
export function gradientsAt(
  root: Tensor,
  options: BackwardOptions,
  wanted: ReadonlySet<GraphNode>,
  stop = false,
): Map<GraphNode, Tensor> {
  const found = new Map<GraphNode, Tensor>();
  propagate(
    root,
    options,
    (node) => wanted.has(node),
    (node, gradient) => found.set(node, gradient),
    stop ? wanted : undefined,
  );
  return found;
}

/** The same values without history: no gradient flows through it. A view; it shares the storage. */
export function detach(x: Tensor): Tensor {
  requireTensors("detach", [x]);
  return x.view(x.shape, x.strides);
}

/** Runs the graph backward and hands the whole gradient of each captured node to `capture`. */
function propagate(
  root: Tensor,
  options: BackwardOptions,
  captures: (node: GraphNode) => boolean,
  capture: (node: GraphNode, gradient: Tensor) => void,
  boundary?: ReadonlySet<GraphNode>,
): void {
  const { createGraph = false, retainGraph = createGraph } = options;
  const rootNode = nodeOf(root);
  if (!rootNode) throw new Error("backward: no input of this tensor requires a gradient");
  if (!options.gradient && root.size !== 1) {
    throw new Error(`backward: a root of shape ${formatShape(root.shape)} is no scalar and needs options.gradient`);
  }
  if (options.gradient && !shapesEqual(options.gradient.shape, root.shape)) {
    throw new Error(
      `backward: gradient ${formatShape(options.gradient.shape)} does not fit root ${formatShape(root.shape)}`,
    );
  }
  withRecording(createGraph, () => {
    const pending = new Map<GraphNode, Tensor>();
    pending.set(rootNode, options.gradient ? ownHandle(options.gradient) : full(root.gpu, root.shape, 1, root.dtype));
    for (const node of topologicalOrder(rootNode, boundary)) {
      const gradient = pending.get(node);
      if (!gradient) continue;
      pending.delete(node);
      if (captures(node)) capture(node, ownHandle(gradient));
      if (boundary?.has(node)) {
        gradient.dispose();
        continue;
      }
      addContributions(node, gradient, pending, createGraph, retainGraph);
      if (!retainGraph) node.freeSaved();
      gradient.dispose();
    }
  });
}

/** Adds the gradient of each wanted input of a node to what has arrived at it, under a handle of its own. */
function addContributions(
  node: GraphNode,
  gradient: Tensor,
  pending: Map<GraphNode, Tensor>,
  createGraph: boolean,
  retainGraph: boolean,
): void {
  if (node.leaf) return;
  const arrived = tidy(() => {
    const thunks = node.gradients(gradient, createGraph, retainGraph);
    const result: [GraphNode, Tensor][] = [];
    node.inputs.forEach((input, index) => {
      const thunk = thunks[index];
      if (!input || !thunk) return;
      const before = pending.get(input);
      const contribution = thunk(createGraph ? undefined : targetOf(input, before));
      // A vjp may return the gradient it was given, or one tensor for two inputs.
      if (contribution !== before) result.push([input, ownHandle(contribution)]);
    });
    return result;
  });
  for (const [input, contribution] of arrived) {
    const before = pending.get(input);
    pending.set(input, before ? combine(before, contribution, createGraph) : contribution);
  }
}

/**
 * Where the next gradient of a node may go: to what has arrived, when nothing else refers to it, or to the place that an
 * optimizer keeps for it.
 */
function targetOf({ leaf }: GraphNode, before: Tensor | undefined): GradientTarget | undefined {
  if (before) return isOwnMemory(before) ? { accumulates: true, take: () => before } : undefined;
  const home = leaf && gradientHome(leaf);
  return home && { accumulates: false, take: () => home.take() };
}

function combine(before: Tensor, contribution: Tensor, createGraph: boolean): Tensor {
  if (!createGraph) return addAndFree(before, contribution);
  const sum = add(before, contribution);
  before.dispose();
  contribution.dispose();
  return sum;
}

const ownHandle = (tensor: Tensor): Tensor => attachHistory(tensor.view(tensor.shape, tensor.strides), nodeOf(tensor));

/**
 * Nodes from the root down, each after all nodes that use it, and not beyond a boundary. Iterative: graphs are deeper
 * than the call stack.
 */
function topologicalOrder(root: GraphNode, boundary?: ReadonlySet<GraphNode>): GraphNode[] {
  const order: GraphNode[] = [];
  const seen = new Set<GraphNode>([root]);
  const stack: { node: GraphNode; next: number }[] = [{ node: root, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    if (top.next < top.node.inputs.length && !boundary?.has(top.node)) {
      const input = top.node.inputs[top.next++];
      if (input && !seen.has(input)) {
        seen.add(input);
        stack.push({ node: input, next: 0 });
      }
    } else {
      order.push(top.node);
      stack.pop();
    }
  }
  return order.reverse();
}
