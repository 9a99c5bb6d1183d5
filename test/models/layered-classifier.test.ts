import { describe, expect, it } from "vitest";
import { noGrad, normal } from "../../src/autograd/index.ts";
import { LayeredClassifier, mapNames, ResNet } from "../../src/models/index.ts";
import {
  Activation,
  BatchNorm,
  Conv2d,
  Dropout,
  Flatten,
  GlobalAveragePool2d,
  Linear,
  MaxPool2d,
  TrainingPass,
} from "../../src/nn/index.ts";
import { type Tensor, tidy } from "../../src/tensor/index.ts";
import { openDirectory } from "../support/files.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const RESNET20 = "assets/resnet20-cifar10";

function makeModel(): LayeredClassifier {
  const model = new LayeredClassifier(gpu(), {
    labels: ["a", "b", "c"],
    inputShape: [1, 8, 8],
    head: "fc",
    layers: [
      ["conv", new Conv2d(gpu(), 1, 4, 3, { padding: 1 })],
      ["norm", new BatchNorm(gpu(), 4)],
      ["relu", new Activation("relu")],
      ["maxpool", new MaxPool2d(2)],
      ["pool", new GlobalAveragePool2d()],
      ["fc", new Linear(gpu(), 4, 3)],
    ],
  });
  return model.reinitialize(["*"], 1);
}

const scores = (model: LayeredClassifier, x: Tensor, pass?: TrainingPass): Tensor =>
  noGrad(() => tidy(() => model.forward(x, pass)));

