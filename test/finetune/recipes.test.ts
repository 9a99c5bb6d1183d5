import { describe, expect, it } from "vitest";
import {
  type HeadThenBlocksOptions,
  headThenBlocks,
  ImageExamples,
  runRecipe,
  type StartEvent,
} from "../../src/finetune/index.ts";
import { defaultPreprocessing, makeImage } from "../../src/io/index.ts";
import { GPT2, GPT2ForSequenceClassification, ResNet } from "../../src/models/index.ts";
import { openDirectory } from "../support/files.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

const options = (more: Partial<HeadThenBlocksOptions> = {}): HeadThenBlocksOptions => ({
  ...{ headEpochs: 1, epochs: 1, blocks: 2, headLearningRate: 1e-3, learningRate: 1e-4, layerDecay: 0.5 },
  ...more,
});

describe("the head, then the last blocks", () => {
  it("are stages of a GPT-2", async () => {
    const directory = await openDirectory("assets/gpt2-mini-en");
    const model = await GPT2ForSequenceClassification.fromPretrained(directory, { gpu: gpu(), labels: ["a", "b"] });
    const stages = headThenBlocks(model, options());
    expect(stages.map(({ name, learningRate }) => [name, learningRate])).toEqual([
      ["head", 1e-3],
      ["last 2 blocks", 1e-4],
    ]);
    expect(stages[1].description).toContain("h.2, h.3, ln_f and the head");
    model.freeze().unfreeze(...stages[1].trains);
    const trained = [...model.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad).map(([name]) => name);
    expect(new Set(trained.map((name) => /h\.\d|ln_f|score/.exec(name)?.[0]))).toEqual(
      new Set(["h.2", "h.3", "ln_f", "score"]),
    );
    expect(headThenBlocks(model, options({ headEpochs: 0, blocks: 1 })).map(({ name }) => name)).toEqual([
      "last block",
    ]);
    for (const blocks of [0, 1.5, 6]) {
      expect(() => headThenBlocks(model, options({ blocks }))).toThrow(
        `headThenBlocks: blocks must be a whole number from 1 to 5, got ${blocks}`,
      );
    }
    model.dispose();
  });

  it("are one stage where the head has the weights of the embeddings", async () => {
    const model = await GPT2.fromPretrained(await openDirectory("assets/gpt2-mini-en"), { gpu: gpu() });
    const stages = headThenBlocks(model, options({ blocks: 1 }));
    expect(stages.map(({ description }) => description)).toEqual([
      "Goes on with h.3, ln_f, at a reduced rate that falls with depth.",
    ]);
    model.dispose();
  });

  it("train a ResNet as one run", async () => {
    const directory = await openDirectory("assets/resnet20-cifar10");
    const model = await ResNet.fromPretrained(directory, { gpu: gpu(), labels: ["dark", "light"] });
    const pictures = Array.from({ length: 4 }, (_, i) => ({
      image: makeImage(3, 32, 32, new Uint8Array(3 * 32 * 32).fill(200 * (i % 2) + i)),
      label: i % 2,
    }));
    const examples = new ImageExamples(pictures, { preprocessing: defaultPreprocessing(3, 32, 32) });
    const trained: string[][] = [];
    const steps: number[] = [];
    const run = runRecipe(model, { train: examples, labels: model.labels }, headThenBlocks(model, options()), {
      batch: 2,
    });
    for await (const event of run) {
      if (event.type === "start") trained.push(partsOf(event));
      if (event.type === "step") steps.push(event.step);
    }
    expect(trained).toEqual([["linear"], ["layer3.1", "layer3.2", "linear"]]);
    expect(steps).toEqual([1, 2, 3, 4]);
    model.dispose();
  });
});

const partsOf = ({ trainable }: StartEvent): string[] => [
  ...new Set(trainable.map((name) => /^(?:layer\d\.\d|[a-z]+)/.exec(name)![0])),
];
