import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { asIndex } from "../compose.ts";
import type { Node, OperatorTable } from "../node.ts";

/** −w[t] · x[n, t] of log-probabilities x [N, C, …] and class indices t [N, …]. */
function negativeLogLikelihood(node: Node): Tensor {
  const x = node.input(0);
  const target = asIndex(node.input(1));
  const ignored = node.has("ignore_index") ? node.number("ignore_index") : null;
  const isKept = ignored === null ? undefined : api.cast(api.notEqual(target, ignored), "f32");
  const safe = ignored === null ? target : api.where(api.equal(target, ignored), 0, target);
  const picked = api.squeeze(api.gather(x, 1, api.unsqueeze(safe, 1)), [1]);
  const classWeights = node.optional(2);
  const weights = classWeights
    ? api.reshape(api.indexSelect(classWeights, 0, api.reshape(safe, [-1])), target.shape)
    : undefined;
  const weight = weights && isKept ? api.mul(weights, isKept) : (weights ?? isKept);
  const losses = weight ? api.neg(api.mul(picked, weight)) : api.neg(picked);
  const reduction = node.text("reduction", "mean");
  if (reduction === "none") return losses;
  if (reduction === "sum") return api.sum(losses);
  return weight ? api.div(api.sum(losses), api.sum(weight)) : api.mean(losses);
}

/** The inputs of a step: R, T, then the parameters, their gradients and each state, `count` of each. */
function stepInputs(node: Node, states: number): { rate: Tensor; steps: number; groups: Tensor[][] } {
  const count = (node.inputCount - 2) / (states + 2);
  const groups = Array.from({ length: count }, (_, i) =>
    Array.from({ length: states + 2 }, (_unused, k) => node.input(2 + k * count + i)),
  );
  return { rate: node.input(0), steps: node.host(1)![0], groups };
}

/** Outputs are ordered as the inputs: all parameters, then all of each state. */
const inOrder = (results: readonly (readonly Tensor[])[]): Tensor[] =>
  results[0].flatMap((_, k) => results.map((group) => group[k]));

/** Takes the norm's gradient along. */
const regularized = (node: Node, x: Tensor, g: Tensor): Tensor =>
  api.add(g, api.mul(x, node.number("norm_coefficient", 0)));

function momentum(node: Node): Tensor[] {
  const { rate, steps, groups } = stepInputs(node, 1);
  const [alpha, beta] = [node.number("alpha"), steps > 0 ? node.number("beta") : 1];
  const isNesterov = node.text("mode", "standard") === "nesterov";
  return inOrder(
    groups.map(([x, gradient, v]) => {
      const g = regularized(node, x, gradient);
      const velocity = api.add(api.mul(v, alpha), api.mul(g, beta));
      const direction = isNesterov ? api.add(g, api.mul(velocity, alpha)) : velocity;
      return [api.sub(x, api.mul(direction, rate)), velocity];
    }),
  );
}

function adagrad(node: Node): Tensor[] {
  const { rate, steps, groups } = stepInputs(node, 1);
  const decayed = api.mul(rate, 1 / (1 + steps * node.number("decay_factor", 0)));
  return inOrder(
    groups.map(([x, gradient, h]) => {
      const g = regularized(node, x, gradient);
      const squares = api.add(h, api.square(g));
      const scale = api.add(api.sqrt(squares), node.number("epsilon", 1e-6));
      return [api.sub(x, api.div(api.mul(g, decayed), scale)), squares];
    }),
  );
}

function adam(node: Node): Tensor[] {
  const { rate, steps, groups } = stepInputs(node, 2);
  const [alpha, beta] = [node.number("alpha", 0.9), node.number("beta", 0.999)];
  const correction = steps > 0 ? Math.sqrt(1 - beta ** steps) / (1 - alpha ** steps) : 1;
  return inOrder(
    groups.map(([x, gradient, v, h]) => {
      const g = regularized(node, x, gradient);
      const mean = api.add(api.mul(v, alpha), api.mul(g, 1 - alpha));
      const squares = api.add(api.mul(h, beta), api.mul(api.square(g), 1 - beta));
      const scale = api.add(api.sqrt(squares), node.number("epsilon", 1e-6));
      const next = api.sub(x, api.div(api.mul(mean, api.mul(rate, correction)), scale));
      return [api.mul(next, 1 - node.number("norm_coefficient_post", 0)), mean, squares];
    }),
  );
}

/** Losses, and steps of optimizers in plain ops. */
export const training: OperatorTable = {
  NegativeLogLikelihoodLoss: negativeLogLikelihood,
  SoftmaxCrossEntropyLoss: (node) => {
    const [x, target] = [node.input(0), asIndex(node.input(1))];
    const loss = api.crossEntropy(x, target, {
      ignoreIndex: node.number("ignore_index", -100),
      weight: node.optional(2),
      reduction: node.word<"none" | "mean" | "sum">("reduction", "mean"),
    });
    return node.wants(1) ? [loss, api.logSoftmax(x, 1)] : loss;
  },
  Momentum: momentum,
  Adagrad: adagrad,
  Adam: adam,
};
