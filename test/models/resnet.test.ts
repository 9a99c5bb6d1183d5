import { describe, expect, it } from "vitest";
import { backward, noGrad, normal } from "../../src/autograd/index.ts";
import { MemoryDirectory, SafetensorsFile, serializeSafetensors } from "../../src/io/index.ts";
import {
  describeImageModel,
  loadImageClassifier,
  loadInto,
  parseResNetConfig,
  ResNet,
  SqueezeNet,
} from "../../src/models/index.ts";
import { TrainingPass } from "../../src/nn/index.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { openDirectory, openFile, readJson, readText } from "../support/files.ts";
import { useGpu } from "../support/gpu.ts";
import { compare, FIXTURES, loadCase, type OracleCase } from "../support/oracle.ts";
import { replay } from "../support/replay.ts";

const gpu = useGpu();
const RESNET20 = "assets/resnet20-cifar10";
const RESNET_TINY = `${FIXTURES}/oracle/resnet-tiny`;
const SQUEEZENET = `${FIXTURES}/models/squeezenet1_1-imagenet`;

/** Inputs and expected outputs that lie beside a published model. */
async function readReference(
  path: string,
  ...names: string[]
): Promise<{ data: number[]; shape: readonly number[] }[]> {
  const file = await SafetensorsFile.open(await openFile(`${FIXTURES}/models/${path}/reference_io.safetensors`));
  const read = names.map(async (name) => ({
    data: Array.from(await file.readArray(name), Number),
    shape: file.info(name).shape,
  }));
  const tensors = await Promise.all(read);
  await file.close();
  return tensors;
}

const forward = (model: { forward(x: Tensor): Tensor }, pixels: Tensor): Tensor =>
  noGrad(() => tidy(() => model.forward(pixels)));

const largestError = (got: ArrayLike<number>, expected: readonly number[]): number =>
  expected.reduce((worst, value, i) => Math.max(worst, Math.abs(got[i] - value)), 0);

/** All that a forward case expects, in evaluation or training mode. */
async function checkForward(oracle: OracleCase): Promise<string[]> {
  const model = await ResNet.fromPretrained(await openDirectory(oracle.modelDirectory));
  const pass = oracle.description.mode === "train" ? new TrainingPass(0) : undefined;
  const pixels = oracle.tensors.get("pixel_values")!;
  const images = tensor(pixels.data, pixels.shape);
  const labels = tensor(oracle.tensors.get("labels")!.data);
  const named = model.namedParameters();
  const [values, gradients] = tidy(() => {
    const stages = model.stages;
    const hidden = stages.slice(0, -1).reduce((x, stage) => stage.run(x, images, pass), undefined as unknown as Tensor);
    const features = stages[stages.length - 1].run(hidden, images, pass);
    const loss = model.loss(features, labels, "mean", pass);
    return [{ "hidden_states/last": hidden, logits: model.head(features, pass), loss }, backward(loss)] as const;
  });
  const failures: string[] = [];
  for (const name of Object.keys(oracle.expected)) {
    const [kind, rest] = [name.slice(0, name.indexOf("/")), name.slice(name.indexOf("/") + 1)];
    const source =
      kind === "grad"
        ? gradients.get(named.get(rest)!)!
        : kind === "buffer"
          ? model.namedBuffers().get(rest)!
          : values[name as keyof typeof values];
    const failure = compare(oracle, name, await source.data());
    if (failure) failures.push(failure);
  }
  for (const x of [...Object.values(values), gradients, images, labels, model]) x.dispose();
  return failures;
}

