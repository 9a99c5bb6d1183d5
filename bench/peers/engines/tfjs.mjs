// TensorFlow.js on its WebGPU backend. Its convolutions are NHWC; inputs are laid out so before anything is timed.
import { installWebGPU } from "../webgpu.mjs";

export { counters } from "../webgpu.mjs";
export const name = "tfjs";

let tf;
export let version;

export async function open() {
  const adapter = await installWebGPU();
  tf = await import("@tensorflow/tfjs");
  await import("@tensorflow/tfjs-backend-webgpu");
  if (!(await tf.setBackend("webgpu"))) throw new Error("its WebGPU backend does not start");
  await tf.ready();
  // Otherwise small ops run in JavaScript and nothing of the kind is measured.
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  version = tf.version.tfjs;
  return { adapter: adapter.description };
}

async function finish() {
  const backend = tf.backend();
  backend.endComputePassEncoder();
  // After so many dispatches it submits by itself, and then there may be nothing left to submit.
  if (backend.commandEncoder) backend.submitQueue();
  await backend.device.queue.onSubmittedWorkDone();
}

const put = ({ shape, values }) => tf.tensor(values(), shape);
const putAll = (inputs) => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, put(input)]));

function layerNorm(x, gain, bias) {
  const { mean, variance } = tf.moments(x, -1, true);
  return x.sub(mean).mul(variance.add(1e-5).rsqrt()).mul(gain).add(bias);
}

const gelu = (x) =>
  x.mul(0.5).mul(
    x
      .add(x.square().mul(x).mul(0.044715))
      .mul(Math.sqrt(2 / Math.PI))
      .tanh()
      .add(1),
  );

const operations = {
  matmul: () => (a, b) => tf.matMul(a, b),
  softmax: () => (x) => tf.softmax(x),
  "layer-norm": () => layerNorm,
  gelu: () => gelu,
  add: () => (a, b) => tf.add(a, b),
  sum: () => (x) => tf.sum(x),
  convolution:
    ({ stride, padding }) =>
    (x, weight) =>
      tf.conv2d(x, weight, stride, padding),
};

/** From the layout of the workloads to that of tfjs, and back. */
const channelsLast = {
  x: [0, 2, 3, 1],
  weight: [2, 3, 1, 0],
  dy: [0, 2, 3, 1],
  y: [0, 2, 3, 1],
};
const channelsFirst = { x: [0, 3, 1, 2], weight: [3, 2, 0, 1], y: [0, 3, 1, 2] };

async function readAll(tensors, layout) {
  const entries = [];
  for (const [name, x] of Object.entries(tensors)) {
    const laidOut = layout?.[name] ? tf.transpose(x, layout[name]) : x;
    entries.push([name, await laidOut.data()]);
    if (laidOut !== x) laidOut.dispose();
  }
  return Object.fromEntries(entries);
}

function operation(row) {
  const isConvolution = row.kind === "convolution";
  const given = putAll(row.inputs);
  if (isConvolution) {
    for (const name in given) given[name] = tf.tidy(() => tf.transpose(given[name], channelsLast[name]));
  }
  const { dy, ...operands } = given;
  const names = Object.keys(operands);
  const apply = operations[row.kind](row);
  const gradients = row.pass === "backward" ? tf.grads(apply) : undefined;
  const once = () =>
    gradients
      ? Object.fromEntries(gradients(Object.values(operands), dy).map((x, i) => [names[i], x]))
      : { y: apply(...Object.values(operands)) };
  let last = {};
  return {
    async run(count) {
      tf.dispose(last);
      const begin = performance.now();
      const results = [];
      for (let i = 0; i < count; i++) results.push(tf.tidy(once));
      await finish();
      const elapsed = performance.now() - begin;
      last = results.pop();
      tf.dispose(results);
      return elapsed;
    },
    read: () => readAll(last, isConvolution ? channelsFirst : undefined),
    release: () => tf.dispose([last, given]),
  };
}

const causalMask = (length) => tf.tidy(() => tf.sub(1, tf.linalg.bandPart(tf.ones([length, length]), -1, 0)).mul(-1e9));