describe("changing the layers of a classifier", () => {
  it("follows the shapes from the input to the scores", () => {
    const model = makeModel();
    expect(model.layers.map(({ name, shape }) => `${name} ${shape}`)).toEqual([
      "conv 4,8,8",
      "norm 4,8,8",
      "relu 4,8,8",
      "maxpool 4,4,4",
      "pool 4",
      "fc 3",
    ]);
    expect([...model.namedParameters().keys()]).toEqual([
      "conv.weight",
      "conv.bias",
      "norm.weight",
      "norm.bias",
      "fc.weight",
      "fc.bias",
    ]);
    model.dispose();
  });

  it("inserts, replaces and removes layers that fit, and frees what goes", async () => {
    const before = gpu().statistics.liveBuffers;
    const model = makeModel();
    const buffers = gpu().statistics.liveBuffers;
    const deeper = new Conv2d(gpu(), 4, 4, 3);
    model.insert("conv2", deeper, { after: "relu" });
    expect(model.layers.map(({ name, shape }) => `${name} ${shape}`).slice(2, 5)).toEqual([
      "relu 4,8,8",
      "conv2 4,6,6",
      "maxpool 4,3,3",
    ]);
    expect(gpu().statistics.liveBuffers).toBe(buffers + 2);
    model.replace("conv2", new Activation("tanh"));
    expect(gpu().statistics.liveBuffers).toBe(buffers);
    expect(deeper.weight.isDisposed).toBe(true);
    model.remove("conv2");
    expect(model.layers.map(({ name }) => name)).toEqual(["conv", "norm", "relu", "maxpool", "pool", "fc"]);
    model.dispose();
    expect(gpu().statistics.liveBuffers).toBe(before);
  });

  it("refuses what does not fit, at once, and stays as it was", async () => {
    const model = makeModel();
    const x = normal([2, 1, 8, 8], { seed: 5 });
    const original = scores(model, x);
    const listing = model.layers.map(({ name }) => name);
    const wide = new Conv2d(gpu(), 4, 6, 3);
    expect(() => model.insert("conv2", wide, { after: "relu" })).toThrow(
      /layer "fc" does not fit behind "pool", which gives \[6\]: Linear: expected a last axis of 4 for each example, got \[6\]/,
    );
    expect(() => model.insert("conv2", wide, { after: "nothing" })).toThrow(
      /no layer "nothing"; there are conv, norm, relu/,
    );
    const fitting = new Conv2d(gpu(), 4, 4, 3);
    expect(() => model.insert("conv", fitting, { after: "relu" })).toThrow('two layers are called "conv"');
    expect(() => model.insert("gpu", fitting, { after: "relu" })).toThrow('the name "gpu" is taken');
    expect(() => model.remove("pool")).toThrow("the last layer gives [4, 4, 3], expected [3]");
    expect(() => model.remove("fc")).toThrow(/where the head begins/);
    expect(() => model.replaceHead(["one"], { layers: [["fc", new Linear(gpu(), 4, 2)]] })).toThrow(
      "the last layer gives [2], expected [1]: a score a class",
    );
    expect(() => model.insert("conv2", fitting, {} as never)).toThrow("insert: expected { after: NAME } or { before");
    expect(() => model.replace("conv", 3 as never)).toThrow('layer "conv" is the number 3, expected a Layer');
    expect(() => model.replaceHead("ab" as never)).toThrow("replaceHead: expected an array of class names");
    expect(() => model.replaceHead(["a"], { layers: [] })).toThrow("replaceHead: a head needs at least one layer");
    expect(() => model.reinitialize("conv", -1)).toThrow("reinitialize: seed -1 is not a non-negative safe integer");
    expect(() => model.reinitialize(["nothing*"], 1)).toThrow('reinitialize: pattern "nothing*" matches no layer');
    expect(model.layers.map(({ name }) => name)).toEqual(listing);
    expect(model.labels).toEqual(["a", "b", "c"]);
    const after = scores(model, x);
    expect(await after.data()).toEqual(await original.data());
    for (const one of [x, original, after, wide, fitting, model]) one.dispose();
  });

  it("adds layers, a deeper head among them", async () => {
    const model = makeModel();
    const x = normal([2, 1, 8, 8], { seed: 5 });
    const extra = new Conv2d(gpu(), 4, 4, 3, { padding: 1 });
    extra.initialize(7);
    model.insert("conv2", extra, { before: "maxpool" });
    model.replaceHead(["odd", "even"], {
      layers: [
        ["hidden", new Linear(gpu(), 4, 5)],
        ["drop", new Dropout(0.5)],
        ["out", new Linear(gpu(), 5, 2)],
      ],
    });
    model.reinitialize(["hidden", "out"], 3);
    expect(model.stages.at(-1)!.name).toBe("pool");
    expect(model.headModules.map(({ name }) => name)).toEqual(["hidden", "out"]);
    const y = scores(model, x);
    expect(y.shape).toEqual([2, 2]);
    const [a, b] = [scores(model, x, new TrainingPass(1)), scores(model, x, new TrainingPass(2))];
    expect(await a.data()).not.toEqual(await b.data()); // the dropout of the head is on in training
    for (const one of [x, y, a, b, model]) one.dispose();
  });

  it("replaces the head of a published network, drops a block and writes what opens again", async () => {
    const model = await ResNet.fromPretrained(await openDirectory(RESNET20));
    const before = model.parameterCount();
    model.replaceHead(["cat", "dog"], { head: { seed: 1 } });
    expect(model.namedParameters().get("linear.weight")!.shape).toEqual([2, 64]);
    const last = model.namedParameters().get("layer3.2.conv1.weight");
    model.dropBlock("layer3.1");
    expect(model.depths).toEqual([3, 3, 2]);
    expect(model.namedParameters().get("layer3.1.conv1.weight")).toBe(last);
    expect(model.namedParameters().has("layer3.2.conv1.weight")).toBe(false);
    expect(model.parameterCount()).toBeLessThan(before);
    // Learning rates fall by block, whatever stands between.
    const levels = new Map(model.stages.map(({ name, level }) => [name, level]));
    expect(
      ["avgpool", "layer3.1", "layer3.0", "layer1.0", "relu", "bn1", "conv1"].map((name) => levels.get(name)),
    ).toEqual([0, 0, 1, 7, 8, 8, 8]);
    expect(() => model.dropBlock("layer3.0")).toThrow(/layer "layer3.1" does not fit|layer "layer3.0" does not fit/);
    expect(() => model.dropBlock("bn1")).toThrow(/dropBlock: "bn1" is no block; there are layer1.0/);
    model.dropBlock("layer1.0").dropBlock("layer1.0");
    expect(() => model.dropBlock("layer1.0")).toThrow('dropBlock: "layer1.0" is the only block of its stage');
    expect(model.depths).toEqual([1, 3, 2]);
    model.dispose();
  });

  it("tells which images are too small for a layer", () => {
    const model = makeModel();
    const image = (size: number) => {
      return { pixels: new Float32Array(size * size), batch: 1, channels: 1, height: size, width: size };
    };
    for (const size of [2, 8, 9]) model.prepare(image(size)).dispose();
    expect(() => model.prepare(image(1))).toThrow(
      /images of 1 × 1 do not go through the model: layer "maxpool" does not fit behind "relu", which gives \[4, 1, 1\]/,
    );
    model.dispose();
  });
});

