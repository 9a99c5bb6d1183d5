// Writes a GPT-2 of the real 124M shape with random weights to disk, then in a fresh process loads it, runs forward
// and backward at [1, 64] and takes one AdamW step under WebGPU's default limits (128 MiB a binding, 256 MiB a buffer).
// Prints times and peak memory as JSON. Usage: npm run bench:124m [-- DIR --json FILE]
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { backward, Gpu, tensor, tidy } from "../dist/index.js";
import { GPT2, parseGPT2Config, prepareInputs } from "../dist/models.js";
import { AdamW } from "../dist/nn.js";
import { keepRun } from "./kept-run.mjs";

const TOKENS = 64;
const LARGEST_PROCESS_BYTES = 6 * 2 ** 30;
const { values, positionals } = parseArgs({
  options: { json: { type: "string" }, write: { type: "boolean", default: false } },
  allowPositionals: true,
});
const directory = positionals[0] ?? join(tmpdir(), "graft-gpt2-124m-random");

const seconds = async (work) => {
  const begin = performance.now();
  const result = await work();
  return [Number(((performance.now() - begin) / 1000).toFixed(2)), result];
};

async function write() {
  const gpu = await Gpu.open();
  const config = parseGPT2Config({
    model_type: "gpt2",
    resid_pdrop: 0,
    embd_pdrop: 0,
    attn_pdrop: 0,
    eos_token_id: 50256,
  });
  const model = GPT2.random(gpu, config, 1);
  await model.save(directory);
  gpu.close();
}

async function measure() {
  const gpu = await Gpu.open({ limits: "default" });
  const [loading, model] = await seconds(async () => {
    const loaded = await GPT2.fromPretrained(directory);
    await gpu.finish();
    return loaded;
  });
  const ids = Int32Array.from({ length: TOKENS }, (_, i) => (i * 7919) % 50257);
  const labels = Int32Array.from(ids, (_, i) => (i === TOKENS - 1 ? -100 : ids[i + 1]));
  const optimizer = new AdamW([
    { name: "all", parameters: model.namedParameters(), learningRate: 1e-4, weightDecay: 0.01 },
  ]);
  const step = async () => {
    const inputs = prepareInputs(gpu, { inputIds: ids, batch: 1, length: TOKENS }, model.config);
    const { loss, gradients } = tidy(() => {
      const mean = model.loss(model.features(inputs), tensor(labels), "mean");
      return { loss: mean, gradients: backward(mean) };
    });
    optimizer.step(gradients, { clip: 1 })?.dispose();
    await gpu.finish();
    return loss.item();
  };
  const [first, lossBefore] = await seconds(step);
  const [second, lossAfter] = await seconds(step);
  const { peakBytes, dispatches, submits, pipelinesCreated } = gpu.statistics;
  const result = {
    adapter: gpu.adapter.name,
    bindingLimit: gpu.limits.maxStorageBufferBindingSize,
    bufferLimit: gpu.limits.maxBufferSize,
    parameters: model.parameterCount(),
    tokens: TOKENS,
    secondsToLoad: loading,
    secondsFirstStep: first,
    secondsSecondStep: second,
    lossBefore,
    lossAfter,
    peakBufferBytes: peakBytes,
    peakProcessBytes: process.resourceUsage().maxRSS * 1024,
    dispatches,
    submits,
    pipelines: pipelinesCreated,
  };
  gpu.close();
  return result;
}

if (values.write) await write();
else {
  if (!existsSync(join(directory, "model.safetensors"))) {
    // In a process of its own, so that the figures below are those of loading and training alone.
    const { status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), directory, "--write"], {
      stdio: "inherit",
    });
    if (status !== 0) process.exit(1);
  }
  const result = await measure();
  console.log(JSON.stringify(result, null, 2));
  if (values.json !== undefined) keepRun(values.json, "bench:124m", result);
  const failures = [
    result.lossAfter < result.lossBefore ? "" : "the loss did not fall after one step",
    result.peakProcessBytes < LARGEST_PROCESS_BYTES ? "" : `the process took more than ${LARGEST_PROCESS_BYTES} bytes`,
  ].filter(Boolean);
  for (const failure of failures) console.error(failure);
  process.exitCode = failures.length > 0 ? 1 : 0;
}
