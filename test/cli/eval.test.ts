import { describe, expect, it } from "vitest";
import { renderEvaluation } from "../../src/cli/commands/eval.ts";
import type { Evaluation } from "../../src/finetune/index.ts";
import { accuracy, classMetrics, confusionMatrix, macroF1 } from "../../src/finetune/metrics.ts";

function evaluationOf(truth: number[], predictions: number[], count: number): Evaluation {
  const matrix = confusionMatrix(truth, predictions, count);
  const labels = Array.from({ length: count }, (_, i) => `c${i}`);
  const classes = classMetrics(matrix).map((metrics, i) => ({ label: labels[i], ...metrics }));
  const figures = { accuracy: accuracy(matrix), macroF1: macroF1(matrix), loss: 1, count: truth.length };
  return { ...figures, labels, classes, confusionMatrix: matrix };
}

describe("what graft eval prints", () => {
  it("has the classes and the confusion matrix", () => {
    expect(renderEvaluation(evaluationOf([0, 0, 1], [0, 1, 1], 2)).split("\n")).toEqual([
      "accuracy 66.7 %, mean F1 66.7 %, loss 1.0000 over 3 examples",
      "",
      "class  precision   recall      F1  count  as c0  as c1",
      "c0       100.0 %   50.0 %  66.7 %      2      1      1",
      "c1        50.0 %  100.0 %  66.7 %      1      0      1",
    ]);
  });

  it("of many classes has those that occur alone", () => {
    expect(renderEvaluation(evaluationOf([3, 3, 700], [3, 999, 700], 1000)).split("\n")).toEqual([
      "accuracy 66.7 %, mean F1 55.6 %, loss 1.0000 over 3 examples",
      "",
      "class  precision   recall       F1  count",
      "c3       100.0 %   50.0 %   66.7 %      2",
      "c700     100.0 %  100.0 %  100.0 %      1",
      "c999       0.0 %    0.0 %    0.0 %      0",
      "",
      "3 of 1000 classes occur; --json has all, and the confusion matrix.",
    ]);
  });
});
