import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backward, noGrad } from "../../src/autograd/index.ts";
import { Gpu } from "../../src/gpu/index.ts";
import {
  countPositions,
  type DeviceInputs,
  disposeInputs,
  GPT2,
  type GPT2Base,
  GPT2ForSequenceClassification,
  generate,
  nextTokenProbabilities,
  prepareInputs,
} from "../../src/models/index.ts";
import { keep, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { openDirectory, openFile } from "../support/files.ts";
import { compare, FIXTURES, loadCase, type OracleCase } from "../support/oracle.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

function inputsOf(model: GPT2Base, oracle: OracleCase): DeviceInputs {
  const ids = oracle.tensors.get("input_ids")!;
  const optional = (name: string) => oracle.tensors.get(name)?.data as Int32Array | undefined;
  const [batch, length] = ids.shape;
  return prepareInputs(
    gpu,
    {
      inputIds: ids.data as Int32Array,
      attentionMask: optional("attention_mask"),
      positionIds: optional("position_ids"),
      batch,
      length,
    },
    model.config,
  );
}

/** Labels of the next token: row t gets labels[t + 1], the last one none. */
function shiftedLabels(oracle: OracleCase): Int32Array {
  const { data, shape } = oracle.tensors.get("labels") ?? oracle.tensors.get("input_ids")!;
  const [batch, length] = shape;
  return Int32Array.from({ length: batch * length }, (_, i) => (i % length === length - 1 ? -100 : data[i + 1]));
}

/** Checks every expected tensor of a case and fails with all that is wrong. */
async function checkAll(oracle: OracleCase, produce: (name: string) => Promise<ArrayLike<number>>): Promise<number> {
  const failures: string[] = [];
  const names = Object.keys(oracle.expected);
  for (const name of names) {
    const failure = compare(oracle, name, await produce(name));
    if (failure) failures.push(failure);
  }
  expect(failures).toEqual([]);
  return names.length;
}

async function checkForwardAndGradients(model: GPT2Base, oracle: OracleCase, labels: Int32Array): Promise<void> {
  const inputs = inputsOf(model, oracle);
  const needsStates = Object.keys(oracle.expected).some((name) => name.startsWith("hidden_states"));
  const run = tidy(() => {
    const features = model.features(inputs);
    const targets = tensor(labels, [labels.length], { gpu });
    const loss = model.loss(features, targets, "mean");
    return {
      loss,
      logits: noGrad(() => model.head(features)),
      gradients: backward(loss),
      states: needsStates ? noGrad(() => model.hiddenStates(inputs)) : [],
    };
  });
  const named = model.namedParameters();
  const checked = await checkAll(oracle, async (name) => {
    if (name === "loss") return run.loss.data();
    if (name === "logits") return run.logits.data();
    if (name.startsWith("hidden_states/")) return run.states[Number(name.split("/")[1])].data();
    return run.gradients.get(named.get(name.slice("grad/".length))!)!.data();
  });
  expect(checked).toBeGreaterThan(2);
  run.loss.dispose();
  run.logits.dispose();
  run.gradients.dispose();
  for (const state of run.states) state.dispose();
  disposeInputs(inputs);
}

describe("GPT-2 against PyTorch", () => {
  let model: GPT2;
  beforeAll(async () => {
    model = await GPT2.fromPretrained(await openDirectory(`${FIXTURES}/oracle/gpt2-tiny`));
  });
  afterAll(() => model.dispose());

  for (const name of ["forward", "forward-pad-right", "forward-pad-left"]) {
    it(`${name}: logits, hidden states, loss, every gradient`, async () => {
      const oracle = await loadCase(`gpt2-tiny/${name}`);
      await checkForwardAndGradients(model, oracle, shiftedLabels(oracle));
    });
  }

  it("decodes greedily from left-padded prompts with a key-value cache", async () => {
    const oracle = await loadCase("gpt2-tiny/generate-greedy");
    const { data, shape } = oracle.tensors.get("input_ids")!;
    const mask = oracle.tensors.get("attention_mask")!.data as Int32Array;
    const [batch, length] = shape;
    const prompt = { inputIds: data as Int32Array, attentionMask: mask, batch, length };
    const steps = oracle.expected.generated_ids.shape[1];
    const ids = new Int32Array(batch * steps);
    let last = new Float32Array();
    let step = 0;
    for await (const one of generate(model, prompt, { maximumNewTokens: steps, greedy: true, endToken: null })) {
      for (let row = 0; row < batch; row++) ids[row * steps + step] = one.ids[row];
      last = one.logits as Float32Array<ArrayBuffer>;
      step++;
    }
    expect(step).toBe(steps);
    await checkAll(oracle, async (name) => (name === "generated_ids" ? ids : last));
  });

  it("gives the sampling probabilities", async () => {
    const oracle = await loadCase("gpt2-tiny/sampling");
    const { data, shape } = oracle.tensors.get("logits")!;
    const settings = oracle.description.settings as { temperature?: number; top_k?: number; top_p?: number }[];
    await checkAll(oracle, async (name) => {
      const { temperature, top_k: topK, top_p: topP } = settings[Number(name.split("/")[1])];
      const [batch, vocabulary] = shape;
      const all = new Float64Array(data.length);
      for (let row = 0; row < batch; row++) {
        const logits = data.subarray(row * vocabulary, (row + 1) * vocabulary);
        all.set(nextTokenProbabilities(logits, { temperature, topK, topP }), row * vocabulary);
      }
      return all;
    });
  });
});

describe("GPT-2 classifier against PyTorch", () => {
  for (const name of ["forward-pad-right", "forward-pad-left"]) {
    it(`${name}: logits, loss, gradients`, async () => {
      const oracle = await loadCase(`gpt2-seqcls-tiny/${name}`);
      const model = await GPT2ForSequenceClassification.fromPretrained(await openDirectory(oracle.modelDirectory));
      await checkForwardAndGradients(model, oracle, oracle.tensors.get("labels")!.data as Int32Array);
      model.dispose();
    });
  }
});

describe("checkpoints as others store them", () => {
  for (const name of ["gpt2-hub", "gpt2-bf16", "gpt2-f16", "gpt2-sharded"]) {
    it(`${name} loads strictly and gives the logits`, async () => {
      const oracle = await loadCase(`checkpoints/${name}/forward`);
      const model = await GPT2.fromPretrained(await openDirectory(oracle.modelDirectory));
      const inputs = inputsOf(model, oracle);
      const logits = tidy(() => noGrad(() => model.forward(inputs)));
      await checkAll(oracle, async () => logits.data());
      logits.dispose();
      disposeInputs(inputs);
      model.dispose();
    });
  }
});

describe("gpt2-nano-sort", () => {
  let model: GPT2;
  beforeAll(async () => {
    model = await GPT2.fromPretrained(await openDirectory(`${FIXTURES}/gpt2-nano-sort`));
  });
  afterAll(() => model.dispose());

  it("sorts all 729 inputs", async () => {
    const rows = Array.from({ length: 729 }, (_, n) => Array.from({ length: 6 }, (_, i) => Math.floor(n / 3 ** i) % 3));
    const prompt = { inputIds: Int32Array.from(rows.flat()), batch: rows.length, length: 6 };
    const generated = rows.map(() => [] as number[]);
    for await (const { ids } of generate(model, prompt, { maximumNewTokens: 6, greedy: true, endToken: null })) {
      for (const [row, id] of ids.entries()) generated[row].push(id);
    }
    const sorted = rows.filter((row, i) => generated[i].join() === [...row].sort().join());
    expect(sorted.length).toBe(729);
  });

  it("has the reference's activations, layer by layer", async () => {
    const { SafetensorsFile } = await import("../../src/io/index.ts");
    const path = `${FIXTURES}/gpt2-nano-sort/reference_activations.safetensors`;
    const reference = await SafetensorsFile.open(await openFile(path));
    const ids = Int32Array.from(await reference.readFloat32("idx"));
    const [batch, length] = reference.info("idx").shape;
    const positionIds = countPositions(undefined, batch, length);
    const inputs = prepareInputs(gpu, { inputIds: ids, positionIds, batch, length }, model.config);
    const { transformer } = model;
    const run = noGrad(() =>
      tidy(() => {
        const embedded = transformer.embed(inputs);
        const result: Record<string, Tensor> = { x: embedded };
        let x = embedded;
        transformer.h.forEach((block, layer) => {
          if (layer === 0) {
            result.ln1 = block.ln_1.forward(x);
            result.qkv = block.attn.c_attn.forward(result.ln1);
            result.yProj = block.attn.forward(result.ln1, undefined);
          }
          x = block.forward(x, undefined);
          result[`block${layer}`] = x;
        });
        result.ln_f = transformer.ln_f.forward(x);
        result.lm_head = model.head(result.ln_f);
        return result;
      }),
    );
    for (const [name, got] of Object.entries(run)) {
      const expected = await reference.readFloat32(name);
      const values = await got.data();
      const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i])), 0);
      const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(worst, name).toBeLessThan(2e-5 * Math.max(scale, 1));
      got.dispose();
    }
    disposeInputs(inputs);
    await reference.close();
    keep(transformer.wte.weight);
  });
});
