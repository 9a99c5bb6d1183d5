import { backward, capture } from "../../autograd/index.ts";
import type { Gpu } from "../../gpu/index.ts";
import { AdamW, type Optimizer } from "../../nn/index.ts";
import { keep, type Tensor } from "../../tensor/index.ts";
import type { Step } from "./step.ts";

export const adamw = (parameters: ReadonlyMap<string, Tensor>, learningRate: number): AdamW =>
  new AdamW([{ name: "all", parameters, learningRate, weightDecay: 0.01 }]);

/**
 * Whole steps of a model: forward, backward and optimizer, captured once and replayed, as the trainer does. The loss can be
 * read after each.
 *
 * @param release disposes the model and what was made for it.
 */
export function trainingStep(
  gpu: Gpu,
  optimizer: Optimizer,
  lossOf: () => Tensor,
  release: () => void,
  clip?: number,
): Step {
  const step = capture(gpu, () => {
    const loss = lossOf();
    optimizer.step(backward(loss), { clip });
    return loss;
  });
  let last: Tensor | undefined;
  return {
    run: () => {
      last?.dispose();
      last = keep(step({}));
    },
    check: async () => {
      const loss = await last!.item();
      return Number.isFinite(loss) && loss > 0 ? undefined : `the loss is ${loss}`;
    },
    [Symbol.dispose]: () => {
      last?.dispose();
      step.dispose();
      optimizer.dispose();
      release();
    },
  };
}
