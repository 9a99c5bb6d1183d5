import { expect, it } from "vitest";
import { patchOf, wordsOf } from "../../demo/text/fit.ts";
import { DEFAULT_TRAINING, settingsOf } from "../../demo/text/training.ts";
import { fullSettings } from "../../src/jobs/index.ts";
import type { ModelInspection } from "../../src/session/index.ts";

const BLOCK = { name: "h.0", parameters: 8, adapterSize: 4 };
const MODEL = { stages: [BLOCK], head: { name: "score", parameters: 2, pattern: "score" }, labels: [], positions: 256 };

it("takes what would fit as settings of the job, and tells it in words", () => {
  const patch = patchOf({ batch: 8, accumulate: 2, evaluationBatch: 8, checkpointBlocks: true });
  expect(patch).toEqual({ batch: 8, accumulate: 2, evalBatch: 8, checkpointBlocks: true });
  expect(wordsOf(patch)).toEqual([
    ...["a batch of 8", "2 batches a step", "8 texts at a time to check", "blocks computed twice, which is slower"],
  ]);
  const settings = settingsOf(MODEL as unknown as ModelInspection, { ...DEFAULT_TRAINING, ...patch }, "classify");
  expect(fullSettings(settings)).toMatchObject(patch);
  expect(wordsOf(patchOf({ length: 32 }))).toEqual(["texts of 32 tokens"]);
  const adapters = patchOf({ lora: 8, batch: 4 });
  expect(wordsOf(adapters)).toEqual(["adapters of rank 8 in place of the weights", "a batch of 4"]);
  const before = { ...DEFAULT_TRAINING, preset: "gradual" as const, trained: ["h.1"] };
  const chosen = settingsOf(MODEL as unknown as ModelInspection, { ...before, ...adapters }, "classify");
  expect(fullSettings(chosen)).toMatchObject({ lora: 8, batch: 4 });
  for (const other of ["gradual", "unfreeze", "loraMatch", "freeze"]) expect(chosen).not.toHaveProperty(other);
});
