import { describe, expect, it } from "vitest";
import {
  countTrained,
  DEFAULT_TRAINING,
  type Preset,
  presetOf,
  settingsOf,
  stageTitle,
  type Training,
  toggled,
  trainedStages,
  trainingOf,
} from "../../demo/text/training.ts";
import { fullSettings } from "../../src/jobs/index.ts";
import type { ModelInspection, ModelStage } from "../../src/session/index.ts";

const stage = (name: string, level: number, parameters = 10): ModelStage => ({
  adapterSize: name.startsWith("h.") ? 3 : 0,
  ...{ name, pattern: name === "embeddings" ? "wte,wpe" : name, level, parameters, names: [], rate: null, trained: 0 },
});
const inspection = (head: ModelStage): ModelInspection => ({
  ...{ name: "mini", family: "GPT-2", architecture: "GPT2LMHeadModel", tasks: ["classify", "lm"] },
  stages: [stage("embeddings", 4), ...[0, 1, 2, 3].map((i) => stage(`h.${i}`, 3 - i)), stage("ln_f", 0)],
  head,
  ...{ parameters: 70, trainableParameters: 70, labels: [], positions: 256, imageShape: null, config: {} },
});
const classifier = inspection(stage("score", 0));
const language = inspection(stage("lm_head", 0, 0));
const of = (preset: Preset, model = classifier, trained: string[] = []): readonly string[] =>
  trainedStages(model, { ...DEFAULT_TRAINING, preset, trained });

describe("the presets", () => {
  it("train the head, the last two blocks with what stands above them, the last levels, or all", () => {
    expect(of("head")).toEqual(["score"]);
    expect(of("blocks")).toEqual(["h.2", "h.3", "ln_f", "score"]);
    expect(of("gradual")).toEqual(["h.1", "h.2", "h.3", "ln_f", "score"]);
    expect(of("everything")).toHaveLength(7);
    expect(of("custom", classifier, ["score", "h.0"])).toEqual(["h.0", "score"]);
  });

  it("take the final norm for the head where the head is the table of embeddings", () => {
    expect(of("head", language)).toEqual(["ln_f"]);
    expect(of("blocks", language)).toEqual(["h.2", "h.3", "ln_f"]);
  });

  it("leave a new head in whatever is clicked together, and let a head that knows its classes be frozen", () => {
    expect(of("custom", classifier, ["h.0"])).toEqual(["h.0", "score"]);
    expect(of("custom", { ...classifier, labels: ["a", "b"] }, ["h.0"])).toEqual(["h.0"]);
    expect(of("custom", language, [])).toEqual([]);
  });

  it("are known by what they train, in any order", () => {
    for (const preset of ["head", "blocks", "everything"] as const) {
      expect(presetOf(classifier, [...of(preset)].reverse())).toBe(preset);
    }
    expect(presetOf(classifier, ["score", "h.0"])).toBe("custom");
    expect(presetOf(classifier, [])).toBe("custom");
  });
});

describe("the settings of a job", () => {
  const settings = (preset: Preset, patch = {}) =>
    settingsOf(classifier, { ...DEFAULT_TRAINING, preset, ...patch }, "classify");

  it("name what is trained, thaw by levels, and freeze nothing where all is trained", () => {
    expect(settings("head")).toMatchObject({ unfreeze: "score", headLr: 3e-3, epochs: 10, validFraction: 0.25 });
    expect(settings("gradual")).toMatchObject({ gradual: 3 });
    expect(settings("gradual")).not.toHaveProperty("unfreeze");
    expect(settings("custom", { trained: ["embeddings", "score"] })).toMatchObject({ unfreeze: "wte,wpe,score" });
    expect(settings("everything")).not.toHaveProperty("unfreeze");
    expect(settings("everything")).not.toHaveProperty("gradual");
  });

  it("tell of what saves memory, and of columns, only where they are not as usual", () => {
    expect(Object.keys(settings("head"))).not.toEqual(
      expect.arrayContaining(["accumulate", "evalBatch", "labelColumn"]),
    );
    const saving = { accumulate: 4, evalBatch: 8, checkpointBlocks: true };
    const columns = { labelColumn: "verdict", textColumn: "review" };
    expect(settings("head", { ...saving, ...columns })).toMatchObject({ ...saving, ...columns });
    const own = { ...DEFAULT_TRAINING, ...columns };
    expect(settingsOf(language, own, "lm")).toMatchObject({ textColumn: "review" });
    expect(settingsOf(language, own, "lm")).not.toHaveProperty("labelColumn");
  });

  it("are settings that a job takes, and keep to the model's positions", () => {
    for (const preset of ["head", "blocks", "gradual", "everything"] as const) fullSettings(settings(preset));
    expect(settings("head", { maxLength: 1000 }).maxLength).toBe(256);
    expect(settingsOf(language, DEFAULT_TRAINING, "lm")).not.toHaveProperty("headLr");
  });
});

