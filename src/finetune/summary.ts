import type { CacheEvent, EndEvent, Evaluation, TrainingEvent } from "./events.ts";
import { formatLoss, formatPercent } from "./format.ts";

/** One measure before and after training, as people read it. `null` where there is none. */
export interface MetricRow {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Index of the class that precision and recall are about: the second of two, as in ham and spam. Null otherwise. */
export function positiveClass(evaluation: Evaluation): number | null {
  return evaluation.classes?.length === 2 ? 1 : null;
}

/**
 * The measures that matter for the task: accuracy, precision, recall and F1 of the positive class (of several classes
 * their mean F1) and loss; for language modelling loss and perplexity.
 */
export function metricRows(before: Evaluation | null, after: Evaluation | null): MetricRow[] {
  const sample = after ?? before;
  if (!sample) return [];
  const row = (name: string, value: (evaluation: Evaluation) => number | undefined, format = formatPercent) => {
    const show = (evaluation: Evaluation | null) => {
      const number = evaluation ? value(evaluation) : undefined;
      return number === undefined ? null : format(number);
    };
    return { name, before: show(before), after: show(after) };
  };
  const rows: MetricRow[] = [row("accuracy", ({ accuracy }) => accuracy)];
  const positive = positiveClass(sample);
  if (positive === null) {
    rows.push(row("mean F1", ({ macroF1 }) => macroF1));
  } else {
    const { label } = sample.classes![positive];
    rows.push(
      row(`precision (${label})`, ({ classes }) => classes?.[positive].precision),
      row(`recall (${label})`, ({ classes }) => classes?.[positive].recall),
      row(`F1 (${label})`, ({ classes }) => classes?.[positive].f1),
    );
  }
  rows.push(
    row("loss", ({ loss }) => loss, formatLoss),
    row("perplexity", ({ perplexity }) => perplexity, formatLoss),
  );
  return rows.filter(({ before, after }) => before !== null || after !== null);
}

/** An evaluation in one line: "accuracy 98.2 %, F1 (spam) 93.4 %, loss 0.0739". */
export function describeEvaluation(evaluation: Evaluation): string {
  return metricRows(null, evaluation)
    .filter(({ name }) => !/^(precision|recall)/.test(name))
    .map(({ name, after }) => `${name} ${after}`)
    .join(", ");
}

/** The last word of each run on its activation cache: `cache` events count on, and each `start` begins anew. */
export function cacheEvents(events: Iterable<TrainingEvent>): CacheEvent[] {
  const caches: CacheEvent[] = [];
  let last: CacheEvent | undefined;
  for (const event of events) {
    if (event.type === "start") {
      if (last) caches.push(last);
      last = undefined;
    }
    if (event.type === "cache") last = event;
  }
  if (last) caches.push(last);
  return caches;
}

/** Sums over the runs of a recipe. */
export function totals(events: Iterable<TrainingEvent>): {
  steps: number;
  seconds: number;
  tokens: number;
  peakBytes: number;
} {
  const sums = { steps: 0, seconds: 0, tokens: 0, peakBytes: 0 };
  for (const event of events) {
    if (event.type === "step") sums.steps++;
    if (event.type !== "end") continue;
    sums.seconds += event.seconds;
    sums.tokens += event.tokens;
    sums.peakBytes = Math.max(sums.peakBytes, event.peakBytes);
  }
  return sums;
}

/** Why a run ended, in words. */
export function describeEnd({ reason }: Pick<EndEvent, "reason">): string {
  const words = { finished: "finished", cancelled: "stopped on request", "max-steps": "stopped at the step limit" };
  return words[reason];
}
