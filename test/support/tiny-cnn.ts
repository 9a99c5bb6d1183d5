import { add, conv2d, gelu, mean, mul, noGrad, reshape, rsqrt, square, sub } from "../../src/autograd/index.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import type { OutputDirectory } from "../../src/io/index.ts";
import { copyInto } from "../../src/kernels/copy.ts";
import { ImageClassifier, type ImageModelFamily } from "../../src/models/index.ts";
import { initializeMatrix } from "../../src/models/initialization.ts";
import { createOutputDirectory, loadWeights, readJson, saveWeights } from "../../src/models/loading.ts";
import { buffer, Linear, Module, parameter, type TrainingPass } from "../../src/nn/index.ts";
import { type Tensor, tidy } from "../../src/tensor/index.ts";

/** Batch normalisation from plain ops. Its statistics move only in a training pass, and only while it is trained. */
class Norm extends Module {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly running_mean: Tensor;
  readonly running_var: Tensor;

  constructor(gpu: Gpu, channels: number) {
    super();
    this.weight = parameter(gpu, [channels]);
    this.bias = parameter(gpu, [channels]);
    this.running_mean = buffer(gpu, [channels]);
    this.running_var = buffer(gpu, [channels], { value: 1 });
  }

  forward(x: Tensor, pass?: TrainingPass): Tensor {
    const shape = [1, this.weight.size, 1, 1];
    let [average, variance] = [reshape(this.running_mean, shape), reshape(this.running_var, shape)];
    if (pass && this.weight.requiresGrad) {
      average = mean(x, [0, 2, 3], true);
      variance = mean(square(sub(x, average)), [0, 2, 3], true);
      noGrad(() =>
        tidy(() => {
          for (const [running, value] of [
            [this.running_mean, average],
            [this.running_var, variance],
          ]) {
            copyInto(running, add(mul(running, 0.9), mul(reshape(value, running.shape), 0.1)));
          }
        }),
      );
    }
    const normalized = mul(sub(x, average), rsqrt(add(variance, 1e-5)));
    return add(mul(normalized, reshape(this.weight, shape)), reshape(this.bias, shape));
  }
}

class Convolution extends Module {
  readonly weight: Tensor;
  constructor(gpu: Gpu, inputs: number, outputs: number) {
    super();
    this.weight = parameter(gpu, [outputs, inputs, 3, 3]);
  }

  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, undefined, { stride: 2, padding: 1 });
  }
}

class Block extends Module {
  readonly conv: Convolution;
  readonly norm: Norm;
  constructor(gpu: Gpu, inputs: number, outputs: number) {
    super();
    this.conv = new Convolution(gpu, inputs, outputs);
    this.norm = new Norm(gpu, outputs);
  }

  forward(x: Tensor, pass?: TrainingPass): Tensor {
    return gelu(this.norm.forward(this.conv.forward(x), pass));
  }
}

/** Two blocks of convolution and normalisation, the mean over the pixels, a linear head. Random weights of a seed. */
export class TinyCnn extends ImageClassifier {
  override readonly architecture = "TinyCnn";
  readonly layer1: Block;
  readonly layer2: Block;
  readonly fc: Linear;
  override readonly stages;
  override readonly headModules;

  constructor(
    override readonly gpu: Gpu,
    override readonly labels: readonly string[],
    override readonly channels = 1,
    seed = 0,
  ) {
    super();
    this.layer1 = new Block(gpu, channels, 4);
    this.layer2 = new Block(gpu, 4, 6);
    this.fc = new Linear(gpu, 6, labels.length);
    const stage = (name: string, module: Block) => ({
      ...{ name, module, isRandom: false },
      run: (x: Tensor | undefined, images: Tensor, pass?: TrainingPass) => module.forward(x ?? images, pass),
    });
    this.stages = [stage("layer1", this.layer1), stage("layer2", this.layer2)];
    this.headModules = [{ name: "fc", parameters: this.fc.parameters() }];
    let next = seed;
    for (const [name, tensor] of this.namedParameters()) {
      const ones = name.endsWith("norm.weight");
      if (tensor.rank > 1 || ones) initializeMatrix(tensor, { seed: next++ }, ones ? 1 : 0.4);
      else initializeMatrix(tensor, "zeros", 0);
    }
  }

  override head(features: Tensor): Tensor {
    return this.fc.forward(mean(features, [2, 3]));
  }

  override async save(directory: string | OutputDirectory): Promise<void> {
    const output = await createOutputDirectory(directory);
    const id2label = Object.fromEntries(this.labels.map((label, id) => [id, label]));
    const config = { model_type: "tiny-cnn", num_channels: this.channels, id2label };
    await output.writeText("config.json", JSON.stringify(config));
    await saveWeights(this, output);
  }
}

/** Tiny CNNs as the command line finds them, once they are among the families. */
export const tinyFamily: ImageModelFamily = {
  name: "tiny CNN",
  matches: ({ model_type }) => model_type === "tiny-cnn",
  describe: ({ num_channels, id2label }) => ({
    labels: Object.values(id2label as Record<string, string>),
    channels: num_channels as number,
    height: 8,
    width: 8,
  }),
  async fromPretrained(directory, { gpu, labels, newHead = false, head }) {
    const config = (await readJson(directory, "config.json")) as Record<string, unknown>;
    const own = tinyFamily.describe(config, "config.json");
    const model = new TinyCnn(gpu!, labels ?? own.labels, own.channels);
    const isHead = (name: string): boolean => name.startsWith("fc.");
    await loadWeights(model, directory, {
      basePrefix: "",
      ignores: () => false,
      omits: (name) => newHead && isHead(name),
      initialize: (name) =>
        newHead && isHead(name) ? (tensor) => initializeMatrix(tensor, head ?? "zeros", 0.1) : null,
    });
    return model;
  },
};