describe("resnet-tiny against transformers", () => {
  it.each(["forward-eval", "forward-train"])("%s: logits, loss, gradients, running statistics", async (name) => {
    const before = gpu().statistics.liveBuffers;
    expect(await checkForward(await loadCase(`resnet-tiny/${name}`))).toEqual([]);
    expect(gpu().statistics.liveBuffers).toBe(before);
  });

  it.each(["train-full", "train-head"])("%s: the trajectory of 20 steps", async (name) => {
    const oracle = await loadCase(`resnet-tiny/${name}`);
    const model = await ResNet.fromPretrained(await openDirectory(oracle.modelDirectory));
    const pool = oracle.tensors.get("pool_pixel_values")!;
    const rows = oracle.tensors.get("batch_index")!;
    const batch = rows.shape[1];
    const size = pool.data.length / pool.shape[0];
    const batchOf = (step: number) => {
      const places = [...rows.data.slice(step * batch, (step + 1) * batch)];
      const pixels = Float32Array.from(
        places.flatMap((place) => [...pool.data.slice(place * size, (place + 1) * size)]),
      );
      const [, channels, height, width] = pool.shape;
      const classes = oracle.tensors.get("pool_labels")!.data;
      return {
        inputs: model.prepare({ pixels, batch, channels, height, width }),
        labels: Int32Array.from(places, (place) => classes[place]),
      };
    };
    const statistics = await buffersOf(model);
    expect(await replay(model, oracle, batchOf, new TrainingPass(0))).toEqual([]);
    // A frozen normalisation is in evaluation mode: its statistics do not move.
    if (name === "train-head") expect(await buffersOf(model)).toEqual(statistics);
    else expect(await buffersOf(model)).not.toEqual(statistics);
    model.dispose();
  });
});

const buffersOf = async (model: ResNet): Promise<[string, number[]][]> =>
  Promise.all(
    [...model.namedBuffers()].map(
      async ([name, buffer]): Promise<[string, number[]]> => [name, [...(await buffer.data())]],
    ),
  );

describe("published models", () => {
  it("ResNet-20 gives the logits of its authors' weights", async () => {
    const [images, logits] = await readReference("resnet20-cifar10", "images_u8_nhwc", "logits");
    const config = await readJson(`${RESNET20}/config.json`);
    const [batch, height, width, channels] = images.shape;
    const pixels = new Float32Array(images.data.length);
    images.data.forEach((value, i) => {
      const c = i % channels;
      const place = Math.floor(i / channels) % (height * width);
      const image = Math.floor(i / channels / height / width);
      pixels[(image * channels + c) * height * width + place] = (value / 255 - config.mean[c]) / config.std[c];
    });
    const model = await loadImageClassifier(await openDirectory(RESNET20));
    const x = model.prepare({ pixels, batch, channels, height, width });
    const y = forward(model, x);
    const error = largestError(await y.data(), logits.data);
    console.log(`ResNet-20: largest error of ${logits.data.length} logits ${error.toExponential(1)}`);
    expect(error).toBeLessThan(5e-5);
    for (const one of [x, y, model]) one.dispose();
  });

  it("SqueezeNet 1.1 gives the scores of the reference", async () => {
    const [input, output] = await readReference("squeezenet1_1-imagenet", "input", "output");
    const model = await SqueezeNet.fromPretrained(await openDirectory(SQUEEZENET));
    const x = tensor(input.data, input.shape);
    const y = forward(model, x);
    const scale = Math.max(...output.data);
    const error = largestError(await y.data(), output.data) / scale;
    console.log(
      `SqueezeNet 1.1: largest error of ${output.data.length} scores ${error.toExponential(1)} of the largest`,
    );
    expect(error).toBeLessThan(2e-5);
    for (const one of [x, y, model]) one.dispose();
  });

  it("SqueezeNet's dropout belongs to its head, so that a frozen trunk runs once", async () => {
    const model = await SqueezeNet.fromPretrained(await openDirectory(SQUEEZENET), {
      labels: ["a", "b"],
    });
    expect(model.stages.filter(({ isRandom }) => isRandom)).toEqual([]);
    expect(model.stages.at(-1)!.name).toBe("features.12");
    expect(model.headModules.map(({ name }) => name)).toEqual(["classifier.1"]);
    expect(() => model.checkImageSize(8, 8)).toThrow(
      'images of 8 × 8 do not go through the model: layer "features.5" does not fit behind "features.4"',
    );
    model.dispose();
  });
});

