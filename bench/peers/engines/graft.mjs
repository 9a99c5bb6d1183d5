// This repository's engine, as its build in `dist` gives it.
import { createRequire } from "node:module";
import {
  add,
  backward,
  capture,
  conv2d,
  Gpu,
  gelu,
  layerNorm,
  matmul,
  mean,
  mul,
  softmax,
  sum,
  tensor,
  tidy,
} from "../../../dist/index.js";
import { GPT2, parseGPT2Config, prepareInputs } from "../../../dist/models.js";
import { AdamW } from "../../../dist/nn.js";

export const name = "graft";
export const { version } = createRequire(import.meta.url)("../../../package.json");

let gpu;

export async function open({ software }) {
  gpu = await Gpu.open({ software });
  return { adapter: gpu.adapter.name };
}

export function counters() {
  const { dispatches, submits, buffersCreated, bindGroupsCreated, pipelinesCreated, peakBytes } = gpu.statistics;
  const counts = { dispatches, submits, buffers: buffersCreated, bindGroups: bindGroupsCreated };
  gpu.resetPeak();
  return { ...counts, pipelines: pipelinesCreated, peakBytes };
}

const put = ({ shape, values }) => tensor(values(), shape);
const putAll = (inputs) => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, put(input)]));

async function time(work) {
  const begin = performance.now();
  const results = Array.from(work());
  await gpu.finish();
  const elapsed = performance.now() - begin;
  return [elapsed, results];
}

/** An op of tensors: forward, or the gradients of all its inputs. */
function operation(row, inputs, apply) {
  const { dy, ...operands } = putAll(inputs);
  const names = Object.keys(operands);
  const forward = () => tidy(() => apply(operands));
  let last;
  const keep = (results) => {
    for (const tensors of results.slice(0, -1)) for (const x of Object.values(tensors)) x.dispose();
    if (last) for (const x of Object.values(last)) x.dispose();
    last = results[results.length - 1];
  };
  async function run(count, withForward) {
    if (row.pass === "forward") {
      const [elapsed, results] = await time(function* () {
        for (let i = 0; i < count; i++) yield { y: forward() };
      });
      keep(results);
      return elapsed;
    }
    for (const name of names) operands[name].requiresGrad = true;
    const gradientsOf = (y) => {
      const gradients = backward(y, { gradient: dy });
      y.dispose();
      return Object.fromEntries(names.map((name) => [name, gradients.get(operands[name])]));
    };
    // The backward pass alone: what was computed for it lies ready.
    const ready = withForward ? [] : Array.from({ length: count }, forward);
    await gpu.finish();
    const [elapsed, results] = await time(function* () {
      for (let i = 0; i < count; i++) yield gradientsOf(withForward ? forward() : ready[i]);
    });
    keep(results);
    return elapsed;
  }
  return {
    run,
    async read() {
      const entries = Object.entries(last).map(async ([name, x]) => [name, await x.data()]);
      return Object.fromEntries(await Promise.all(entries));
    },
    release() {
      for (const x of [...Object.values(operands), ...(dy ? [dy] : []), ...Object.values(last ?? {})]) x.dispose();
      gpu.trim();
    },
  };
}

const operations = {
  matmul: ({ a, b }) => matmul(a, b),
  softmax: ({ x }) => softmax(x, -1),
  "layer-norm": ({ x, gain, bias }) => layerNorm(x, gain, bias),
  gelu: ({ x }) => gelu(x, { approximate: "tanh" }),
  add: ({ a, b }) => add(a, b),
  sum: ({ x }) => sum(x),
};

function fill(parameters, inputs) {
  for (const [name, parameter] of parameters) {
    const values = inputs[name.replace(/^transformer\./, "")].values();
    gpu.upload(parameter.storage.buffer, parameter.offset * 4, new Uint8Array(values.buffer));
  }
}

