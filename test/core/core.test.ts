import { describe, expect, it } from "vitest";
import * as core from "../../src/core.ts";
import { useGpu } from "../support/gpu.ts";

type Core = typeof core;
const { trainPerceptron, trainTransformer } = (await import(
  /* @vite-ignore */ `${import.meta.dirname}/programs.mjs`
)) as {
  trainPerceptron(core: Core, gpu: core.Gpu): Promise<{ losses: number[]; right: number }>;
  trainTransformer(core: Core, gpu: core.Gpu): Promise<{ losses: number[] }>;
};
const gpu = useGpu();

describe("the core by itself", () => {
  it("trains a perceptron", async () => {
    const { losses, right } = await trainPerceptron(core, gpu());
    expect(losses.at(-1)).toBeLessThan(losses[0] / 3);
    expect(right).toBeGreaterThan(0.95);
  });

  it("trains a transformer whose attention is made of products and a softmax", async () => {
    const { losses } = await trainTransformer(core, gpu());
    expect(losses.at(-1)).toBeLessThan(losses[0] / 10);
    expect(gpu().statistics.rescuedTensors).toBe(0);
  });

  it("learns by the mean square as well, and by SGD", async () => {
    const { backward, Linear, meanSquaredError, SGD, tensor, tidy } = core;
    const model = new Linear(gpu(), 1, 1);
    model.initialize(3);
    const optimizer = new SGD(
      [{ name: "all", parameters: model.namedParameters(), learningRate: 0.1, weightDecay: 0 }],
      { momentum: 0.5 },
    );
    const [x, y] = [
      [[0], [1], [2]],
      [[1], [3], [5]],
    ].map((values) => tensor(values, undefined, { gpu: gpu() }));
    for (let step = 0; step < 60; step++) {
      tidy(() => void optimizer.step(backward(meanSquaredError(model.forward(x), y))));
    }
    expect(await model.weight.item()).toBeCloseTo(2, 2);
    expect(await model.bias!.item()).toBeCloseTo(1, 2);
    for (const held of [x, y, model, optimizer]) held.dispose();
  });
});