describe("saving", () => {
  it("gives a directory that opens again, with the same bits, in both ways of naming", async () => {
    for (const path of [RESNET20, RESNET_TINY]) {
      const model = await ResNet.fromPretrained(await openDirectory(path), {
        labels: ["one", "two"],
        head: { seed: 3 },
      });
      expect(model.labels).toEqual(["one", "two"]);
      const out = new MemoryDirectory("saved");
      await model.save(out);
      const again = await loadImageClassifier(out);
      expect(again.labels).toEqual(["one", "two"]);
      expect(again.loadReport!.missing).toEqual([]);
      const values = async (one: typeof again) =>
        Promise.all([...one.namedTensors()].map(async ([name, x]) => [name, await x.data()]));
      expect(await values(again)).toEqual(await values(model));
      model.dispose();
      again.dispose();
    }
  });
});

describe("adjusted networks", () => {
  it("open again with blocks dropped, other classes and other channels", async () => {
    const file = `${RESNET20}/config.json`;
    const config = parseResNetConfig(await readJson(file), file);
    const grey = new ResNet(gpu(), { ...config, inputShape: [1, 28, 28] });
    const { mismatched, missing, unexpected } = await loadInto(grey, await openDirectory(RESNET20), { strict: false });
    expect([mismatched.map(({ name }) => name), missing, unexpected]).toEqual([["conv1.weight"], [], []]);
    grey.reinitialize(["conv1"], 1).replaceHead(["even", "odd"]);
    grey.dropBlock("layer2.1");
    const out = new MemoryDirectory("grey");
    await grey.save(out);
    const described = await describeImageModel(out);
    expect(described).toMatchObject({ labels: ["even", "odd"], channels: 1, height: 28, width: 28 });
    expect(described!.preprocessing).toMatchObject({ channels: 1, mean: [0.5], deviation: [0.5] });
    const again = await ResNet.fromPretrained(out);
    expect(again.depths).toEqual([3, 2, 3]);
    const x = normal([2, 1, 28, 28], { seed: 3 });
    const [before, after] = [forward(grey, x), forward(again, x)];
    expect(await after.data()).toEqual(await before.data());
    for (const one of [x, before, after, grey, again]) one.dispose();
  });

  it("are freed when they cannot be filled, and filled whole or not at all", async () => {
    const { liveBuffers } = gpu().statistics;
    await expect(ResNet.fromPretrained(await openDirectory(RESNET20), { labels: [] })).rejects.toThrow(
      "at least one class",
    );
    const model = await ResNet.fromPretrained(await openDirectory(RESNET20));
    const names = [...model.namedTensors()].map(([name, x]) => ({ name, shape: x.shape, size: x.size }));
    const tensors = names.map(({ name, shape, size }) =>
      name === "linear.weight"
        ? { name, shape, dtype: "I32" as const, data: new Int32Array(size) }
        : { name, shape, dtype: "F32" as const, data: new Float32Array(size) },
    );
    const counted = tensors.filter(({ name }) => !name.endsWith("num_batches_tracked"));
    const broken = new MemoryDirectory("broken", {
      "config.json": await readText(`${RESNET20}/config.json`),
      "model.safetensors": await serializeSafetensors(counted),
    });
    const refusal = 'tensor "linear.weight": dtype I32 cannot be read as f32';
    const before = await model.namedParameters().get("conv1.weight")!.data();
    await expect(loadInto(model, broken)).rejects.toThrow(refusal);
    expect(await model.namedParameters().get("conv1.weight")!.data()).toEqual(before);
    await expect(ResNet.fromPretrained(broken)).rejects.toThrow(refusal);
    model.dispose();
    expect(gpu().statistics.liveBuffers).toBe(liveBuffers);
  });

  it("of transformers' kind say how many channels they take", async () => {
    const directory = await openDirectory(RESNET_TINY);
    const config = parseResNetConfig(JSON.parse(await directory.readText("config.json")), "c");
    const grey = new ResNet(gpu(), { ...config, inputShape: [1, 32, 32] });
    await loadInto(grey, directory, { strict: false });
    grey.reinitialize(["embedder.embedder"], 1);
    const out = new MemoryDirectory("grey-transformers");
    await grey.save(out);
    expect(await describeImageModel(out)).toMatchObject({ channels: 1 });
    const again = (await loadImageClassifier(out)) as ResNet;
    expect(again.loadReport!.mismatched).toEqual([]);
    // Names of blocks may leave the base model's prefix out, as patterns may.
    expect(again.dropBlock("encoder.stages.1.layers.1").depths).toEqual([2, 1, 2]);
    grey.dispose();
    again.dispose();
  });
});

