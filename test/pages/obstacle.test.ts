import { expect, it } from "vitest";
import { obstacleOf } from "../../demo/text/obstacle.ts";
import { DEFAULT_TRAINING } from "../../demo/text/training.ts";

type Seen = Parameters<typeof obstacleOf>[0];
const stage = (name: string, parameters: number) => ({ name, parameters, level: 0 });
const READY = {
  inspection: { stages: [stage("h.0", 10)], head: stage("lm_head", 0), labels: [] },
  ...{ readingModel: null, readingData: null, description: {}, dataProblem: null },
  ...{ task: "classify", training: DEFAULT_TRAINING, mistakes: {}, planProblem: null, plan: null },
} as unknown as Seen;

it("names what is in the way of a run, the first thing first, and where it is mended", () => {
  const obstacle = (patch: object) => obstacleOf({ ...READY, ...patch } as Seen);
  expect(obstacle({})).toBeNull();
  expect(obstacle({ inspection: null, description: null })).toEqual({ part: "choose", text: "Choose a model first." });
  expect(obstacle({ inspection: null, readingModel: "gpt2" })?.text).toBe("The model is being read.");
  expect(obstacle({ description: null })?.part).toBe("data");
  expect(obstacle({ dataProblem: "no labels", mistakes: { lr: "Expected a number." } })?.part).toBe("data");
  expect(obstacle({ mistakes: { lr: "Expected a number." } })).toEqual({
    ...{ part: "freeze", text: "Trunk's rate: Expected a number." },
  });
  expect(obstacle({ mistakes: { seed: "Expected a number." } })?.part).toBe("train");
  // A field that is not there now is in nobody's way.
  const unseen = { mistakes: { lora: "Expected a whole number.", headLr: "Expected a number." }, task: "lm" };
  expect(obstacle(unseen)).toBeNull();
  expect(obstacle({ ...unseen, task: "classify" })?.text).toBe("Head's rate: Expected a number.");
  const adapters = { training: { ...DEFAULT_TRAINING, preset: "adapters" } };
  expect(obstacle({ ...unseen, ...adapters })?.text).toBe("Adapters' rank: Expected a whole number.");
  expect(obstacle({ training: { ...DEFAULT_TRAINING, preset: "custom" } })?.text).toMatch(/^Everything is frozen/);
  expect(obstacle({ planProblem: "nothing" })?.part).toBe("freeze");
  expect(obstacle({ plan: { fits: false } })?.text).toMatch(/does not fit/);
  expect(obstacle({ plan: { fits: true } })).toBeNull();
});
