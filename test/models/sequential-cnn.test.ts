import { describe, expect, it } from "vitest";
import { evaluate, ImageExamples } from "../../src/finetune/index.ts";
import { idxImages, idxLabels, MemoryDirectory, parseIdx } from "../../src/io/index.ts";
import { describeImageModel, loadImageClassifier } from "../../src/models/index.ts";
import { parseSequentialConfig, SequentialCNN } from "../../src/models/sequential-cnn.ts";
import { openDirectory, readBytes, readJson } from "../support/files.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const ASSET = "assets/mnist-cnn";
const config = await readJson<Record<string, unknown>>(`${ASSET}/config.json`);

describe("a network that config.json lists", () => {
  it("is opened by its layers, and reads digits", async () => {
    const description = (await describeImageModel(await openDirectory(ASSET)))!;
    expect(description.family.name).toBe("sequential CNN");
    expect(description.preprocessing).toMatchObject({ channels: 1, height: 28, mean: [0.1307], deviation: [0.3081] });
    const model = await loadImageClassifier(await openDirectory(ASSET), { gpu: gpu() });
    expect(model.stages.map(({ name }) => name)).toEqual([
      "conv1",
      "relu1",
      "conv2",
      "relu2",
      "conv3",
      "relu3",
      "norm1",
      "flatten",
      "fc1",
      "relu4",
    ]);
    expect(model.headModules.map(({ name }) => name)).toEqual(["fc2"]);
    const array = async (file: string) => parseIdx(file, await readBytes(`test/fixtures/mnist/${file}`));
    const images = idxImages("images", await array("t10k-images-idx3-ubyte.gz")).slice(0, 300);
    const labels = idxLabels("labels", await array("t10k-labels-idx1-ubyte.gz"));
    const examples = images.map((image, i) => ({ image, label: labels[i] }));
    const set = new ImageExamples(examples, { preprocessing: description.preprocessing });
    const { accuracy } = await evaluate(model, set, { labels: model.labels, batch: 100 });
    expect(accuracy).toBeGreaterThan(0.985);
    model.dispose();
  });

  it("gets a new head for other classes, which it opens with again", async () => {
    const folder = new MemoryDirectory("saved");
    const model = await loadImageClassifier(await openDirectory(ASSET), {
      gpu: gpu(),
      labels: ["star", "house", "tree"],
      head: { seed: 1 },
    });
    await model.save(folder);
    const again = await SequentialCNN.fromPretrained(folder, { gpu: gpu() });
    expect(again.labels).toEqual(["star", "house", "tree"]);
    expect(again.layers.at(-1)!.shape).toEqual([3]);
    const [one, other] = [model, again].map((m) => m.namedParameters().get("fc2.weight")!);
    expect(await other.data()).toEqual(await one.data());
    model.dispose();
    again.dispose();
  });

  it("follows the shapes through every kind of layer", () => {
    const layers = [
      { name: "a", kind: "Conv2d", channels: 4, kernel: 3, stride: 2, padding: 1, groups: 1, dilation: 1, bias: false },
      { name: "b", kind: "BatchNorm" },
      { name: "c", kind: "MaxPool2d", kernel: 2 },
      { name: "d", kind: "Activation", function: "gelu" },
      { name: "e", kind: "AveragePool2d", kernel: 2, stride: 1, padding: 0, ceilMode: true },
      { name: "f", kind: "Dropout", rate: 0.2 },
      { name: "g", kind: "GlobalAveragePool2d" },
      { name: "h", kind: "Flatten" },
      { name: "i", kind: "Linear", features: 2 },
    ];
    const json = { arch: "sequential_cnn", input: [3, 16, 16], classes: ["a", "b"], head: "i", layers };
    const model = new SequentialCNN(gpu(), parseSequentialConfig(json, "config.json"));
    expect(model.layers.map(({ shape }) => shape)).toEqual([
      ...[[4, 8, 8], [4, 8, 8], [4, 4, 4], [4, 4, 4], [4, 3, 3], [4, 3, 3], [4], [4], [2]],
    ]);
  });

  it.each([
    [{ arch: "other" }, 'config.json: arch is "other", expected "sequential_cnn"'],
    [{ layers: [] }, "config.json: layers: expected a list of layers"],
    [{ layers: [{ kind: "Flatten" }] }, "config.json: layers[0]: expected a name"],
    [
      { layers: [{ name: "x", kind: "Magic" }] },
      'config.json: layers[0]: kind is "Magic", expected one of Conv2d, Linear',
    ],
    [{ head: "fc9" }, 'config.json: head is "fc9", expected one of conv1, relu1'],
  ])("refuses %j", (change, message) => {
    expect(() => parseSequentialConfig({ ...config, ...change }, "config.json")).toThrow(message);
  });

  it.each([
    [{ channels: 0 }, 'layer "conv1": "channels" is 0, expected a whole number of at least 1'],
    [{ bias: 1 }, 'layer "conv1": "bias" is 1, expected true or false'],
    [{ size: 3 }, 'layer "conv1": Conv2d has no "size"'],
    [{ channels: 9 }, "wrong shape: conv1.weight is [8, 1, 3, 3], the config asks for [9, 1, 3, 3]"],
  ])("names the layer that is wrong: %j", async (change, message) => {
    const layers = (config.layers as { name: string }[]).map((layer) =>
      layer.name === "conv1" ? { ...layer, ...change } : layer,
    );
    const directory = new MemoryDirectory("model", {
      "config.json": JSON.stringify({ ...config, layers }),
      "model.safetensors": await readBytes(`${ASSET}/model.safetensors`),
    });
    const live = gpu().statistics.liveBytes;
    await expect(loadImageClassifier(directory, { gpu: gpu() })).rejects.toThrow(message);
    expect(gpu().statistics.liveBytes).toBe(live);
  });
});
