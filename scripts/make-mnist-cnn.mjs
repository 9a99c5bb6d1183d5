// Makes assets/mnist-cnn of the weights that tracel-ai/burn published: the normalisation behind the last layer becomes part
// of it, and numbers become halves. Run it with `npm run build && node scripts/make-mnist-cnn.mjs`.
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { SafetensorsFile, writeSafetensors } from "../dist/io.js";
import { createFileSink, openFile } from "../dist/node.js";

const SOURCE = "test/fixtures/models/burn-mnist-cnn";
const TARGET = "assets/mnist-cnn";
/** Of the normalisation, as burn has it. */
const EPSILON = 1e-5;

const config = {
  arch: "sequential_cnn",
  input: [1, 28, 28],
  mean: [0.1307],
  std: [0.3081],
  classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
  head: "fc2",
  layers: [
    { name: "conv1", kind: "Conv2d", channels: 8, kernel: 3 },
    { name: "relu1", kind: "Activation", function: "relu" },
    { name: "conv2", kind: "Conv2d", channels: 16, kernel: 3 },
    { name: "relu2", kind: "Activation", function: "relu" },
    { name: "conv3", kind: "Conv2d", channels: 24, kernel: 3 },
    { name: "relu3", kind: "Activation", function: "relu" },
    { name: "norm1", kind: "BatchNorm" },
    { name: "flatten", kind: "Flatten" },
    { name: "fc1", kind: "Linear", features: 32 },
    { name: "relu4", kind: "Activation", function: "relu" },
    { name: "fc2", kind: "Linear", features: 10 },
  ],
};

const file = await SafetensorsFile.open(await openFile(`${SOURCE}/mnist.safetensors`));
const tensors = new Map();
for (const name of file.names()) {
  const { dtype, shape } = file.info(name);
  tensors.set(name, {
    ...{ name, shape },
    ...(dtype === "F32"
      ? { dtype: "F16", data: await file.readFloat32(name) }
      : { dtype, data: await file.readBytes(name) }),
  });
}
await file.close();

// y = (W x + b - mean) · scale + shift, with scale = weight / √(variance + ε).
const of = (name) => tensors.get(name).data;
const scale = of("norm2.weight").map((weight, i) => weight / Math.sqrt(of("norm2.running_var")[i] + EPSILON));
of("fc2.weight").forEach((value, i, weights) => {
  weights[i] = value * scale[Math.floor(i / 32)];
});
of("fc2.bias").forEach((value, i, biases) => {
  biases[i] = (value - of("norm2.running_mean")[i]) * scale[i] + of("norm2.bias")[i];
});
for (const name of tensors.keys()) if (name.startsWith("norm2.")) tensors.delete(name);

await mkdir(TARGET, { recursive: true });
await writeSafetensors(await createFileSink(`${TARGET}/model.safetensors`), tensors.values());
await writeFile(`${TARGET}/config.json`, `${JSON.stringify(config, null, 2)}\n`);
await copyFile(`${SOURCE}/LICENSE-MIT`, `${TARGET}/LICENSE`);
