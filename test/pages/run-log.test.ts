import { expect, it } from "vitest";
import { RunLog } from "../../demo/shared/run-log.ts";
import type { Evaluation, TrainingEvent } from "../../src/finetune/index.ts";
import type { SessionEvent } from "../../src/session/index.ts";

const step = (n: number, loss: number): TrainingEvent => ({
  ...{ type: "step", step: n, totalSteps: 8, epoch: 1, loss, gradientNorm: null, learningRates: {} },
  ...{ tokens: 10, tokensPerSecond: 100, secondsLeft: 1 },
});
const evaluation = (n: number, accuracy: number, best: boolean): TrainingEvent => ({
  ...{ type: "evaluation", step: n, epoch: 1, split: "valid", best, seconds: 1 },
  evaluation: { loss: 1 - accuracy, count: 10, accuracy } satisfies Evaluation,
});
const logOf = (...events: SessionEvent[]): RunLog => {
  const log = new RunLog();
  for (const event of events) log.record(event);
  return log;
};

it("keeps the columns of the charts by step, with gaps where nothing was told", () => {
  const log = logOf(evaluation(0, 0.5, true), step(1, 0.7), step(2, 0.6), evaluation(2, 0.8, true), step(4, 0.5));
  expect(log.steps).toEqual([0, 1, 2, 3, 4]);
  expect(log.trainLoss).toEqual([null, 0.7, 0.6, null, 0.5]);
  expect(log.accuracy).toEqual([0.5, null, 0.8, null, null]);
  expect(log).toMatchObject({ phase: "running", totalSteps: 8, bestStep: 2 });
  expect(log.first?.accuracy).toBe(0.5);
  expect(log.best?.accuracy).toBe(0.8);
});

it("follows the run from its preparation over a pause to its end", () => {
  const log = logOf(
    { type: "bytes", what: "weights", file: "model.safetensors", loaded: 5, total: 10 },
    { type: "compile", done: 3, total: 9 },
    { type: "prepare", done: 4, total: 20 },
  );
  expect(log).toMatchObject({
    ...{ phase: "preparing", weights: { done: 5, total: 10 }, pipelines: { done: 3, total: 9 } },
    ...{ trunk: { done: 4, total: 20 }, download: null },
  });
  log.record(step(1, 1));
  log.record({ type: "paused", step: 1, isKept: true });
  expect(log.phase).toBe("paused");
  log.record({ type: "resumed", step: 1 });
  expect(log.phase).toBe("running");
  log.record({
    ...{
      type: "end",
      reason: "finished",
      steps: 1,
      seconds: 1,
      bestStep: 1,
      evaluation: null,
      tokens: 10,
      peakBytes: 1,
    },
  });
  expect(log).toMatchObject({ phase: "ended", ended: "finished", bestStep: 1 });
});

it("has the steps before a reload in a run that was picked up", () => {
  const log = logOf({ type: "history", step: 2, events: [evaluation(0, 0.5, true), step(1, 0.7), step(2, 0.6)] });
  expect(log).toMatchObject({ phase: "preparing", steps: [0, 1, 2], trainLoss: [null, 0.7, 0.6] });
  expect(log.first?.accuracy).toBe(0.5);
});

it("forgets what a lost device had done after the checkpoint, because it comes once more", () => {
  const log = logOf(step(1, 0.7), step(2, 0.6), step(3, 0.5), {
    ...{ type: "device-lost", step: 3, message: "the driver was reset" },
  });
  expect(log.phase).toBe("preparing");
  log.record({ type: "recovered", step: 1, adapter: "SwiftShader" });
  expect(log.steps).toEqual([0, 1]);
  log.record(step(2, 0.61));
  expect(log.trainLoss).toEqual([null, 0.7, 0.61]);
  expect(log.notices.join(" ")).toMatch(/lost at step 3: the driver was reset.*after step 1 on SwiftShader/);
});