const emptyModel = ({ layers = 1, width, heads, length, vocabulary = 8 }) =>
  new GPT2(
    gpu,
    parseGPT2Config({
      ...{ model_type: "gpt2", n_layer: layers, n_embd: width, n_head: heads, n_positions: length },
      ...{ vocab_size: vocabulary, resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 },
    }),
  );

function block(row, { x: input, ...inputs }) {
  const model = emptyModel(row);
  const [layer] = model.transformer.h;
  fill(layer.namedParameters(), inputs);
  const x = put(input);
  const parameters = layer.namedParameters();
  const output = () => layer.forward(x, undefined);
  let last = {};
  const free = () => Object.values(last).forEach((t) => void t.dispose());
  const once = () => {
    free();
    if (row.pass === "forward") {
      model.freeze();
      return { y: tidy(output) };
    }
    model.unfreeze();
    const { loss, gradients } = tidy(() => {
      const y = output();
      const square = mean(mul(y, y));
      return { loss: square, gradients: backward(square) };
    });
    const named = [...parameters].map(([name, parameter]) => [name, gradients.get(parameter)]);
    return { loss, ...Object.fromEntries(named) };
  };
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) last = once();
      await gpu.finish();
      return performance.now() - begin;
    },
    async read() {
      const entries = Object.entries(last).map(async ([name, t]) => [name, await t.data()]);
      return Object.fromEntries(await Promise.all(entries));
    },
    release() {
      free();
      x.dispose();
      model.dispose();
      gpu.trim();
    },
  };
}

function trainingStep(row, inputs) {
  const model = emptyModel(row);
  const { ids, labels, ...weights } = inputs;
  fill(model.namedParameters(), weights);
  const parameters = [...model.namedParameters()];
  const { learningRate, weightDecay, beta1, beta2, epsilon } = row;
  const group = (name, wanted, decay) => ({
    ...{ name, learningRate, weightDecay: decay },
    parameters: new Map(parameters.filter(([, { rank }]) => rank > 1 === wanted)),
  });
  const optimizer = new AdamW([group("matrices", true, weightDecay), group("vectors", false, 0)], {
    ...{ beta1, beta2, epsilon },
  });
  const target = put(labels);
  const inputIds = ids.values();
  const losses = [];
  // Recorded once and replayed, as the trainer does.
  const step = capture(gpu, (inputs) => {
    const loss = model.loss(model.features(inputs.batch), inputs.target, "mean");
    optimizer.step(backward(loss));
    return loss;
  });
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        const batch = prepareInputs(gpu, { inputIds, batch: row.batch, length: row.length }, model.config);
        const loss = step({ batch, target });
        losses.push(await loss.item());
        loss.dispose();
        model.release(batch);
      }
      await gpu.finish();
      return performance.now() - begin;
    },
    read: async () => ({ losses: Float32Array.from(losses) }),
    release() {
      step.dispose();
      optimizer.dispose();
      target.dispose();
      model.dispose();
      gpu.trim();
    },
  };
}

function tinyAdds(row, inputs) {
  const { a, b } = putAll(inputs);
  let values;
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        const y = tidy(() => {
          let x = a;
          for (let j = 0; j < row.count; j++) x = add(x, b);
          return x;
        });
        values = await y.data();
        y.dispose();
      }
      return performance.now() - begin;
    },
    read: async () => ({ y: values }),
    release() {
      a.dispose();
      b.dispose();
    },
  };
}

/** Whether a backward row can be timed without its forward pass. */
export const separatesBackward = true;

export function prepare(row) {
  const { kind, inputs } = row;
  if (kind === "block") return block(row, inputs);
  if (kind === "training-step") return trainingStep(row, inputs);
  if (kind === "tiny-adds") return tinyAdds(row, inputs);
  if (kind === "convolution") {
    const { stride, padding } = row;
    return operation(row, inputs, ({ x, weight }) => conv2d(x, weight, undefined, { stride, padding }));
  }
  return operation(row, inputs, operations[kind]);
}
