import { describe, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { addTrunkLora } from "../../src/finetune/index.ts";
import { MemoryDirectory, SafetensorsFile } from "../../src/io/index.ts";
import { GPT2, GPT2ForSequenceClassification, parseGPT2Config, prepareInputs } from "../../src/models/index.ts";
import { addLora, hasLora, mergeLora, removeLora } from "../../src/nn/index.ts";
import { tidy } from "../../src/tensor/index.ts";
import { openDirectory, openFile } from "../support/files.ts";
import { useGpu } from "../support/gpu.ts";
import { FIXTURES, loadCase, type OracleCase } from "../support/oracle.ts";
import { replay } from "../support/replay.ts";

const gpu = useGpu();
const LANGUAGE_MODEL = `${FIXTURES}/oracle/gpt2-tiny`;

const small = () =>
  parseGPT2Config(
    { model_type: "gpt2", n_embd: 16, n_layer: 2, n_head: 2, vocab_size: 40, n_positions: 16 },
    "config.json",
  );

/** PEFT's names in memory, as our module tree has them. */
const ourName = (name: string): string => name.replace("base_model.model.", "").replace(".default.weight", ".weight");

function withOurNames(oracle: OracleCase): OracleCase {
  const renamed = <T>(entries: Iterable<[string, T]>): [string, T][] =>
    [...entries].map(([name, value]) => [ourName(name), value]);
  const train = oracle.description.train as { groups: { params: string[] }[] };
  return {
    ...oracle,
    expected: Object.fromEntries(renamed(Object.entries(oracle.expected))),
    tensors: new Map(renamed(oracle.tensors)),
    description: {
      ...oracle.description,
      trainable: (oracle.description.trainable as string[]).map(ourName),
      train: { ...train, groups: train.groups.map((group) => ({ ...group, params: group.params.map(ourName) })) },
    },
  };
}

async function logitsOf(model: GPT2): Promise<Float32Array> {
  const inputIds = Int32Array.from({ length: 16 }, (_, i) => (5 * i) % model.config.vocabularySize);
  const inputs = prepareInputs(gpu(), { inputIds, batch: 2, length: 8 }, model.config);
  const logits = noGrad(() => tidy(() => model.forward(inputs)));
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  model.release(inputs);
  return values;
}

describe("low-rank adapters", () => {
  it("are trained along PEFT's trajectory", async () => {
    const oracle = withOurNames(await loadCase("gpt2-tiny-lora/train"));
    const model = await GPT2.fromPretrained(await openDirectory(LANGUAGE_MODEL), { gpu: gpu() });
    expect(addLora(model, { rank: 4, alpha: 8, match: ["h.*.attn.c_attn"] })).toEqual(
      [0, 1, 2].map((layer) => `transformer.h.${layer}.attn.c_attn`),
    );
    const initial = `${FIXTURES}/oracle/gpt2-tiny-lora/train/adapter-initial/adapter_model.safetensors`;
    const file = await SafetensorsFile.open(await openFile(initial));
    const named = model.namedParameters();
    for (const name of file.names()) {
      const { buffer } = named.get(ourName(name))!.storage;
      gpu().upload(buffer, 0, new Uint8Array((await file.readFloat32(name)).buffer));
    }
    await file.close();
    const ids = oracle.tensors.get("input_ids")!;
    const [, batch, length] = ids.shape;
    const failures = await replay(model, oracle, (step) => {
      const inputIds = ids.data.slice(step * batch * length, (step + 1) * batch * length) as Int32Array;
      const labels = Int32Array.from(inputIds, (_, i) => (i % length === length - 1 ? -100 : inputIds[i + 1]));
      return { inputs: prepareInputs(gpu(), { inputIds, batch, length }, model.config), labels };
    });
    expect(failures).toEqual([]);

    const before = await logitsOf(model);
    mergeLora(model);
    expect(hasLora(model)).toBe(false);
    const after = await logitsOf(model);
    const apart = after.reduce((most, value, i) => Math.max(most, Math.abs(value - before[i])), 0);
    expect(apart).toBeLessThan(1e-4);
    model.dispose();
  });

  it("change nothing at first, are all that is trained, and go without a trace", async () => {
    const model = GPT2.random(gpu(), small(), 1);
    const names = [...model.namedParameters().keys()];
    const before = await logitsOf(model);
    const layers = addTrunkLora(model, { rank: 2, match: ["h.1"] });
    expect(layers.map((name) => name.replace("transformer.h.1.", ""))).toEqual([
      "attn.c_attn",
      "attn.c_proj",
      "mlp.c_fc",
      "mlp.c_proj",
    ]);
    expect(await logitsOf(model)).toEqual(before);
    const trained = [...model.namedParameters()].filter(([, tensor]) => tensor.requiresGrad).map(([name]) => name);
    expect(trained).toEqual(layers.flatMap((name) => [`${name}.lora_A.weight`, `${name}.lora_B.weight`]));
    removeLora(model);
    expect([...model.namedParameters().keys()]).toEqual(names);
    expect(await logitsOf(model)).toEqual(before);
    model.dispose();
  });

  it("leave a classifier's head as it was, and are merged before saving", async () => {
    const model = new GPT2ForSequenceClassification(gpu(), { ...small(), labels: ["a", "b"] });
    addTrunkLora(model, { rank: 2 });
    expect(model.score.weight.requiresGrad).toBe(true);
    expect(model.score.lora_A).toBeUndefined();
    const directory = new MemoryDirectory("saved");
    await expect(model.save(directory)).rejects.toThrow(/low-rank adapters; mergeLora/);
    mergeLora(model);
    await model.save(directory);
    const again = await GPT2ForSequenceClassification.fromPretrained(directory, { gpu: gpu() });
    const name = "transformer.h.0.mlp.c_fc.weight";
    expect(await again.namedParameters().get(name)!.data()).toEqual(await model.namedParameters().get(name)!.data());
    for (const one of [model, again]) one.dispose();
  });

  it("refuse odd ranks, names that no linear layer has, and a second adapter", () => {
    const model = new GPT2(gpu(), small());
    expect(() => addLora(model, { rank: 0 })).toThrow("addLora: rank must be a positive integer, got 0");
    expect(() => addLora(model, { rank: 1, alpha: 0 })).toThrow("addLora: alpha must be a positive number, got 0");
    expect(() => addLora(model, { rank: 1, match: ["h.7"] })).toThrow("addLora: no linear layer is called h.7");
    addLora(model, { rank: 1, match: ["h.0.attn.c_attn"] });
    expect(() => addLora(model, { rank: 1 })).toThrow("addLora: transformer.h.0.attn.c_attn has an adapter already");
    model.dispose();
  });

  it("leave nothing for the garbage collector", () => {
    expect(gpu().statistics.rescuedTensors).toBe(0);
  });
});
