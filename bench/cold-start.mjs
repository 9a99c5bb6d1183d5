// Time from opening the adapter to the end of the first step, in processes of their own: with the driver's shader cache off
// ("cold") and filled ("warm"), and with kernels compiled when they are first used or ahead, while the weights are read.
// Prints JSON. Usage: node scripts/build.mjs --quiet && node bench/cold-start.mjs [block|step] (default: both)
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { backward, DryGpu, Gpu, normal, tensor, tidy } from "../dist/index.js";
import { GPT2, parseGPT2Config } from "../dist/models.js";
import { AdamW } from "../dist/nn.js";

const WORKLOADS = {
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
const MESA = { off: { MESA_SHADER_CACHE_DISABLE: "true" }, on: { MESA_SHADER_CACHE_DISABLE: "false" } };

const [asked, mode, directory] = process.argv.slice(2);

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

async function write(name) {
  const gpu = await Gpu.open();
  const model = GPT2.random(gpu, configOf(WORKLOADS[name]), 1);
  await model.save(directory);
  gpu.close();
}

async function measure(name, isAhead) {
  const times = {};
  const begin = performance.now();
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
  await firstWork(name, model);
  lap("second");
  const { pipelinesCreated } = gpu.statistics;
  const adapter = gpu.adapter.name;
  gpu.close();
  return { adapter, pipelines: pipelinesCreated, milliseconds: { ...times, total } };
}

if (mode === "write") await write(asked);
else if (mode) console.log(JSON.stringify(await measure(asked, mode === "ahead")));
else {
  const run = (environment, ...given) => {
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...given], {
      env: { ...process.env, ...environment },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (child.status !== 0) throw new Error(child.stderr || `the measurement ended with ${child.status}`);
    return child.stdout.trim() === "" ? null : JSON.parse(child.stdout);
  };
  const results = [];
  for (const name of asked ? [asked] : Object.keys(WORKLOADS)) {
    const folder = mkdtempSync(join(tmpdir(), "graft-cold-start-"));
    try {
      const cache = { MESA_SHADER_CACHE_DIR: join(folder, "cache") };
      run({ ...MESA.on, ...cache }, name, "write", folder);
      for (const compiled of ["at first use", "ahead"]) {
        const how = compiled === "ahead" ? "ahead" : "at-use";
        const cold = run(MESA.off, name, how, folder);
        run({ ...MESA.on, ...cache }, name, how, folder);
        const warm = run({ ...MESA.on, ...cache }, name, how, folder);
        const { adapter, pipelines } = cold;
        const { what } = WORKLOADS[name];
        results.push({
          workload: what,
          compiled,
          adapter,
          pipelines,
          cold: cold.milliseconds,
          warm: warm.milliseconds,
        });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  console.log(JSON.stringify(results, null, 2));
}