describe("ResNet configurations", () => {
  it("has transformers' bottleneck and torchvision's names", () => {
    const bottleneck = parseResNetConfig(
      { model_type: "resnet", num_labels: 3, hidden_sizes: [8, 16], depths: [1, 2], embedding_size: 4 },
      "config.json",
    );
    const model = new ResNet(gpu(), bottleneck);
    const names = [...model.namedParameters().keys()];
    expect(names).toContain("resnet.encoder.stages.1.layers.0.layer.2.convolution.weight");
    expect(names).toContain("resnet.encoder.stages.0.layers.0.shortcut.normalization.bias");
    expect(names).not.toContain("resnet.encoder.stages.1.layers.1.shortcut.convolution.weight");
    expect(names.at(-1)).toBe("classifier.1.bias");
    expect(model.namedParameters().get("resnet.encoder.stages.1.layers.0.layer.1.convolution.weight")!.shape).toEqual([
      4, 4, 3, 3,
    ]);
    model.dispose();

    const resnet18 = new ResNet(
      gpu(),
      parseResNetConfig({ architecture: "resnet18", num_classes: 1000 }, "config.json"),
    );
    const shapes = resnet18.namedTensors();
    expect(shapes.get("layer2.0.downsample.0.weight")!.shape).toEqual([128, 64, 1, 1]);
    expect(shapes.get("layer4.1.bn2.running_var")!.shape).toEqual([512]);
    expect(shapes.get("fc.weight")!.shape).toEqual([1000, 512]);
    expect(resnet18.parameterCount()).toBe(11_689_512); // torchvision's count
    resnet18.dispose();
    const resnet50 = new ResNet(gpu(), parseResNetConfig({ arch: "resnet50" }, "config.json"));
    expect(resnet50.parameterCount()).toBe(25_557_032);
    resnet50.dispose();
  });

  it("says which key of which file is wrong", () => {
    const parse = (config: unknown) => () => parseResNetConfig(config, "dir/config.json");
    expect(parse({ model_type: "resnet", depths: [1, 0], hidden_sizes: [8, 8] })).toThrow(
      "dir/config.json: depths is [1, 0], expected 2 positive integers",
    );
    expect(parse({ model_type: "resnet", layer_type: "odd" })).toThrow('dir/config.json: layer_type is "odd"');
    expect(parse({ model_type: "resnet", hidden_act: "mish" })).toThrow('hidden_act "mish" is not supported');
    const cifar = { arch: "cifar_resnet", blocks_per_stage: 3 };
    expect(parse({ ...cifar, classes: "abc" })).toThrow('classes is "abc", expected a list of class names');
    expect(parse({ ...cifar, widths: [32, 16, 8] })).toThrow(
      "widths is [32, 16, 8], expected none below the one before",
    );
    expect(parse({ ...cifar, bn_eps: -1 })).toThrow("bn_eps is -1, expected a positive number");
    expect(parse({ model_type: "bert" })).toThrow(/no residual network/);
    expect(parse([1])).toThrow("dir/config.json: expected an object");
  });
});
