import type {
  CacheEvent,
  Evaluation,
  EvaluationEvent,
  PrepareEvent,
  StartEvent,
  StepEvent,
  TrainingEvent,
} from "../finetune/events.ts";
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatLoss,
  formatPercent,
  formatRate,
  formatSteps,
  joinParts,
  modelParts,
  unitsOf,
} from "../finetune/format.ts";
import { cacheEvents, describeEnd, describeEvaluation, metricRows, totals } from "../finetune/summary.ts";
import type { Output } from "./context.ts";
import { bar, ProgressLine, type Segment } from "./progress.ts";
import { printable, table } from "./text.ts";

/** Shows a training run as it goes. */
export interface Renderer {
  event(event: TrainingEvent): void;
  /** A line of the command's own, above the progress line; not shown with `--json`. */
  note(text: string): void;
  /**
   * The closing table. `before` and `after` are by default the first evaluation, when it came before any step, and the
   * evaluation of the weights that were kept.
   */
  summary(evaluations?: { before?: Evaluation | null; after?: Evaluation | null }): void;
  /** Takes the progress line away, so that an error has a line of its own. */
  clear(): void;
}

export interface RenderOptions {
  readonly json?: boolean;
  /** Milliseconds. */
  readonly now: () => number;
}

type Units = ReturnType<typeof unitsOf>;

/** Lines for the first steps, one each, and about how many more a run gets when it is piped. */
const FIRST_STEPS = 10;
const FURTHER_LINES = 30;
/** A confusion matrix of more classes is left to the report. */
const MATRIX_CLASSES = 10;

/** A live line on a terminal, plain lines elsewhere, or one JSON object a line. */
export function createRenderer(output: Output, options: RenderOptions): Renderer {
  return options.json ? new JsonRenderer(output) : new TextRenderer(output, options.now);
}

/** JSON of one line. What JSON has no number for becomes a string that Number() and Python's float() read. */
export function jsonLine(value: unknown): string {
  const replace = (_key: string, item: unknown) =>
    typeof item === "number" && !Number.isFinite(item) ? String(item) : item;
  return `${JSON.stringify(value, replace)}\n`;
}

class JsonRenderer implements Renderer {
  constructor(private readonly output: Output) {}

  event(event: TrainingEvent): void {
    this.output.write(jsonLine(event));
  }

  note(): void {}
  summary(): void {}
  clear(): void {}
}

class TextRenderer implements Renderer {
  readonly #line: ProgressLine;
  readonly #isTTY: boolean;
  readonly #events: TrainingEvent[] = [];
  #start: StartEvent | undefined;
  #stage = "";
  /** Steps since the last `start`. */
  #stepsOfRun = 0;
  #cacheShown = false;

  constructor(output: Output, now: () => number) {
    this.#line = new ProgressLine(output, now);
    this.#isTTY = output.isTTY;
  }

