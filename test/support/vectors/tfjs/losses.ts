import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { asFloat } from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import { operand } from "./operands.ts";

/** Reduction 0 none, 1 mean, 2 sum, 3 the sum over the number of weights that are not zero. */
function weighted(node: Node, losses: Tensor): Tensor {
  const weights = node.hasInput("weights") ? operand(node, "weights") : undefined;
  const products = weights ? api.mul(losses, weights) : losses;
  const total = (): Tensor => api.sum(products);
  switch (node.number("reduction", 3)) {
    case 0:
      return products;
    case 1: {
      if (!weights) return api.mean(products);
      return api.div(api.div(total(), api.sum(weights)), Math.max(1, losses.size / weights.size));
    }
    case 2:
      return total();
    default: {
      if (!weights) return api.div(total(), losses.size);
      const each = api.expand(weights, losses.shape);
      return api.div(total(), api.sum(api.cast(api.notEqual(each, 0), "f32")));
    }
  }
}

const UNREDUCED = { reduction: "none" } as const;

const loss =
  (compute: (predictions: Tensor, labels: Tensor, node: Node) => Tensor): Implementation =>
  (node) =>
    weighted(node, compute(operand(node, "predictions"), asFloat(operand(node, "labels")), node));

/** Labels drawn towards an even distribution. */
const smoothed = (labels: Tensor, smoothing: number, even: number): Tensor =>
  smoothing === 0 ? labels : api.add(api.mul(labels, 1 - smoothing), even * smoothing);

export const losses: OperatorTable = {
  "losses.computeWeightedLoss": (node) => weighted(node, operand(node, "losses")),
  "losses.absoluteDifference": loss((p, y) => api.l1Loss(p, y, UNREDUCED)),
  "losses.meanSquaredError": loss((p, y) => api.meanSquaredError(p, y, UNREDUCED)),
  "losses.huberLoss": loss((p, y, node) => api.huberLoss(p, y, { ...UNREDUCED, delta: node.number("delta", 1) })),
  "losses.hingeLoss": loss((p, y) => api.relu(api.sub(1, api.mul(api.sub(api.mul(y, 2), 1), p)))),
  "losses.logLoss": loss((p, y, node) => {
    const epsilon = node.number("epsilon", 1e-7);
    const hit = api.mul(y, api.log(api.add(p, epsilon)));
    const miss = api.mul(api.sub(1, y), api.log(api.add(api.sub(1, p), epsilon)));
    return api.neg(api.add(hit, miss));
  }),
  "losses.cosineDistance": loss((p, y, node) => api.sub(1, api.sum(api.mul(y, p), [node.number("axis")], true))),
  "losses.sigmoidCrossEntropy": (node) => {
    const labels = smoothed(asFloat(operand(node, "multiClassLabels")), node.number("labelSmoothing", 0), 0.5);
    return weighted(node, api.binaryCrossEntropyWithLogits(operand(node, "logits"), labels, UNREDUCED));
  },
  "losses.softmaxCrossEntropy": (node) => {
    const logits = operand(node, "logits");
    const given = asFloat(operand(node, "onehotLabels"));
    const labels = smoothed(given, node.number("labelSmoothing", 0), 1 / given.shape[1]);
    return weighted(node, api.crossEntropy(logits, labels, UNREDUCED));
  },
};
