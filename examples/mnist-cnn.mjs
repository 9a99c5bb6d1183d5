// Runs a digit classifier of another framework, whose weights come from its file, on the MNIST test images.
// Run it with `node examples/mnist-cnn.mjs [FILE.safetensors] [DIRECTORY of the MNIST files]`.
import { Gpu } from "graft-gpu";
import { evaluate, ImageExamples } from "graft-gpu/finetune";
import { readImageData } from "graft-gpu/node";
import { loadMnistCnn, preprocessing } from "./support/mnist-cnn.mjs";

const [weights, images] = [
  process.argv[2] ?? "test/fixtures/models/burn-mnist-cnn/mnist.safetensors",
  process.argv[3] ?? "test/fixtures/mnist",
];
const gpu = await Gpu.open();
console.log(`Adapter: ${gpu.adapter.name}`);
const model = await loadMnistCnn(gpu, weights);
const { train: data } = await readImageData(images);
const examples = new ImageExamples(
  data.examples.map(({ image, label }) => ({ image, label: data.labels.indexOf(label) })),
  { preprocessing },
);
const { accuracy, count } = await evaluate(model, examples, { labels: model.labels, batch: 500 });
console.log(`${Math.round(accuracy * count)} of ${count} images right: ${(100 * accuracy).toFixed(2)} %`);
model.dispose();
gpu.close();
