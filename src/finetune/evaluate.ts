import { noGrad } from "../autograd/index.ts";
import { argmax, type StagedModel } from "../models/index.ts";
import { type Tensor, tensor, tidy } from "../tensor/index.ts";
import { exponential } from "../tensor/portable-math.ts";
import { requireModel } from "./checks.ts";
import type { Evaluation } from "./events.ts";
import { byLength } from "./examples.ts";
import { FrozenTrunk } from "./frozen-trunk.ts";
import { accuracy, classMetrics, confusionMatrix, macroF1, perplexity } from "./metrics.ts";
import { type Examples, exampleSet } from "./training-data.ts";

/** Examples a batch, unless told otherwise. */
export const DEFAULT_EVALUATION_BATCH = 32;

/** How examples are evaluated. */
export interface EvaluateOptions<Host, Inputs> {
  batch?: number;
  /** Token id of padding, where the examples are texts. */
  padId?: number;
  /** Class names; absent for language modelling. */
  labels?: readonly string[];
  /** Reuses activations of the frozen part between evaluations. */
  trunk?: FrozenTrunk<Host, Inputs>;
  signal?: AbortSignal;
  /** Awaited before each batch, so that it may hold the evaluation. */
  between?: () => Promise<void> | undefined;
}

/** Metrics, and what the model makes of each example. */
export interface Predictions {
  evaluation: Evaluation;
  /** For classification: probabilities [example][class], in the order of the data. */
  probabilities: Float64Array[];
}

/**
 * Loss and metrics over a data set, in evaluation mode, and for classification each example's probabilities.
 *
 * @throws when there are no examples, or an input does not fit the model.
 */
export async function predictAndEvaluate<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  data: Examples<Host>,
  options: EvaluateOptions<Host, Inputs> = {},
): Promise<Predictions> {
  requireModel("evaluate", model);
  const { labels, batch: batchSize = DEFAULT_EVALUATION_BATCH } = options;
  if (!(Number.isInteger(batchSize) && batchSize > 0)) {
    throw new RangeError(`evaluate: batch must be a positive integer, got ${batchSize}`);
  }
  const examples = exampleSet(data, options.padId);
  if (examples.length === 0) throw new Error("evaluate: there are no examples");
  const trunk = options.trunk ?? new FrozenTrunk(model, false);
  // Texts of similar length together: less padding. Results do not depend on what shares a batch.
  const order = byLength(examples);
  const probabilities = new Array<Float64Array>(labels ? examples.length : 0);
  let loss = 0;
  let counted = 0;
  for (let begin = 0; begin < order.length; begin += batchSize) {
    await options.between?.();
    options.signal?.throwIfAborted();
    const batch = examples.collate(order.slice(begin, begin + batchSize));
    const started = await trunk.start(batch);
    const { total, logits } = noGrad(() =>
      tidy(() => {
        const features = model.features(started.inputs, { from: started.from, x: started.x });
        const targets = tensor(batch.labels, [batch.labels.length], { gpu: model.gpu });
        const logits: Tensor | null = labels ? model.head(features) : null;
        return { total: model.loss(features, targets, "sum"), logits };
      }),
    );
    started.dispose();
    const [sum, scores] = await Promise.all([total.item(), logits?.data()]);
    total.dispose();
    logits?.dispose();
    loss += sum;
    counted += batch.counted;
    if (scores && labels) {
      batch.indices.forEach((index, row) => {
        probabilities[index] = softmaxOf(scores.slice(row * labels.length, (row + 1) * labels.length) as Float32Array);
      });
    }
  }
  if (!options.trunk) trunk.dispose();
  const meanLoss = loss / Math.max(counted, 1);
  const evaluation: Evaluation = { loss: meanLoss, count: counted };
  if (!labels) return { evaluation: { ...evaluation, perplexity: perplexity(meanLoss) }, probabilities };
  const truth = Int32Array.from({ length: examples.length }, (_, index) => examples.labelOf(index));
  const predicted = Int32Array.from(probabilities, argmax);
  const matrix = confusionMatrix(truth, predicted, labels.length);
  return {
    evaluation: {
      ...evaluation,
      accuracy: accuracy(matrix),
      macroF1: macroF1(matrix),
      confusionMatrix: matrix.map((row) => [...row]),
      classes: classMetrics(matrix).map((metrics, i) => ({ label: labels[i], ...metrics })),
      labels: [...labels],
    },
    probabilities,
  };
}

/**
 * Loss and metrics over a data set, in evaluation mode.
 *
 * @throws as {@link predictAndEvaluate} does.
 */
export async function evaluate<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  examples: Examples<Host>,
  options: EvaluateOptions<Host, Inputs> = {},
): Promise<Evaluation> {
  return (await predictAndEvaluate(model, examples, options)).evaluation;
}

function softmaxOf(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exponentials = Float64Array.from(logits, (logit) => exponential(logit - largest));
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / total);
}
