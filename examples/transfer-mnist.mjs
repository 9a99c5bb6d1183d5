// Two transfers from real weights, measured on images that neither training has seen:
// 1. ResNet-20, trained on the colour photographs of CIFAR-10, learns digits: the grey channel is repeated, the head is new;
//    first the head alone on the frozen trunk, then the last stage as well, at a lower rate.
// 2. The MNIST network learns to tell even from odd with a new head on its frozen layers.
// Run it with `node examples/transfer-mnist.mjs [--train N] [--valid N] [--mnist DIRECTORY]`.

import { parseArgs } from "node:util";
import { Gpu } from "graft-gpu";
import { evaluate, finetune, ImageExamples, layerwiseGroups } from "graft-gpu/finetune";
import { defaultPreprocessing, fitImage, stratifiedSplit } from "graft-gpu/io";
import { ResNet } from "graft-gpu/models";
import { AdamW, Linear } from "graft-gpu/nn";
import { readImageData } from "graft-gpu/node";
import { loadMnistCnn, preprocessing as mnistPreprocessing } from "./support/mnist-cnn.mjs";

const { values: options } = parseArgs({
  options: {
    train: { type: "string", default: "2000" },
    valid: { type: "string", default: "1000" },
    mnist: { type: "string", default: "test/fixtures/mnist" },
  },
});
const counts = { train: Number(options.train), valid: Number(options.valid) };
const gpu = await Gpu.open();
console.log(`Adapter: ${gpu.adapter.name}`);
const { train: mnist } = await readImageData(options.mnist);
const split = stratifiedSplit(mnist.examples, counts.valid / mnist.examples.length, 42);
const parts = { train: split.train.slice(0, counts.train), valid: split.valid };
console.log(`Data: ${parts.train.length} training and ${parts.valid.length} validation images of MNIST`);

/** Both parts as a model takes them, with a class for each digit. */
function examplesFor(preprocessing, classOf) {
  const make = (examples) =>
    new ImageExamples(
      examples.map(({ image, label }) => ({ image: fitImage(image, preprocessing), label: classOf(Number(label)) })),
      { preprocessing },
    );
  return { train: make(parts.train), valid: make(parts.valid) };
}

/** Trains what is not frozen; the best weights by validation stay. */
async function train(title, model, data, { epochs, learningRate, headLearningRate }) {
  const started = performance.now();
  const optimizer = new AdamW(layerwiseGroups(model, { learningRate, headLearningRate, decay: 1, weightDecay: 0.01 }));
  for await (const event of finetune(model, data, { optimizer, epochs, batch: 32, seed: 42 })) {
    if (event.type !== "evaluation") continue;
    const { accuracy, loss } = event.evaluation;
    console.log(`  ${title}, step ${event.step}: accuracy ${(100 * accuracy).toFixed(1)} %, loss ${loss.toFixed(4)}`);
  }
  optimizer.dispose();
  console.log(`  ${title}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

async function report(title, model, data) {
  const { accuracy, loss } = await evaluate(model, data.valid, { labels: data.labels });
  console.log(`${title}: accuracy ${(100 * accuracy).toFixed(1)} %, loss ${loss.toFixed(4)}`);
}

// 1. Photographs to digits.
const digits = mnist.labels;
const resnet = await ResNet.fromPretrained("assets/resnet20-cifar10", { labels: digits, head: { seed: 42 } });
const colour = { ...defaultPreprocessing(3, 32, 32), resize: { height: 32, width: 32 } };
const digitData = { ...examplesFor(colour, (digit) => digit), labels: digits };
await report("ResNet-20 to digits, before training", resnet, digitData);
resnet.freeze().unfreeze("linear");
await train("head alone", resnet, digitData, { epochs: 5, learningRate: 1e-2 });
resnet.unfreeze("layer3.*");
await train("head and last stage", resnet, digitData, { epochs: 3, learningRate: 1e-3, headLearningRate: 1e-3 });
await report("ResNet-20 to digits, after training", resnet, digitData);
resnet.dispose();

// 2. Ten digits to two classes.
const parity = await loadMnistCnn(gpu, "test/fixtures/models/burn-mnist-cnn/mnist.safetensors");
const head = new Linear(gpu, 32, 2);
head.initialize(42);
parity.replaceHead(["even", "odd"], { layers: [["parity", head]] });
const parityData = { ...examplesFor(mnistPreprocessing, (digit) => digit % 2), labels: parity.labels };
await report("MNIST network to even and odd, before training", parity, parityData);
parity.freeze().unfreeze("parity");
await train("head alone", parity, parityData, { epochs: 5, learningRate: 1e-2 });
await report("MNIST network to even and odd, after training", parity, parityData);
parity.dispose();
gpu.close();
