import type { Evaluation, StartEvent, StepEvent, TrainingEvent } from "../../src/finetune/events.ts";
import { accuracy, classMetrics, macroF1 } from "../../src/finetune/metrics.ts";
import type { RunReport } from "../../src/finetune/report.ts";

/** An evaluation of ham and spam from its confusion matrix. */
export function evaluationOf(confusionMatrix: number[][], loss: number, labels = ["ham", "spam"]): Evaluation {
  return {
    loss,
    count: confusionMatrix.flat().reduce((sum, count) => sum + count, 0),
    accuracy: accuracy(confusionMatrix),
    macroF1: macroF1(confusionMatrix),
    confusionMatrix,
    classes: classMetrics(confusionMatrix).map((metrics, i) => ({ label: labels[i], ...metrics })),
    labels,
  };
}

export const BEFORE = evaluationOf(
  [
    [430, 0],
    [70, 0],
  ],
  Math.LN2,
);
export const AFTER_HEAD = evaluationOf(
  [
    [424, 6],
    [19, 51],
  ],
  0.1431,
);
export const AFTER = evaluationOf(
  [
    [427, 3],
    [6, 64],
  ],
  0.0739,
);

const block = (n: number) =>
  ["ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"].flatMap((layer) =>
    ["weight", "bias"].map((name) => `transformer.h.${n}.${layer}.${name}`),
  );

const TRUNK = ["transformer.wte.weight", "transformer.wpe.weight", ...[0, 1, 2, 3].flatMap(block)];
const NORM = ["transformer.ln_f.weight", "transformer.ln_f.bias"];

const settings = {
  epochs: 2,
  batchSize: 16,
  maxLength: 64,
  optimizer: "AdamW",
  schedule: "triangular",
  layerDecay: 1,
  clip: 1,
  seed: 42,
  resume: null,
};

export function startEvent(overrides: Partial<StartEvent> = {}): StartEvent {
  return {
    type: "start",
    task: "classify",
    adapter: "lavapipe (software, llvmpipe)",
    model: "gpt2-mini-en",
    parameters: 2_222_592,
    trainableParameters: 384,
    trainable: ["score.weight"],
    frozen: [...TRUNK, ...NORM],
    trainExamples: 1000,
    validExamples: 500,
    epochs: 2,
    totalSteps: 126,
    settings,
    groups: [{ name: "score", learningRate: 1e-3, weightDecay: 0.01, parameters: 384 }],
    ...overrides,
  };
}

export const SECOND_START = startEvent({
  trainableParameters: 890_496,
  trainable: [...block(2), ...block(3), ...NORM, "score.weight"],
  frozen: [...TRUNK.slice(0, 2), ...block(0), ...block(1)],
  settings: { ...settings, layerDecay: 0.8 },
  groups: [
    { name: "h.2", learningRate: 1.6e-4, weightDecay: 0.01, parameters: 444_864 },
    { name: "h.3", learningRate: 2e-4, weightDecay: 0.01, parameters: 444_864 },
    { name: "score", learningRate: 1e-3, weightDecay: 0.01, parameters: 768 },
  ],
});

/** The noise of a loss curve: the same in every run. */
const noise = (i: number) => Math.sin(i * 12.9898) * 0.5 + Math.sin(i * 4.1414) * 0.5;

/** The steps of a run whose loss falls from one value to another. */
export function stepEvents(from: number, to: number, start: StartEvent): StepEvent[] {
  const { totalSteps, epochs, groups } = start;
  return Array.from({ length: totalSteps }, (_, i) => {
    const mean = to + (from - to) * Math.exp((-4 * i) / totalSteps);
    const factor = Math.min((i + 1) / (totalSteps / 10), (totalSteps - i) / (totalSteps * 0.9), 1);
    return {
      type: "step",
      step: i + 1,
      totalSteps,
      epoch: 1 + Math.floor((i * epochs) / totalSteps),
      loss: mean * (1 + 0.45 * noise(i)),
      gradientNorm: 1.2 + 0.4 * noise(i + 7),
      learningRates: Object.fromEntries(groups.map(({ name, learningRate }) => [name, learningRate * factor])),
      tokens: 492,
      tokensPerSecond: 4200 + 300 * noise(i),
      secondsLeft: (totalSteps - i - 1) * 0.25,
    };
  });
}