describe("adapters", () => {
  const known = { ...classifier, labels: ["a", "b"] };
  const adapters = (patch: Partial<Training> = {}): Training => ({ ...DEFAULT_TRAINING, preset: "adapters", ...patch });
  const settings = (model: ModelInspection, training: Training) =>
    settingsOf(model, training, model === language ? "lm" : "classify");

  it("stand in every block at first, and the head is trained beside them", () => {
    expect(of("adapters")).toEqual(["h.0", "h.1", "h.2", "h.3", "score"]);
    expect(of("adapters", language)).toEqual(["h.0", "h.1", "h.2", "h.3"]);
    expect(countTrained(classifier, adapters({ lora: 5 }))).toBe(4 * 3 * 5 + 10);
    expect(countTrained(language, adapters())).toBe(4 * 3 * 8);
    const all = settings(classifier, adapters());
    expect(all).toMatchObject({ lora: 8 });
    for (const other of ["unfreeze", "gradual", "loraMatch", "freeze"]) expect(all).not.toHaveProperty(other);
    fullSettings(all);
  });

  it("can be taken from a block and given back, and the head that knows its classes can be kept still", () => {
    const fewer = toggled(classifier, adapters(), "h.1")!;
    expect(fewer).toEqual({ preset: "adapters", trained: ["h.0", "h.2", "h.3", "score"] });
    expect(settings(classifier, adapters(fewer))).toMatchObject({ lora: 8, loraMatch: "h.0,h.2,h.3" });
    expect(countTrained(classifier, adapters(fewer))).toBe(3 * 3 * 8 + 10);
    const again = toggled(classifier, adapters(fewer), "h.1")!;
    expect(settings(classifier, adapters(again))).not.toHaveProperty("loraMatch");
    const still = toggled(known, adapters(), "score")!;
    expect(settings(known, adapters(still))).toMatchObject({ lora: 8, freeze: "score" });
    expect(settings(known, adapters(still))).not.toHaveProperty("loraMatch");
    // Where a head is new, it is trained whatever is chosen.
    expect(trainedStages(classifier, adapters({ trained: ["h.0"] }))).toEqual(["h.0", "score"]);
  });

  it("have no place beside embeddings and norms, and without any of them it is another way to train", () => {
    expect(toggled(classifier, adapters(), "embeddings")).toBeNull();
    expect(toggled(classifier, adapters(), "ln_f")).toBeNull();
    expect(toggled(classifier, adapters({ trained: ["h.0", "score"] }), "h.0")).toEqual({
      ...{ preset: "head", trained: ["score"] },
    });
    expect(toggled(language, adapters({ trained: ["h.0"] }), "h.0")).toEqual({ preset: "custom", trained: [] });
    // Of another model none of the blocks may be there that were chosen before.
    expect(trainedStages(classifier, adapters({ trained: ["h.9"] }))).toHaveLength(5);
  });

  it("of a kept job are shown as they were set", () => {
    const as = (model: ModelInspection, trained: readonly string[]): ModelInspection => ({
      ...model,
      stages: model.stages.map((one) => ({ ...one, trained: trained.includes(one.name) ? 24 : 0 })),
      head: { ...model.head, trained: trained.includes(model.head.name) ? 10 : 0 },
    });
    for (const trained of [[], ["h.0", "h.2", "score"]]) {
      const set = adapters({ lora: 4, trained });
      const seen = as(known, trainedStages(known, set));
      expect(trainingOf(seen, settings(known, set))).toEqual(set);
    }
  });
});

it("shows the settings of a kept job as they were set", () => {
  const kept = { ...DEFAULT_TRAINING, epochs: 7, lr: 2e-4, seed: 1, preset: "blocks" as const };
  const settings = settingsOf(classifier, kept, "classify");
  const own = { ...classifier, stages: classifier.stages.map((one) => ({ ...one, trained: 0 })) };
  const trained = { ...own, stages: own.stages.map((one) => ({ ...one, trained: one.level < 2 ? 10 : 0 })) };
  const shown = trainingOf({ ...trained, head: { ...classifier.head, trained: 10 } }, settings);
  expect(shown).toEqual({ ...kept, trained: of("blocks") });
  expect(trainingOf(classifier, { gradual: 3 })).toMatchObject({ preset: "gradual", epochs: 10 });
});

it("calls stages as people do", () => {
  expect(["h.0", "h.11", "wte", "embeddings", "ln_f", "score", "other"].map(stageTitle)).toEqual([
    ...["Block 1", "Block 12", "Token embedding", "Embeddings", "Final norm", "Head", "other"],
  ]);
});
