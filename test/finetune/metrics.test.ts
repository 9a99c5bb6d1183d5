import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  accuracy,
  classMetrics,
  confusionMatrix,
  macroF1,
  perplexity,
  positiveMetrics,
} from "../../src/finetune/metrics.ts";

describe("confusionMatrix", () => {
  it("has true classes as rows and predicted ones as columns", () => {
    expect(confusionMatrix([0, 0, 1, 2, 2], [0, 1, 1, 0, 2], 3)).toEqual([
      [1, 1, 0],
      [0, 1, 0],
      [1, 0, 1],
    ]);
  });

  it("refuses what cannot be counted", () => {
    expect(() => confusionMatrix([0], [0, 1], 2)).toThrow(/1 labels, but 2 predictions/);
    expect(() => confusionMatrix([0, 2], [0, 1], 2)).toThrow(/example 1 has the class 2, expected 0 to 1/);
    expect(() => confusionMatrix([0], [-1], 2)).toThrow(/example 0 has the class -1/);
  });
});

describe("metrics of classification", () => {
  // 956 of 959 ham right; of 156 spam 143 right.
  const matrix = [
    [956, 3],
    [13, 143],
  ];

  it("are those of the textbook", () => {
    expect(accuracy(matrix)).toBeCloseTo(1099 / 1115, 12);
    expect(positiveMetrics(matrix, 1)).toEqual({
      precision: 143 / 146,
      recall: 143 / 156,
      f1: 286 / 302,
      support: 156,
    });
    expect(macroF1(matrix)).toBeCloseTo((1912 / 1928 + 286 / 302) / 2, 12);
  });

  it("are 0 where the denominator is", () => {
    const onlyHam = [
      [3, 0],
      [2, 0],
    ];
    expect(positiveMetrics(onlyHam, 1)).toEqual({ precision: 0, recall: 0, f1: 0, support: 2 });
    expect(macroF1(onlyHam)).toBeCloseTo(0.375, 12);
    const noSpam = [
      [3, 1],
      [0, 0],
    ];
    expect(positiveMetrics(noSpam, 1)).toEqual({ precision: 0, recall: 0, f1: 0, support: 0 });
    expect(accuracy([[0, 0], [0, 0]])).toBe(0); // biome-ignore format: one line reads as a matrix
    expect(macroF1([])).toBe(0);
    expect(macroF1([[2, 0, 0], [0, 0, 0], [0, 0, 3]])).toBe(1); // biome-ignore format: one line reads as a matrix
  });

  it("agree with counting one by one", () => {
    const pair = fc.tuple(fc.nat(3), fc.nat(3));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 1, maxLength: 50 }), (pairs) => {
        const counted = confusionMatrix(
          pairs.map(([label]) => label),
          pairs.map(([, prediction]) => prediction),
          4,
        );
        const share = (part: typeof pairs, whole: typeof pairs) =>
          whole.length === 0 ? 0 : part.length / whole.length;
        expect(accuracy(counted)).toBe(
          share(
            pairs.filter(([label, prediction]) => label === prediction),
            pairs,
          ),
        );
        for (const [i, { precision, recall, f1 }] of classMetrics(counted).entries()) {
          const hits = pairs.filter(([label, prediction]) => label === i && prediction === i);
          expect(precision).toBe(
            share(
              hits,
              pairs.filter(([, prediction]) => prediction === i),
            ),
          );
          expect(recall).toBe(
            share(
              hits,
              pairs.filter(([label]) => label === i),
            ),
          );
          const harmonic = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
          expect(f1).toBeCloseTo(harmonic, 12);
        }
      }),
    );
  });

  it("refuses a positive class that is not there", () => {
    expect(() => positiveMetrics(matrix, 2)).toThrow(/class 2 of a confusion matrix of 2/);
  });
});

describe("perplexity", () => {
  it("is the exponential of the loss", () => {
    expect(perplexity(0)).toBe(1);
    // The bundled model on Shakespeare before fine-tuning, from its baselines.
    expect(perplexity(4.793306407108102)).toBeCloseTo(120.69979227603594, 8);
  });
});