/** One run of the trainer: start, steps with an evaluation after each epoch, end. */
export function runEvents(start: StartEvent, from: number, evaluations: Evaluation[]): TrainingEvent[] {
  const last = evaluations.at(-1)!;
  const steps = stepEvents(from, last.loss, start);
  const events: TrainingEvent[] = [start];
  const cache = {
    type: "cache" as const,
    enabled: true,
    reason: "",
    boundary: start.trainable.includes("transformer.h.2.ln_1.weight") ? "h.2" : "score",
    gpuBytes: 12_582_912,
    hostBytes: 0,
  };
  events.push({ ...cache, computed: 0, reused: 0, secondsSaved: 0 });
  steps.forEach((step, i) => {
    events.push(step);
    const epochEnd = steps[i + 1]?.epoch !== step.epoch;
    const evaluation = evaluations[step.epoch - 1];
    if (epochEnd && evaluation) {
      events.push({
        type: "evaluation",
        step: step.step,
        epoch: step.epoch,
        split: "valid",
        evaluation,
        best: true,
        seconds: 2.1,
      });
    }
  });
  events.push(
    { ...cache, computed: 1500, reused: 2000, secondsSaved: 21.4 },
    {
      type: "end",
      reason: "finished",
      steps: start.totalSteps,
      seconds: 32.5,
      bestStep: start.totalSteps,
      evaluation: last,
      tokens: start.totalSteps * 492,
      peakBytes: 222_298_112,
    },
  );
  return events;
}

/** The recipe of `npm start` as a stream: the measure before, the head alone, the last two blocks. */
export function recipeEvents(): TrainingEvent[] {
  return [
    {
      type: "evaluation",
      step: 0,
      epoch: 0,
      split: "valid",
      evaluation: BEFORE,
      best: true,
      seconds: 2.2,
    },
    { type: "stage", name: "head", index: 1, count: 2, description: "Trains the new head; the trunk is frozen." },
    ...runEvents(startEvent(), Math.LN2, [AFTER_HEAD, AFTER_HEAD]),
    { type: "stage", name: "last two blocks", index: 2, count: 2, description: "Goes on with h.2, h.3 and ln_f." },
    ...runEvents(SECOND_START, 0.16, [AFTER, AFTER]),
  ];
}

/** The report of that recipe. */
export function madeUpReport(overrides: Partial<RunReport> = {}): RunReport {
  const first = startEvent();
  return {
    title: "Spam in text messages: GPT-2 mini, fine-tuned",
    createdAt: "2026-03-14T09:26:53.000Z",
    adapter: first.adapter,
    model: first.model,
    task: "classify",
    data: {
      source: "sms-spam/sms.tsv",
      trainExamples: 1000,
      validExamples: 500,
      classes: [
        { label: "ham", train: 866, valid: 430 },
        { label: "spam", train: 134, valid: 70 },
      ],
      attribution: "SMS Spam Collection, T. A. Almeida and J. M. Gómez Hidalgo, CC BY 4.0",
    },
    stages: [
      {
        name: "head",
        description: "Trains the new head; the trunk is frozen.",
        start: first,
        events: runEvents(first, Math.LN2, [AFTER_HEAD, AFTER_HEAD]),
      },
      {
        name: "last two blocks",
        description: "Goes on with h.2, h.3 and ln_f at a reduced learning rate.",
        start: SECOND_START,
        events: runEvents(SECOND_START, 0.16, [AFTER, AFTER]),
      },
    ],
    before: BEFORE,
    after: AFTER,
    samples: [
      {
        text: "Ok lar... Joking wif u oni...",
        label: "ham",
        before: { label: "ham", probability: 0.5 },
        after: { label: "ham", probability: 0.9987 },
      },
      {
        text: "Free entry in 2 a wkly comp to win FA Cup final tkts 21st May 2005. Text FA to 87121 to receive entry question(std txt rate)T&C's apply 08452810075over18's",
        label: "spam",
        before: { label: "ham", probability: 0.5 },
        after: { label: "spam", probability: 0.9731 },
      },
      {
        text: 'Did you hear about the new "Divorce Barbie"? It comes with all of Ken\'s stuff!',
        label: "spam",
        before: { label: "ham", probability: 0.5 },
        after: { label: "ham", probability: 0.8123 },
      },
    ],
    settings: { trainExamples: 1000, validExamples: 500, seed: 42 },
    ...overrides,
  };
}
