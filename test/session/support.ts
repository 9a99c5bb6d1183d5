import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import type { TrainingEvent } from "../../src/finetune/index.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import type { FineTuneJob, JobSettings, SessionEvent, SessionOptions, SessionRun } from "../../src/session/index.ts";
import { FineTuneSession } from "../../src/session/session.ts";
import { useGpu } from "../support/gpu.ts";

export const MODEL = "assets/gpt2-mini-en";

/** The first messages of the bundled data. */
export const messages = (count: number): string =>
  `${readFileSync("assets/sms-spam/sms.tsv", "utf8").split("\n").slice(0, count).join("\n")}\n`;

/** Training of the head and the last block on a few messages: 8 steps in two epochs. */
export function smallJob(settings: JobSettings = {}): FineTuneJob {
  return {
    task: "classify",
    model: { kind: "path", path: MODEL },
    data: { kind: "text", name: "few.tsv", text: messages(40) },
    settings: { unfreeze: "h.3,ln_f", maxLength: 12, batch: 8, epochs: 2, validFraction: 0.2, ...settings },
  };
}

/** The files of a directory as a page has them. */
export async function filesOf(path: string): Promise<Record<string, Blob>> {
  const names = (await readdir(path)).filter((name) => /\.(json|txt|safetensors)$/.test(name));
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name) => [name, new Blob([new Uint8Array(await readFile(join(path, name)))])] as const),
    ),
  );
}

/** Opens sessions in this thread on one handle, whose kernels are compiled once, and closes what a test has left open. */
export function useSessions() {
  const gpu = useGpu();
  const open: FineTuneSession[] = [];
  afterEach(async () => {
    for (const session of open.splice(0)) await session.close();
  });
  // A session closes its handle; this one is closed when the file's tests are over.
  const openGpu = async (): Promise<Gpu> => Object.assign(gpu(), { close: () => {} });
  afterAll(() => {
    Reflect.deleteProperty(gpu(), "close");
  });
  return async (
    options: Parameters<typeof FineTuneSession.open>[0] & SessionOptions = {},
  ): Promise<FineTuneSession> => {
    const session = await FineTuneSession.open({ worker: "here", storage: false, openGpu, ...options });
    open.push(session);
    return session;
  };
}

/** All events of a run; `onEvent` may act on them as they come. */
export async function collect(
  run: SessionRun,
  onEvent: (event: SessionEvent) => unknown = () => {},
): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const event of run) {
    events.push(event);
    await onEvent(event);
  }
  return events;
}

export const ofType = <T extends SessionEvent["type"]>(events: readonly SessionEvent[], type: T) =>
  events.filter((event): event is Extract<SessionEvent, { type: T }> => event.type === type);

/** The loss of every step as it counts in the end: where a step was taken again, the later one. */
export function losses(events: readonly (SessionEvent | TrainingEvent)[]): number[] {
  const byStep: number[] = [];
  for (const event of events) if (event.type === "step") byStep[event.step - 1] = event.loss;
  return byStep;
}

export async function bytesOf(files: Readonly<Record<string, Blob>>, file = "model.safetensors"): Promise<Buffer> {
  return Buffer.from(await files[file].arrayBuffer());
}
