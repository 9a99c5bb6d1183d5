import { expect, it } from "vitest";
import { finetune, layerwiseGroups, type StepEvent } from "../../src/finetune/index.ts";
import { GPT2, parseGPT2Config } from "../../src/models/index.ts";
import { AdamW } from "../../src/nn/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

async function train(
  checkpointBlocks: boolean,
): Promise<{ losses: number[]; weights: ArrayLike<number>[]; peak: number }> {
  const shape = { n_embd: 32, n_layer: 3, n_head: 4, vocab_size: 64, n_positions: 64 };
  const dropout = { resid_pdrop: 0.2, embd_pdrop: 0.1, attn_pdrop: 0.1 };
  const model = GPT2.random(gpu(), parseGPT2Config({ model_type: "gpt2", ...shape, ...dropout }, "config.json"), 2);
  const ids = Int32Array.from({ length: 64 }, (_, i) => (7 * i) % 64);
  const data = { train: Array.from({ length: 8 }, () => ({ inputIds: ids, labels: ids })) };
  const optimizer = new AdamW(layerwiseGroups(model, { learningRate: 1e-2 }));
  const losses: number[] = [];
  const options = { optimizer, epochs: 1, batch: 4, clip: 1, seed: 9, checkpointBlocks };
  for await (const event of finetune(model, data, options)) {
    if (event.type === "step") losses.push((event as StepEvent).loss);
  }
  const peak = gpu().statistics.peakBytes;
  const weights = await Promise.all(model.parameters().map((tensor) => tensor.data()));
  optimizer.dispose();
  model.dispose();
  return { losses, weights, peak };
}

it("trains to the same bits with blocks run again in the backward pass, dropout and all, in less memory", async () => {
  const plain = await train(false);
  const again = await train(true);
  expect(plain.losses[0]).not.toBe(plain.losses[1]);
  expect(again.losses).toEqual(plain.losses);
  expect(again.weights).toEqual(plain.weights);
  expect(again.peak).toBeLessThan(0.7 * plain.peak);
  expect(gpu().statistics.rescuedTensors).toBe(0);
});
