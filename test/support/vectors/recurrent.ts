import * as api from "../../../src/autograd/index.ts";
import type { Tensor } from "../../../src/tensor/index.ts";
import { hardSigmoid, softsign, thresholdedRelu } from "./compose.ts";

/** Recurrent cells, as ONNX and WebNN both define them. States and inputs are [batch, …], weights [gates · hidden, …]. */

export type Activation = (x: Tensor) => Tensor;

/** An activation by its name, with the parameters ONNX lets it have. */
export function activation(name: string, alpha?: number, beta?: number): Activation {
  const table: Readonly<Record<string, Activation>> = {
    relu: (x) => api.relu(x),
    sigmoid: (x) => api.sigmoid(x),
    tanh: (x) => api.tanh(x),
    softplus: (x) => api.softplus(x),
    softsign,
    elu: (x) => api.elu(x, alpha ?? 1),
    leakyrelu: (x) => api.leakyRelu(x, alpha ?? 0.01),
    hardsigmoid: (x) => hardSigmoid(x, alpha ?? 0.2, beta ?? 0.5),
    affine: (x) => api.add(api.mul(x, alpha ?? 1), beta ?? 0),
    scaledtanh: (x) => api.mul(api.tanh(api.mul(x, beta ?? 1)), alpha ?? 1),
    thresholdedrelu: (x) => thresholdedRelu(x, alpha ?? 1),
  };
  const found = table[name.toLowerCase()];
  if (!found) throw new Error(`no activation ${name}`);
  return found;
}

export interface CellWeights {
  weight: Tensor;
  recurrentWeight: Tensor;
  bias?: Tensor;
  recurrentBias?: Tensor;
  peephole?: Tensor;
}

export interface CellOptions {
  activations: readonly Activation[];
  /** Gates in the order they lie in the weights. */
  layout: string;
  /** GRU: the reset gate applies after the product with the recurrent weight. */
  resetAfter?: boolean;
  /** LSTM: the forget gate is one minus the input gate. */
  coupled?: boolean;
  clip?: number;
}

/** Makes the next state of an input and the state before. */
export type Cell = (x: Tensor, state: readonly Tensor[]) => Tensor[];

const transposed = (x: Tensor): Tensor => api.transpose(x, 0, 1);

/** x Wᵀ + b of every gate, by its letter. */
function gates(x: Tensor, weight: Tensor, bias: Tensor | undefined, layout: string): Record<string, Tensor> {
  const product = api.matmul(x, transposed(weight));
  const sum = bias ? api.add(product, bias) : product;
  const parts = api.split(sum, weight.shape[0] / layout.length, 1);
  return Object.fromEntries([...layout].map((letter, i) => [letter, parts[i]]));
}

const clipped = (x: Tensor, clip?: number): Tensor => (clip === undefined ? x : api.clamp(x, -clip, clip));

/** h′ = f(x Wᵀ + h Rᵀ + b). */
export const rnnCell =
  ({ weight, recurrentWeight, bias, recurrentBias }: CellWeights, { activations, clip }: CellOptions): Cell =>
  (x, [h]) => {
    const a = gates(x, weight, bias, "h").h;
    const b = gates(h, recurrentWeight, recurrentBias, "h").h;
    return [activations[0](clipped(api.add(a, b), clip))];
  };

/** z, r update and reset; n the candidate; h′ = (1 − z) n + z h. */
export const gruCell =
  (weights: CellWeights, { activations: [f, g], layout, resetAfter = false, clip }: CellOptions): Cell =>
  (x, [h]) => {
    const { weight, recurrentWeight, bias, recurrentBias } = weights;
    const own = gates(x, weight, bias, layout);
    const recurrent = gates(h, recurrentWeight, recurrentBias, layout);
    const z = f(clipped(api.add(own.z, recurrent.z), clip));
    const r = f(clipped(api.add(own.r, recurrent.r), clip));
    const memory = resetAfter
      ? api.mul(r, recurrent.n)
      : gates(api.mul(r, h), recurrentWeight, recurrentBias, layout).n;
    const n = g(clipped(api.add(own.n, memory), clip));
    return [api.add(api.mul(api.sub(1, z), n), api.mul(z, h))];
  };

/** i, o, f gates and g the candidate; c′ = f c + i g, h′ = o · act(c′). Peepholes look at c, that of o at c′. */
export const lstmCell =
  (weights: CellWeights, { activations: [f, g, act], layout, clip, coupled = false }: CellOptions): Cell =>
  (x, [h, c]) => {
    const { weight, recurrentWeight, bias, recurrentBias, peephole } = weights;
    const own = gates(x, weight, bias, layout);
    const recurrent = gates(h, recurrentWeight, recurrentBias, layout);
    const peeks = peephole && api.split(peephole, h.shape[1], 0);
    const gate = (letter: string, peek: number, cell: Tensor): Tensor => {
      const sum = api.add(own[letter], recurrent[letter]);
      return clipped(peeks ? api.add(sum, api.mul(peeks[peek], cell)) : sum, clip);
    };
    const i = f(gate("i", 0, c));
    const forget = coupled ? api.sub(1, i) : f(gate("f", 2, c));
    const candidate = g(clipped(api.add(own.g, recurrent.g), clip));
    const next = api.add(api.mul(forget, c), api.mul(i, candidate));
    const o = f(gate("o", 1, next));
    return [api.mul(o, act(next)), next];
  };

/** Runs a cell over x [steps, batch, input]: the h of every step (at its place in time), and the last state. */
export function runCell(
  x: Tensor,
  cell: Cell,
  initial: readonly Tensor[],
  isReversed: boolean,
): { outputs: Tensor[]; state: readonly Tensor[] } {
  const steps = x.shape[0];
  const outputs = new Array<Tensor>(steps);
  let state = initial;
  for (let k = 0; k < steps; k++) {
    const time = isReversed ? steps - 1 - k : k;
    state = cell(api.squeeze(api.slice(x, 0, time, time + 1), [0]), state);
    outputs[time] = state[0];
  }
  return { outputs, state };
}