function transformerBlock(p, x, batch, length, d, heads, mask) {
  const joint = layerNorm(x, p["ln_1.weight"], p["ln_1.bias"]).matMul(p["attn.c_attn.weight"]);
  const [q, k, v] = tf
    .split(joint.add(p["attn.c_attn.bias"]), 3, -1)
    .map((part) => part.reshape([batch, length, heads, d / heads]).transpose([0, 2, 1, 3]));
  const scores = tf
    .matMul(q, k, false, true)
    .mul(1 / Math.sqrt(d / heads))
    .add(mask);
  const attended = tf
    .matMul(tf.softmax(scores), v)
    .transpose([0, 2, 1, 3])
    .reshape([batch * length, d]);
  const y = x.add(attended.matMul(p["attn.c_proj.weight"]).add(p["attn.c_proj.bias"]));
  const inner = gelu(
    layerNorm(y, p["ln_2.weight"], p["ln_2.bias"]).matMul(p["mlp.c_fc.weight"]).add(p["mlp.c_fc.bias"]),
  );
  return y.add(inner.matMul(p["mlp.c_proj.weight"]).add(p["mlp.c_proj.bias"]));
}

const variables = (inputs) =>
  Object.fromEntries(Object.entries(putAll(inputs)).map(([name, value]) => [name, tf.variable(value)]));

function block({ batch, length, width, heads, pass, inputs: { x: input, ...parameters } }) {
  const p = variables(parameters);
  const x = tf.tidy(() => put(input).reshape([batch * length, width]));
  const mask = causalMask(length);
  const output = () => transformerBlock(p, x, batch, length, width, heads, mask);
  const names = Object.keys(p);
  const once = () => {
    if (pass === "forward") return { y: output() };
    const { value, grads } = tf.variableGrads(() => output().square().mean(), Object.values(p));
    return { loss: value, ...Object.fromEntries(names.map((name) => [name, grads[p[name].name]])) };
  };
  let last = {};
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        tf.dispose(last);
        last = tf.tidy(once);
      }
      await finish();
      return performance.now() - begin;
    },
    read: () => readAll(last),
    release: () => tf.dispose([last, p, x, mask]),
  };
}

function trainingStep(row) {
  const { ids, labels, ...weights } = row.inputs;
  const { batch, length, width, heads, layers, vocabulary } = row;
  const p = variables(weights);
  const list = Object.values(p);
  const mask = causalMask(length);
  const tokens = tf.tensor1d(ids.values(), "int32");
  const targets = tf.tensor1d(labels.values(), "int32");
  const layerParameters = Array.from({ length: layers }, (_, layer) =>
    Object.fromEntries(
      Object.entries(p)
        .filter(([name]) => name.startsWith(`h.${layer}.`))
        .map(([name, value]) => [name.slice(`h.${layer}.`.length), value]),
    ),
  );
  const loss = () => {
    let x = tf.gather(p["wte.weight"], tokens).reshape([batch, length, width]).add(p["wpe.weight"]);
    x = x.reshape([batch * length, width]);
    for (const own of layerParameters) x = transformerBlock(own, x, batch, length, width, heads, mask);
    const logits = tf.matMul(layerNorm(x, p["ln_f.weight"], p["ln_f.bias"]), p["wte.weight"], false, true);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(targets, vocabulary), logits);
  };
  const optimizer = tf.train.adam(row.learningRate, row.beta1, row.beta2, row.epsilon);
  const decayed = list.filter(({ rank }) => rank > 1);
  const losses = [];
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        const value = tf.tidy(() => {
          const { value, grads } = tf.variableGrads(loss, list);
          // Adam with decoupled weight decay on matrices, as the other engines do it.
          for (const matrix of decayed) matrix.assign(matrix.mul(1 - row.learningRate * row.weightDecay));
          optimizer.applyGradients(grads);
          return value;
        });
        losses.push((await value.data())[0]);
        value.dispose();
      }
      await finish();
      return performance.now() - begin;
    },
    read: async () => ({ losses: Float32Array.from(losses) }),
    release() {
      optimizer.dispose();
      tf.dispose([p, mask, tokens, targets]);
    },
  };
}

function tinyAdds(row) {
  const { a, b } = putAll(row.inputs);
  let values;
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        const y = tf.tidy(() => {
          let x = a;
          for (let j = 0; j < row.count; j++) x = x.add(b);
          return x;
        });
        values = await y.data();
        y.dispose();
      }
      return performance.now() - begin;
    },
    read: async () => ({ y: values }),
    release: () => tf.dispose([a, b]),
  };
}

export function prepare(row) {
  if (row.kind === "block") return block(row);
  if (row.kind === "training-step") return trainingStep(row);
  if (row.kind === "tiny-adds") return tinyAdds(row);
  return operation(row);
}
