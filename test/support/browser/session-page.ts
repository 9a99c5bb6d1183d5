import { clearStored } from "../../../src/io/browser/index.ts";
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
  run(settings: JobSettings | "pick up"): Promise<Seen>;
  /** SHA-256 of the weights as they would be saved. */
  weights(): Promise<string>;
  readonly steps: number[];
  session: FineTuneSession;
  job(settings: JobSettings): Promise<FineTuneJob>;
  /** Closes the session at the first event of a kind of a run, or without one; gives how the run ended. */
  closeAt(type: SessionEvent["type"] | null): Promise<string>;
  /** Names of the locks that anyone of the site has or waits for. */
  locks(): Promise<string[]>;
  /** Deletes what the site has stored. */
  clear(): Promise<void>;
  /** Keeps the main thread busy for a few tenths of a second of the processor's time. */
  block(): number;
}

const steps: number[] = [];
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
  async run(settings) {
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
    for await (const event of run) take(event);
    return seen;
  },
  async weights() {
    const { files } = await graft.session.save();
    const digest = await crypto.subtle.digest("SHA-256", await files["model.safetensors"].arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  },
  async closeAt(type) {
    const { session } = graft;
    let end = "nothing";
    if (type === null) await session.close();
    else {
      const closing: Promise<void>[] = [];
      try {
        for await (const event of session.start(await graft.job({}))) {
          if (event.type === type && closing.length === 0) closing.push(session.close());
          end = event.type;
        }
      } catch (error) {
        end = (error as Error).message;
      }
      await Promise.all(closing);
    }
    return end;
  },
  async locks() {
    const { held = [], pending = [] } = await navigator.locks.query();
    return [...held, ...pending].map(({ name }) => name ?? "");
  },
  async clear() {
    await clearStored("session");
  },
  block() {
    let value = 1;
    for (let i = 0; i < 300_000_000; i++) value = (Math.imul(value, 31) + i) | 0;
    return value;
  },
};

(globalThis as unknown as { graft: SessionPage }).graft = graft;
document.title = "ready";
