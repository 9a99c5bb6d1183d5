import { requireFunction, type Tensor } from "../tensor/index.ts";

/** Where a gradient may be put instead of into a tensor of its own. */
export interface GradientTarget {
  /** Whether the gradient is added to what is there. */
  readonly accumulates: boolean;
  /** The place, row-major, f32, of the input's shape, which must then be written; undefined when it is not free. */
  take(): Tensor | undefined;
}

/**
 * Gradient of one input, computed only when it is wanted. `null` where the input has no gradient. An op that has written
 * to the target returns the target's tensor; any other returns one of its own.
 */
export type GradientThunk = ((target?: GradientTarget) => Tensor) | null;

export interface NodeInit {
  op: string;
  /** Nodes of the inputs; null for an input that needs no gradient. */
  inputs: readonly (GraphNode | null)[];
  /** References the node owns. */
  saved: readonly Tensor[];
  /** Calls the op's vjp with the saved tensors. */
  vjp: (
    gradient: Tensor,
    saved: readonly Tensor[],
    createGraph: boolean,
    retainGraph: boolean,
  ) => readonly GradientThunk[];
  leaf?: Tensor;
}

let nextSerial = 0;

/** The serial that the next node will have. */
export const currentSerial = (): number => nextSerial;

/**
 * One recorded op. Counted by the tensors and nodes that refer to it: when the last lets go, the saved tensors are
 * freed, so a graph that is never run backward leaks nothing.
 */
export class GraphNode {
  /** Rises with every node made: what a piece of work recorded has higher numbers than what was there before it. */
  readonly serial = nextSerial++;
  readonly op: string;
  readonly inputs: readonly (GraphNode | null)[];
  /** The leaf whose gradient is accumulated here, for leaf nodes. */
  readonly leaf: Tensor | undefined;
  readonly #vjp: NodeInit["vjp"];
  #saved: readonly Tensor[] | null;
  #references = 1;

  constructor(init: NodeInit) {
    this.op = init.op;
    this.inputs = init.inputs;
    this.leaf = init.leaf;
    this.#vjp = init.vjp;
    this.#saved = init.saved;
    for (const input of this.inputs) input?.retain();
  }

  retain(): void {
    this.#references++;
  }

  /** Lets go of one reference. Iterative: graphs are deeper than the call stack. */
  release(): void {
    const released: GraphNode[] = [this];
    for (let node = released.pop(); node; node = released.pop()) {
      if (--node.#references > 0) continue;
      node.freeSaved();
      for (const input of node.inputs) if (input) released.push(input);
    }
  }

  /** Frees what the vjp needs; the node cannot be run again. */
  freeSaved(): void {
    for (const tensor of this.#saved ?? []) tensor.dispose();
    this.#saved = null;
  }

  gradients(gradient: Tensor, createGraph: boolean, retainGraph: boolean): readonly GradientThunk[] {
    if (!this.#saved) {
      throw new Error(
        `backward: the graph through ${this.op} was already used; pass { retainGraph: true } the first time`,
      );
    }
    return this.#vjp(gradient, this.#saved, createGraph, retainGraph);
  }
}

/** The node that gradients of a tensor flow to: its op's, a leaf's own, or none when no gradient is wanted. */
export function nodeOf(tensor: Tensor): GraphNode | null {
  if (tensor.node) return tensor.node.leaf?.requiresGrad === false ? null : tensor.node;
  if (!tensor.requiresGrad) return null;
  tensor.node ??= new GraphNode({ op: "leaf", inputs: [], saved: [], vjp: () => [], leaf: tensor });
  return tensor.node;
}

/** Gives a new handle of a value the history of another. */
export function attachHistory(handle: Tensor, node: GraphNode | null): Tensor {
  node?.retain();
  handle.node = node;
  return handle;
}

let recording = true;

export const isRecording = (): boolean => recording;

/** Runs `fn` with recording switched on or off; synchronous, like everything that records. */
export function withRecording<T>(on: boolean, fn: () => T): T {
  const before = recording;
  recording = on;
  try {
    return fn();
  } finally {
    recording = before;
  }
}

/** Runs `fn` without recording: what it computes has no history. */
export function noGrad<T>(fn: () => T): T {
  requireFunction("noGrad", fn);
  return withRecording(false, fn);
}

let recomputing = false;

/**
 * Whether a checkpointed part of a model runs a second time, for its gradient. What a forward pass changes besides its
 * result (running statistics) must not be changed again then.
 */
export const isRecomputing = (): boolean => recomputing;

/** Runs `fn` as the repetition of a forward pass that already happened. */
export function asRecomputation<T>(fn: () => T): T {
  const before = recomputing;
  recomputing = true;
  try {
    return fn();
  } finally {
    recomputing = before;
  }
}