describe("reinitialize", () => {
  it("gives new values from a seed, within the bounds of torch.nn", async () => {
    const [first, second] = [makeModel(), makeModel()];
    const weights = await first.namedParameters().get("fc.weight")!.data();
    expect(weights).toEqual(await second.namedParameters().get("fc.weight")!.data());
    expect(Math.max(...Array.from(weights, Math.abs))).toBeLessThanOrEqual(0.5); // 1/√4
    second.reinitialize(["fc"], 99);
    expect(await second.namedParameters().get("fc.weight")!.data()).not.toEqual(weights);
    expect(await second.namedParameters().get("conv.weight")!.data()).toEqual(
      await first.namedParameters().get("conv.weight")!.data(),
    );
    first.dispose();
    second.dispose();
  });
});

describe("mapNames", () => {
  it("maps by the first pattern that is the whole name", () => {
    const map = mapNames([
      ["blocks.*.attention.heads.*.**", "block*.sa_heads.head_*.**"],
      ["blocks.*.norm.*", "block$1.layer_norm1.$2"],
      ["wte.weight", "token_embedding_table.weight"],
    ]);
    expect(map("blocks.0.attention.heads.3.key.weight")).toBe("block0.sa_heads.head_3.key.weight");
    expect(map("blocks.12.norm.bias")).toBe("block12.layer_norm1.bias");
    expect(map("wte.weight")).toBe("token_embedding_table.weight");
    expect(map("other.wte.weight")).toBe("other.wte.weight");
    expect(() => mapNames([["a.*", "b.*.*"]])).toThrow('mapNames: "b.*.*" has 2 stars, "a.*" only 1');
  });
});

describe("layers", () => {
  it("say which shapes they take", () => {
    expect(() => new Conv2d(gpu(), 3, 4, 1, { groups: 2 })).toThrow(/2 groups do not divide/);
    const conv = new Conv2d(gpu(), 3, 4, 5);
    expect(() => conv.outputShape([3, 4, 9])).toThrow(/Conv2d: expected a height and a width that a 5×5 kernel fits/);
    conv.dispose();
    expect(new MaxPool2d(3, { stride: 2, ceilMode: true }).outputShape([4, 8, 7])).toEqual([4, 4, 3]);
    expect(new MaxPool2d(3, { stride: 2, padding: 1 }).outputShape([4, 112, 112])).toEqual([4, 56, 56]);
    expect(new Flatten().outputShape([4, 3, 2])).toEqual([24]);
    for (const [make, message] of [
      [() => new Conv2d(gpu(), 3, -1, 3), "Conv2d: expected outputs to be a whole number of at least 1, got -1"],
      [
        () => new Conv2d(gpu(), 3, 4, "3" as never),
        'Conv2d: expected kernel to be a whole number of at least 1, got "3"',
      ],
      [
        () => new Conv2d(gpu(), 3, 4, 3, { padding: -1 }),
        "Conv2d: expected padding to be a whole number of at least 0",
      ],
      [() => new Linear(gpu(), 0, 4), "Linear: expected inputs to be a whole number of at least 1, got 0"],
      [() => new MaxPool2d(0), "MaxPool2d: expected kernel to be a whole number of at least 1, got 0"],
      [() => new BatchNorm(gpu(), 1.5), "BatchNorm: expected channels to be a whole number of at least 1, got 1.5"],
    ] as const) {
      expect(make).toThrow(message);
    }
    expect(() => new Dropout(2)).toThrow(/expected a probability/);
    expect(() => new Activation("mish" as never)).toThrow(/"mish" is none of relu/);
  });
});
