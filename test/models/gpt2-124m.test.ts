import { expect, it } from "vitest";
import { backward } from "../../src/autograd/index.ts";
import { disposeInputs, GPT2, parseGPT2Config, prepareInputs } from "../../src/models/index.ts";
import { AdamW } from "../../src/nn/index.ts";
import { tensor, tidy } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

/** Few: the products with the token table take the same windows for any count, and SwiftShader is slow. */
const TOKENS = 16;
const gpu = useGpu({ limits: "default" });

it("GPT-2 of the 124M shape trains under WebGPU's default limits, which its embedding exceeds", async () => {
  expect(gpu().limits.maxStorageBufferBindingSize).toBe(128 * 2 ** 20);
  expect(gpu().limits.maxBufferSize).toBe(256 * 2 ** 20);
  const drop = { resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 };
  // Random weights are made on the device: nothing is loaded.
  const model = GPT2.random(gpu(), parseGPT2Config({ model_type: "gpt2", ...drop, eos_token_id: 50256 }), 1);
  expect(model.parameterCount()).toBe(124_439_808);
  expect(model.transformer.wte.weight.size * 4).toBeGreaterThan(gpu().limits.maxStorageBufferBindingSize);
  const optimizer = new AdamW([
    { name: "all", parameters: model.namedParameters(), learningRate: 1e-4, weightDecay: 0.01 },
  ]);
  const ids = Int32Array.from({ length: TOKENS }, (_, i) => (i * 7919) % 50257);
  const labels = Int32Array.from(ids, (_, i) => (i === TOKENS - 1 ? -100 : ids[i + 1]));
  const inputs = prepareInputs(gpu(), { inputIds: ids, batch: 1, length: TOKENS }, model.config);
  const lossOf = () => model.loss(model.features(inputs), tensor(labels, undefined, { gpu: gpu() }), "mean");
  const { loss, gradients } = tidy(() => {
    const mean = lossOf();
    return { loss: mean, gradients: backward(mean) };
  });
  const norm = optimizer.step(gradients, { clip: 1 });
  const after = tidy(lossOf);
  const [before, gradientNorm, later] = [await loss.item(), await norm!.item(), await after.item()];
  // Logits of random weights say next to nothing: the loss is that of a guess among all tokens.
  expect(Math.abs(before - Math.log(50257))).toBeLessThan(0.5);
  expect(gradientNorm).toBeGreaterThan(0.1);
  expect(later).toBeLessThan(before - 0.1);
  disposeInputs(inputs);
  for (const one of [loss, norm!, after, optimizer, model]) one.dispose();
  expect(gpu().statistics.liveBuffers).toBe(0);
});
