import { describe, expect, it } from "vitest";
import { backward, checkpoint, crossEntropy, normal } from "../../src/autograd/index.ts";
import { ResNet } from "../../src/models/index.ts";
import { AdamW, TrainingPass } from "../../src/nn/index.ts";
import { type HostArray, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { openDirectory } from "../support/files.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

/** Two steps of ResNet-20 on made-up images, with or without its blocks checkpointed. */
async function train(isCheckpointed: boolean) {
  const model = await ResNet.fromPretrained(await openDirectory("assets/resnet20-cifar10"));
  const optimizer = new AdamW([
    { name: "all", parameters: model.namedParameters(), learningRate: 1e-3, weightDecay: 0 },
  ]);
  const labels = tensor(Int32Array.of(1, 2, 3));
  const losses: number[] = [];
  gpu().resetPeak();
  for (let step = 0; step < 2; step++) {
    const images = normal([3, 3, 16, 16], { seed: step });
    const pass = new TrainingPass(step);
    const [loss, gradients] = tidy(() => {
      const run = (x: Tensor, { name, run: apply }: (typeof model.stages)[number]): Tensor =>
        isCheckpointed && name.startsWith("layer")
          ? checkpoint((h) => apply(h, images, pass), [x])
          : apply(x, images, pass);
      const loss = crossEntropy(model.head(model.stages.reduce(run, images), pass), labels);
      return [loss, backward(loss)] as const;
    });
    optimizer.step(gradients, { factor: 1 });
    losses.push((await loss.item()) as number);
    for (const one of [images, loss]) one.dispose();
  }
  const { peakBytes } = gpu().statistics;
  const values = new Map<string, HostArray>();
  for (const [name, x] of model.namedTensors()) values.set(name, await x.data());
  for (const one of [labels, optimizer, model]) one.dispose();
  return { losses, values, peakBytes };
}

describe("a ResNet with checkpointed blocks", () => {
  it("trains to the same bits, running statistics included, with less memory", async () => {
    const { liveBuffers } = gpu().statistics;
    const plain = await train(false);
    const recomputed = await train(true);
    expect(recomputed.losses).toEqual(plain.losses);
    expect(recomputed.values).toEqual(plain.values);
    expect(recomputed.peakBytes).toBeLessThan(0.9 * plain.peakBytes);
    expect(gpu().statistics.liveBuffers).toBe(liveBuffers);
  });
});
