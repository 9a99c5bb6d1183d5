import type { BenchReport, BenchRow } from "../../src/bench/index.ts";
import type { BenchAdapter, BenchOrder, Message, Order } from "./protocol.ts";

/** What a run tells its view as it goes. */
export interface RunView {
  /** The report so far: first with the peaks alone, then with the rows that have come. */
  onReport(report: BenchReport): void;
  onStep(message: Extract<Message, { type: "begin" | "progress" }>): void;
}

/** How long a worker may take to stop by itself before it is ended: it may be within one long dispatch. */
const PATIENCE = 1500;

/** The bench in a worker of its own, so that the page never waits for it. One run at a time. */
export class Bench {
  #worker!: Worker;
  #opened!: Promise<BenchAdapter>;
  #run: { view: RunView; report?: BenchReport; end(report: BenchReport | null, error?: Error): void } | undefined;

  constructor(private readonly script: URL) {
    this.#start();
  }

  /** The adapter of the worker. @throws where there is none. */
  get adapter(): Promise<BenchAdapter> {
    return this.#opened;
  }

  get isRunning(): boolean {
    return this.#run !== undefined;
  }

  /**
   * Measures. What the view was told stays true when the run is stopped or fails.
   *
   * @returns the report, or null when it was stopped.
   */
  run(order: BenchOrder, view: RunView): Promise<BenchReport | null> {
    if (this.#run) throw new Error("a run is under way");
    return new Promise((resolve, reject) => {
      const end = (report: BenchReport | null, error?: Error): void => {
        this.#run = undefined;
        if (error) reject(error);
        else resolve(report);
      };
      this.#run = { view, end };
      this.#post({ type: "run", order });
    });
  }

  /** Stops the run at once: the worker by itself, or, where it does not listen, with a new one in its place. */
  stop(): void {
    const run = this.#run;
    if (!run) return;
    this.#post({ type: "stop" });
    setTimeout(() => {
      if (this.#run !== run) return;
      this.#worker.terminate();
      this.#start();
      run.end(null);
    }, PATIENCE);
  }

  #post(order: Order): void {
    this.#worker.postMessage(order);
  }

  #start(): void {
    const worker = new Worker(this.script, { type: "module" });
    this.#worker = worker;
    this.#opened = new Promise((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Message>) => {
        if (data.type === "open") resolve(data.adapter);
        else if (data.type === "error" && !this.#run) reject(new Error(data.message));
        else this.#take(data);
      });
      worker.addEventListener("error", ({ message }) => {
        const error = new Error(message || "the worker of the bench could not be started");
        reject(error);
        this.#run?.end(null, error);
      });
    });
    // Whoever asks for the adapter gets the error; where nobody does, it is no other's.
    this.#opened.catch(() => {});
  }

  #take(message: Message): void {
    const run = this.#run;
    if (!run) return;
    switch (message.type) {
      case "begin":
      case "progress":
        run.view.onStep(message);
        break;
      case "report":
        run.report = message.report;
        run.view.onReport(message.report);
        break;
      case "rows":
        run.report = withRows(run.report!, message.rows);
        run.view.onReport(run.report);
        break;
      case "end":
        run.view.onReport(message.report);
        run.end(message.report);
        break;
      case "stopped":
        run.end(null);
        break;
      case "error":
        run.end(null, new Error(message.message));
    }
  }
}

const withRows = (report: BenchReport, rows: readonly BenchRow[]): BenchReport => ({
  ...report,
  rows: [...report.rows, ...rows],
});
