import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Gpu } from "../../src/gpu/index.ts";
import { GPT2, type GPT2Base, GPT2ForSequenceClassification, prepareInputs } from "../../src/models/index.ts";
import { openDirectory } from "../support/files.ts";
import { loadCase, type OracleCase } from "../support/oracle.ts";
import { replay } from "../support/replay.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => gpu.close());

/** One batch of a case: [batch, length] at a flat place, with next-token labels unless classes are given. */
function batchOf(model: GPT2Base, oracle: OracleCase, index: number) {
  const ids = oracle.tensors.get("input_ids")!;
  const [batch, length] = ids.shape.slice(-2);
  const cut = (name: string) =>
    oracle.tensors.get(name)?.data.slice(index * batch * length, (index + 1) * batch * length);
  const inputIds = cut("input_ids") as Int32Array;
  const attentionMask = cut("attention_mask") as Int32Array | undefined;
  const inputs = prepareInputs(gpu, { inputIds, attentionMask, batch, length }, model.config);
  const classes = oracle.tensors.get("labels");
  const labels = classes
    ? (classes.data.slice(index * batch, (index + 1) * batch) as Int32Array)
    : Int32Array.from({ length: batch * length }, (_, i) => (i % length === length - 1 ? -100 : inputIds[i + 1]));
  return { inputs, labels };
}

describe("training trajectories against PyTorch", () => {
  for (const name of ["sgd", "adamw", "adamw-frozen", "adamw-layer-lr", "adamw-clip-cosine", "adamw-accum4"]) {
    it(`gpt2-tiny/train-${name}`, async () => {
      const oracle = await loadCase(`gpt2-tiny/train-${name}`);
      const model = await GPT2.fromPretrained(await openDirectory(oracle.modelDirectory));
      expect(await replay(model, oracle, (index) => batchOf(model, oracle, index))).toEqual([]);
      model.dispose();
    });
  }

  it("gpt2-seqcls-tiny/train-head", async () => {
    const oracle = await loadCase("gpt2-seqcls-tiny/train-head");
    const model = await GPT2ForSequenceClassification.fromPretrained(await openDirectory(oracle.modelDirectory));
    expect(await replay(model, oracle, (index) => batchOf(model, oracle, index))).toEqual([]);
    model.dispose();
  });

  it("leaves nothing for the garbage collector", () => {
    expect(gpu.statistics.rescuedTensors).toBe(0);
  });
});
