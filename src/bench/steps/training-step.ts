import { backward } from "../../autograd/index.ts";
import { AdamW, type Optimizer } from "../../nn/index.ts";
import { keep, type Tensor, tidy } from "../../tensor/index.ts";
import type { Step } from "./step.ts";

export const adamw = (parameters: ReadonlyMap<string, Tensor>, learningRate: number): AdamW =>
  new AdamW([{ name: "all", parameters, learningRate, weightDecay: 0.01 }]);

/** Whole steps of a model whose loss is read after the run: forward, backward and optimizer. */
export function trainingStep(optimizer: Optimizer, lossOf: () => Tensor, release: () => void, clip?: number): Step {
  let last: Tensor | undefined;
  return {
    run: () => {
      last?.dispose();
      const { loss, gradients } = tidy(() => {
        const mean = lossOf();
        return { loss: mean, gradients: backward(mean) };
      });
      last = keep(loss);
      optimizer.step(gradients, { clip })?.dispose();
    },
    check: async () => {
      const loss = await last!.item();
      return Number.isFinite(loss) && loss > 0 ? undefined : `the loss is ${loss}`;
    },
    [Symbol.dispose]: () => {
      last?.dispose();
      release();
    },
  };
}
