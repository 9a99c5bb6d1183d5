// The first work of a process: from opening the adapter to the end of a first block or a first training step. Run by itself
// it is one such process; what it exports starts them, with the driver's shader cache off ("cold") or filled ("warm").
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { backward, DryGpu, Gpu, normal, tensor, tidy } from "../dist/index.js";
import { GPT2, parseGPT2Config } from "../dist/models.js";
import { AdamW } from "../dist/nn.js";

export const WORKLOADS = {
  block: {
    what: "a transformer block, forward and backward: d=768, 12 heads, T=128",
    layers: 1,
    width: 768,
    heads: 12,
    vocabulary: 256,
    length: 128,
    batch: 1,
  },
  step: {
    what: "a GPT-2 training step with AdamW: 4 layers, d=256, T=64, B=4, vocabulary 50257",
    layers: 4,
    width: 256,
    heads: 4,
    vocabulary: 50257,
    length: 64,
    batch: 4,
  },
};
function configOf({ layers, width, heads, vocabulary, length }) {
  const shape = { n_layer: layers, n_embd: width, n_head: heads, vocab_size: vocabulary, n_positions: length };
  return parseGPT2Config({ model_type: "gpt2", ...shape, resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 });
}

/** The work whose first time counts; resolves when it is done. */
function firstWork(name, model) {
  const { gpu } = model;
  const { batch, length, width } = WORKLOADS[name];
  const inputs = model.prepare({ inputIds: new Int32Array(batch * length).fill(1), batch, length });
  if (name === "block") {
    const block = model.stages[1];
    const gradients = tidy(() => {
      const x = normal([batch, length, width], { seed: 1, gpu });
      const y = block.run(x, inputs);
      return backward(y, { gradient: x });
    });
    gradients.dispose();
    return gpu.finish();
  }
  const parameters = model.namedParameters();
  const optimizer = new AdamW([{ name: "all", parameters, learningRate: 1e-4, weightDecay: 0.01 }]);
  const { loss, gradients } = tidy(() => {
    const labels = tensor(new Int32Array(batch * length), [batch * length], { gpu });
    const mean = model.loss(model.features(inputs), labels, "mean");
    return { loss: mean, gradients: backward(mean) };
  });
  optimizer.step(gradients, { clip: 1 })?.dispose();
  return loss.item();
}

async function write(name, directory) {
  const gpu = await Gpu.open();
  const model = GPT2.random(gpu, configOf(WORKLOADS[name]), 1);
  await model.save(directory);
  gpu.close();
}

async function measure(name, isAhead, directory) {
  const times = {};
  const begin = performance.now();
  const processor = process.cpuUsage();
  let last = begin;
  const lap = (what) => {
    const now = performance.now();
    times[what] = Math.round(now - last);
    last = now;
  };
  const gpu = await Gpu.open();
  lap("open");
  let model;
  if (isAhead) {
    const dry = new DryGpu(gpu);
    await firstWork(name, await GPT2.fromPretrained(directory, { gpu: dry }));
    lap("rehearse");
    [model] = await Promise.all([GPT2.fromPretrained(directory, { gpu }), gpu.warmUp(dry.kernels)]);
    lap("load and compile");
  } else {
    model = await GPT2.fromPretrained(directory, { gpu });
    await gpu.finish();
    lap("load");
  }
  await firstWork(name, model);
  lap("first");
  const total = Math.round(last - begin);
  const { user, system } = process.cpuUsage(processor);
  await firstWork(name, model);
  lap("second");
  const { pipelinesCreated } = gpu.statistics;
  const adapter = gpu.adapter.name;
  gpu.close();
  const milliseconds = { ...times, total, processor: Math.round((user + system) / 1000) };
  return { adapter, pipelines: pipelinesCreated, milliseconds };
}

const file = fileURLToPath(import.meta.url);

function start(environment, ...given) {
  const child = spawnSync(process.execPath, [file, ...given], {
    env: { ...process.env, ...environment },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (child.status !== 0) throw new Error(child.stderr || `the measurement ended with ${child.status}`);
  return child.stdout.trim() === "" ? null : JSON.parse(child.stdout);
}

/** A workload with its model as a file and a shader cache of its own, until it is disposed. */
export function prepareWorkload(name) {
  const folder = mkdtempSync(join(tmpdir(), "graft-first-step-"));
  const on = { MESA_SHADER_CACHE_DISABLE: "false", MESA_SHADER_CACHE_DIR: join(folder, "cache") };
  start(on, name, "write", folder);
  return {
    /** Times of one process, which compiles kernels "ahead", while the weights are read, or "at-use". */
    run: (how, isCold) => start(isCold ? { MESA_SHADER_CACHE_DISABLE: "true" } : on, name, how, folder),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

if (process.argv[1] === file) {
  const [name, how, directory] = process.argv.slice(2);
  if (how === "write") await write(name, directory);
  else console.log(JSON.stringify(await measure(name, how === "ahead", directory)));
}