  event(event: TrainingEvent): void {
    this.#events.push(event);
    switch (event.type) {
      case "start":
        this.#line.clear();
        this.note(describeStart(event, this.#start).join("\n"));
        this.#start = event;
        this.#stepsOfRun = 0;
        this.#cacheShown = false;
        break;
      case "stage":
        this.#line.clear();
        this.#stage = event.name;
        this.note(
          `\nStage ${event.index} of ${event.count}: ${printable(event.name)}. ${printable(event.description)}`,
        );
        break;
      case "step":
        this.#stepsOfRun++;
        if (this.#isTTY) this.#line.update(stepSegments(event, this.#stage, this.#units));
        else if (this.#isLineDue()) this.note(stepLine(event, this.#units));
        break;
      case "evaluation":
        this.note(evaluationLine(event));
        break;
      case "prepare":
        if (this.#isTTY) this.#line.update(prepareSegments(event));
        else if (event.done === event.total) this.note(`${prepareText(event)}: done`);
        break;
      case "cache":
        // Later ones only count on; the summary has the sum.
        if (!this.#cacheShown) this.note(cacheLine(event));
        this.#cacheShown = true;
        break;
      case "checkpoint":
        this.note(`checkpoint at step ${event.step}: ${printable(event.path)}`);
        break;
      case "notice":
        this.note(`note: ${printable(event.message)}`);
        break;
      case "end":
        this.#line.clear();
        this.note(
          `${describeEnd(event)} after ${formatSteps(this.#stepsOfRun)} in ${formatDuration(event.seconds)}` +
            (event.bestStep === null ? "" : `; kept the weights of step ${event.bestStep}`),
        );
        break;
    }
  }

  get #units(): Units {
    return unitsOf(this.#start?.task);
  }

  note(text: string): void {
    this.#line.print(text);
  }

  clear(): void {
    this.#line.clear();
  }

  summary(evaluations: { before?: Evaluation | null; after?: Evaluation | null } = {}): void {
    this.#line.clear();
    const { before = this.#firstEvaluation(), after = this.#lastEvaluation() } = evaluations;
    const rows = metricRows(before, after).map(({ name, before, after }) => [
      printable(name),
      before ?? "–",
      after ?? "–",
    ]);
    if (rows.length > 0) {
      this.note(["", ...table([["", "before", "after"], ...rows], ["left", "right", "right"])].join("\n"));
    }
    if (after) this.note(confusionTable(after).join("\n"));
    this.note(`\n${table(this.#facts()).join("\n")}`);
  }

  /** Whether a piped run prints this step: the first ones, then every n-th, and the last. */
  #isLineDue(): boolean {
    const total = this.#start?.totalSteps ?? 0;
    const interval = Math.max(1, Math.ceil((total - FIRST_STEPS) / FURTHER_LINES));
    const step = this.#stepsOfRun;
    return step <= FIRST_STEPS || step % interval === 0 || step === total;
  }

  #firstEvaluation(): Evaluation | null {
    const first = this.#events.find(({ type }) => type === "evaluation" || type === "step");
    return first?.type === "evaluation" ? first.evaluation : null;
  }

  #lastEvaluation(): Evaluation | null {
    const last = this.#events.findLast(
      (event) => (event.type === "end" && event.evaluation) || (event.type === "evaluation" && event.step > 0),
    );
    return last && "evaluation" in last ? last.evaluation : null;
  }

  #facts(): string[][] {
    const facts: string[][] = [];
    const start = this.#start;
    if (start) {
      const { trained, frozen } = describeParts(start);
      facts.push(["trained", `${trainedShare(start)}: ${trained}`], ["frozen", frozen || "nothing"]);
    }
    const caches = cacheEvents(this.#events).filter(({ reused }) => reused > 0);
    if (caches.length > 0) facts.push(["activations", savedWork(caches)]);
    const { steps, seconds, tokens, peakBytes } = totals(this.#events);
    facts.push([
      "time",
      `${formatDuration(seconds)} for ${formatSteps(steps)} and ${formatCount(tokens)} ${this.#units.many}`,
    ]);
    if (peakBytes > 0) facts.push(["memory", `${formatBytes(peakBytes)} of buffers at most`]);
    return facts;
  }
}

/** What a run is about to do; of a later run of the same recipe only what is new. The command has named the adapter. */
function describeStart(start: StartEvent, previous: StartEvent | undefined): string[] {
  const { trained, frozen } = describeParts(start);
  const lines: string[][] = [];
  if (start.model !== previous?.model) {
    lines.push(["model", `${printable(start.model)}, ${formatCount(start.parameters)} parameters`]);
  }
  const { trainExamples, validExamples } = start;
  if (trainExamples !== previous?.trainExamples || validExamples !== previous.validExamples) {
    lines.push([
      "data",
      `${formatCount(trainExamples)} training and ${formatCount(validExamples)} validation examples`,
    ]);
  }
  lines.push(["trained", `${trainedShare(start)}: ${trained}`], ["frozen", frozen || "nothing"]);
  const epochs = start.epochs === 1 ? "1 epoch" : `${start.epochs} epochs`;
  const rates = formatRates(start.groups.map(({ learningRate }) => learningRate));
  lines.push(["plan", `${epochs}, ${formatSteps(start.totalSteps)}, learning rate ${rates}`]);
  return table(lines);
}

function describeParts({ trainable, frozen }: StartEvent): { trained: string; frozen: string } {
  const parts = modelParts(trainable, frozen);
  const names = (kind: "all" | "some" | "none") =>
    printable(joinParts(parts.filter(({ trained }) => trained === kind).map(({ name }) => name)));
  const partly = names("some");
  return {
    trained: [names("all"), partly && `in part ${partly}`].filter(Boolean).join("; ") || "nothing",
    frozen: names("none"),
  };
}

function trainedShare({ parameters, trainableParameters }: StartEvent): string {
  const share = parameters > 0 ? trainableParameters / parameters : 0;
  const digits = share > 0 && share < 0.001 ? 3 : 1;
  return `${formatCount(trainableParameters)} of ${formatCount(parameters)} parameters (${formatPercent(share, digits)})`;
}

/** The one rate, or the lowest and the highest. */
function formatRates(rates: readonly number[]): string {
  if (rates.length === 0) return "–";
  const [low, high] = [formatRate(Math.min(...rates)), formatRate(Math.max(...rates))];
  return low === high ? low : `${low} … ${high}`;
}

function stepSegments(event: StepEvent, stage: string, units: Units): Segment[] {
  const { step, totalSteps, loss, learningRates, tokensPerSecond, secondsLeft } = event;
  return [
    { text: printable(stage), rank: 4 },
    { text: `step ${padStep(step, totalSteps)}/${totalSteps}`, rank: 0 },
    { text: bar(totalSteps > 0 ? step / totalSteps : 0, 16), rank: 6 },
    { text: `loss ${formatLoss(loss)}`, rank: 1 },
    { text: `lr ${formatRates(Object.values(learningRates))}`, rank: 3 },
    { text: `${formatCount(Math.round(tokensPerSecond))} ${units.rate}`, rank: 5 },
    { text: secondsLeft === null ? "" : `ETA ${formatClock(secondsLeft)}`, rank: 2 },
  ];
}

const prepareText = ({ total }: PrepareEvent): string =>
  `frozen part, run once for each of ${formatCount(total)} training examples`;

function prepareSegments(event: PrepareEvent): Segment[] {
  return [
    { text: `${formatCount(event.done)}/${formatCount(event.total)}`, rank: 0 },
    { text: bar(event.done / event.total, 16), rank: 2 },
    { text: prepareText(event), rank: 1 },
  ];
}

function stepLine(event: StepEvent, units: Units): string {
  const { step, totalSteps, epoch, loss, gradientNorm, learningRates, tokensPerSecond, secondsLeft } = event;
  const parts = [
    `step ${padStep(step, totalSteps)}/${totalSteps}`,
    `epoch ${epoch}`,
    `loss ${formatLoss(loss)}`,
    gradientNorm === null ? "" : `gradient ${formatLoss(gradientNorm)}`,
    `lr ${formatRates(Object.values(learningRates))}`,
    `${formatCount(Math.round(tokensPerSecond))} ${units.rate}`,
    secondsLeft === null ? "" : `ETA ${formatClock(secondsLeft)}`,
  ];
  return parts.filter(Boolean).join("  ");
}

function padStep(step: number, total: number): string {
  return String(step).padStart(String(total).length);
}

function evaluationLine({ step, evaluation, best, seconds }: EvaluationEvent): string {
  const what = step === 0 ? "before training" : `validation at step ${step}`;
  const mark = best && step > 0 ? ", best so far" : "";
  return `${what}: ${printable(describeEvaluation(evaluation))} (${formatDuration(seconds)}${mark})`;
}

function cacheLine({ enabled, reason, boundary, gpuBytes, hostBytes }: CacheEvent): string {
  if (!enabled) return `activations are computed anew each time: ${printable(reason)}`;
  const bytes =
    gpuBytes + hostBytes > 0 ? ` (${formatBytes(gpuBytes)} on the GPU, ${formatBytes(hostBytes)} beside it)` : "";
  return `activations below ${printable(boundary)} are computed once and kept${bytes}`;
}

/** What the caches of all runs saved together. */
function savedWork(caches: readonly CacheEvent[]): string {
  const sum = (value: (cache: CacheEvent) => number) => caches.reduce((total, cache) => total + value(cache), 0);
  return (
    `computed for ${formatCount(sum(({ computed }) => computed))} examples, ` +
    `reused ${formatCount(sum(({ reused }) => reused))} times, ` +
    `about ${formatDuration(sum(({ secondsSaved }) => secondsSaved))} saved`
  );
}

/** Rows are the true classes, columns the predicted ones. */
function confusionTable({ confusionMatrix, labels, count }: Evaluation): string[] {
  if (!confusionMatrix || !labels) return [];
  const title = `Confusion matrix after training, ${formatCount(count)} examples (rows true, columns predicted)`;
  if (labels.length > MATRIX_CLASSES) return ["", `The confusion matrix of ${labels.length} classes is in the report.`];
  const names = labels.map((label) => {
    const name = printable(label);
    return name.length > 16 ? `${name.slice(0, 15)}…` : name;
  });
  const rows = confusionMatrix.map((row, i) => [`  ${names[i]}`, ...row.map(formatCount)]);
  return ["", title, ...table([["", ...names], ...rows], ["left", ...names.map(() => "right" as const)])];
}
