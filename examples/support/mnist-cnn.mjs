// A digit classifier of another framework (tracel-ai/burn): its layers, under the checkpoint's names.
import { LayeredClassifier, loadInto } from "graft-gpu/models";
import { Activation, BatchNorm, Conv2d, Flatten, Linear } from "graft-gpu/nn";

/** What the model takes: grey values x from 0 to 255 as (x/255 − mean) / deviation. */
export const preprocessing = {
  channels: 1,
  height: 28,
  width: 28,
  resize: null,
  filter: "bilinear",
  mean: [0.1307],
  deviation: [0.3081],
};

/** The model with the weights of `mnist.safetensors`. */
export async function loadMnistCnn(gpu, file) {
  const model = new LayeredClassifier(gpu, {
    labels: Array.from({ length: 10 }, (_, digit) => String(digit)),
    inputShape: [1, 28, 28],
    head: "fc2",
    layers: [
      ["conv1", new Conv2d(gpu, 1, 8, 3)],
      ["relu1", new Activation("relu")],
      ["conv2", new Conv2d(gpu, 8, 16, 3)],
      ["relu2", new Activation("relu")],
      ["conv3", new Conv2d(gpu, 16, 24, 3)],
      ["relu3", new Activation("relu")],
      ["norm1", new BatchNorm(gpu, 24)],
      ["flatten", new Flatten()],
      ["fc1", new Linear(gpu, 24 * 22 * 22, 32)],
      ["relu4", new Activation("relu")],
      ["fc2", new Linear(gpu, 32, 10)],
      ["norm2", new BatchNorm(gpu, 10)],
    ],
  });
  await loadInto(model, file);
  return model;
}
