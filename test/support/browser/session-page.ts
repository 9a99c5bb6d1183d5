import type { JobSettings, SessionEvent, SessionOptions } from "../../../src/session/index.ts";
import { type FineTuneJob, FineTuneSession } from "../../../src/session/index.ts";

/** What a run showed, as a test in Node wants it. */
export interface Seen {
  /** Types of the events in order, each once where several of a kind follow one another. */
  types: string[];
  /** Loss of each step as it counts in the end. */
  losses: number[];
  /** Steps in the order in which they came. */
  steps: number[];
  history: number | null;
  recovered: number | null;
  bytes: { loaded: number; total: number } | null;
}

/** The functions of a page that has a session, for a test to call. */
export interface SessionPage {
  open(options?: SessionOptions): Promise<string>;
  /** Runs a small job, or what was kept, to its end. */
  run(settings: JobSettings | "pick up", onStep?: string): Promise<Seen>;
  /** SHA-256 of the weights as they would be saved. */
  weights(): Promise<string>;
  readonly steps: number[];
  session: FineTuneSession;
  job(settings: JobSettings): Promise<FineTuneJob>;
  /** Longest task of the main thread in milliseconds since this was called; `stop` gives it. */
  watchTasks(): void;
  longestTask(): Promise<number>;
  /** Keeps the main thread busy: what the watch has to notice. */
  block(milliseconds: number): Promise<void>;
}

const steps: number[] = [];
let tasks: PerformanceObserver | undefined;
let longest = 0;

const nextTask = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve();
    port2.postMessage(null);
  });

const graft: SessionPage = {
  steps,
  session: undefined as unknown as FineTuneSession,
  async open(options = {}) {
    graft.session = await FineTuneSession.open({ worker: "session-worker.js", ...options });
    return graft.session.adapter.class;
  },
  async job(settings) {
    const text = await (await fetch("assets/sms-spam/sms.tsv")).text();
    return {
      task: "classify",
      model: { kind: "url", url: "assets/gpt2-mini-en" },
      data: { kind: "text", name: "few.tsv", text: `${text.split("\n").slice(0, 40).join("\n")}\n` },
      settings: {
        unfreeze: "score",
        maxLength: 12,
        batch: 8,
        epochs: 10,
        evalEvery: 4,
        validFraction: 0.2,
        ...settings,
      },
    };
  },
  async run(settings, onStep) {
    const seen: Seen = { types: [], losses: [], steps: [], history: null, recovered: null, bytes: null };
    const take = (event: SessionEvent): void => {
      if (event.type === "history") {
        seen.history = event.step;
        for (const one of event.events) if (one.type === "step") seen.losses[one.step - 1] = one.loss;
      }
      if (event.type === "recovered") seen.recovered = event.step;
      if (event.type === "bytes") seen.bytes = { loaded: event.loaded, total: event.total };
      if (event.type === "step") {
        seen.losses[event.step - 1] = event.loss;
        seen.steps.push(event.step);
        steps.push(event.step);
      }
      if (seen.types.at(-1) !== event.type) seen.types.push(event.type);
    };
    const { session } = graft;
    const run = settings === "pick up" ? session.pickUp() : session.start(await graft.job(settings));
    for await (const event of run) {
      take(event);
      if (onStep && event.type === "step") new BroadcastChannel(onStep).postMessage(event.step);
    }
    return seen;
  },
  async weights() {
    const { files } = await graft.session.save();
    const digest = await crypto.subtle.digest("SHA-256", await files["model.safetensors"].arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  },
  watchTasks() {
    longest = 0;
    tasks ??= new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    });
    tasks.observe({ type: "longtask" });
  },
  async longestTask() {
    for (let i = 0; i < 3; i++) await nextTask();
    for (const { duration } of tasks!.takeRecords()) longest = Math.max(longest, duration);
    return longest;
  },
  async block(milliseconds) {
    await nextTask();
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
    await nextTask();
  },
};

(globalThis as unknown as { graft: SessionPage }).graft = graft;
document.title = "ready";
