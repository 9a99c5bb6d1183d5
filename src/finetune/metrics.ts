import { exponential } from "../tensor/portable-math.ts";

/** Precision, recall and F1 of one class. A ratio whose denominator is zero is stated as 0. */
export interface ClassMetrics {
  /** TP / (TP + FP) */
  readonly precision: number;
  /** TP / (TP + FN) */
  readonly recall: number;
  /** 2·TP / (2·TP + FP + FN), the harmonic mean of precision and recall */
  readonly f1: number;
  /** How many examples are of this class. */
  readonly support: number;
}

/**
 * How often an example of class i was taken for class j.
 *
 * @param labels class indices [n]
 * @param predictions class indices [n]
 * @returns rows are true classes, columns are predicted ones: [classes][classes]
 */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classes: number,
): number[][] {
  if (labels.length !== predictions.length) {
    throw new RangeError(`confusion matrix: ${labels.length} labels, but ${predictions.length} predictions`);
  }
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < labels.length; i++) {
    for (const index of [labels[i], predictions[i]]) {
      if (!Number.isInteger(index) || index < 0 || index >= classes) {
        throw new RangeError(`confusion matrix: example ${i} has the class ${index}, expected 0 to ${classes - 1}`);
      }
    }
    matrix[labels[i]][predictions[i]]++;
  }
  return matrix;
}

/** The share of examples on the matrix's diagonal; 0 without examples. */
export function accuracy(matrix: readonly (readonly number[])[]): number {
  const right = sum(matrix.map((row, i) => row[i]));
  return ratio(right, sum(matrix.map(sum)));
}

/** Precision, recall and F1 of each class against all others. */
export function classMetrics(matrix: readonly (readonly number[])[]): ClassMetrics[] {
  return matrix.map((row, i) => {
    const truePositive = row[i];
    const support = sum(row);
    const predicted = sum(matrix.map((other) => other[i]));
    return {
      precision: ratio(truePositive, predicted),
      recall: ratio(truePositive, support),
      f1: ratio(2 * truePositive, support + predicted),
      support,
    };
  });
}

/** Precision, recall and F1 of one class, such as spam. */
export function positiveMetrics(matrix: readonly (readonly number[])[], positive: number): ClassMetrics {
  const metrics = classMetrics(matrix)[positive];
  if (metrics === undefined) throw new RangeError(`class ${positive} of a confusion matrix of ${matrix.length}`);
  return metrics;
}

/** The unweighted mean of the F1 of the classes that are seen or predicted; others have none, as in scikit-learn. */
export function macroF1(matrix: readonly (readonly number[])[]): number {
  const occurring = classMetrics(matrix).filter(({ support }, i) => support > 0 || matrix.some((row) => row[i] > 0));
  return ratio(sum(occurring.map(({ f1 }) => f1)), occurring.length);
}

/** exp(loss) of a mean cross-entropy per token, in nats. */
export function perplexity(loss: number): number {
  return exponential(loss);
}

function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
