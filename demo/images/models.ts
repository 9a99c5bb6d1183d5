import type { ModelSource } from "../../src/jobs/index.ts";

export type ModelName = "mnist-cnn" | "resnet20-cifar10";

/** The bundled networks: what is said of each, and how much their heads have to learn. */
export const MODELS: Readonly<Record<ModelName, { label: string; text: string; input: string; learningRate: number }>> =
  {
    "mnist-cnn": {
      label: "MNIST CNN",
      text: "Small and quick, grey, 28 × 28 pixels. It has learnt handwritten digits and is good at line drawings.",
      input: "28 × 28 grey pixels go in",
      learningRate: 0.01,
    },
    "resnet20-cifar10": {
      label: "ResNet-20",
      text: "Twenty layers, colour, 32 × 32 pixels. It has learnt ten kinds of things in photographs (CIFAR-10).",
      input: "32 × 32 coloured pixels go in",
      learningRate: 0.01,
    },
  };

export const isModelName = (name: string): name is ModelName => Object.hasOwn(MODELS, name);

export const modelSource = (name: ModelName): ModelSource => ({
  kind: "url",
  url: new URL(`assets/${name}/`, document.baseURI).href,
  files: ["config.json", "model.safetensors"],
});
