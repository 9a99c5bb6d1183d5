import { describe, expect, it } from "vitest";
import type { EvaluationEvent, StartEvent, StepEvent, TrainingEvent } from "../../src/finetune/index.ts";
import { MemoryDirectory } from "../../src/io/index.ts";
import type { FineTuneJob } from "../../src/jobs/index.ts";
import { EventLog } from "../../src/session/host/event-log.ts";
import { MemoryFolder } from "../../src/session/host/folders.ts";
import { KeptRun } from "../../src/session/host/kept-run.ts";
import { pack, unpack } from "../../src/session/host/packing.ts";

const start = { type: "start", totalSteps: 4 } as StartEvent;
const stage = (index: number): TrainingEvent => ({ type: "stage", name: `${index}`, index, count: 2, description: "" });
const step = (number: number, loss = number): StepEvent =>
  ({ type: "step", step: number, totalSteps: 4, loss }) as StepEvent;
const evaluation = (number: number, seconds = 0): EvaluationEvent =>
  ({ type: "evaluation", step: number, seconds, evaluation: { loss: 1, count: 1 } }) as EvaluationEvent;
const prepare: TrainingEvent = { type: "prepare", done: 1, total: 2 };
const end = { type: "end", steps: 2, evaluation: null } as TrainingEvent;
const logOf = (...events: TrainingEvent[]): EventLog => new EventLog(events);
const add = (log: EventLog, ...events: TrainingEvent[]): void => {
  for (const event of events) log.add(event);
};

describe("the log of a run", () => {
  it("forgets what came after a checkpoint, and has what is told again once", () => {
    const log = logOf(start, evaluation(0), prepare, step(1), step(2), evaluation(2), step(3));
    expect([log.step, log.totalSteps]).toEqual([3, 4]);
    log.goBackTo(2);
    expect(log.step).toBe(2);
    add(log, start, prepare, step(3, 30), step(4), end);
    expect(log.events).toEqual([start, evaluation(0), step(1), step(2), evaluation(2), step(3, 30), step(4), end]);
    expect(log.recorded().stages).toHaveLength(1);
  });

  it("has an evaluation once that was made up for, in its newest form", () => {
    const log = logOf(start, step(1), step(2), evaluation(2, 1));
    log.goBackTo(2);
    add(log, start, evaluation(2, 5), step(3));
    expect(log.events).toEqual([start, step(1), step(2), evaluation(2, 5), step(3)]);
  });

  it("begins anew where there was no step yet", () => {
    const log = logOf(start, evaluation(0), step(1));
    log.goBackTo(0);
    add(log, start, evaluation(0), step(1));
    expect(log.events).toEqual([start, evaluation(0), step(1)]);
  });

  it("keeps stages apart, whichever of them it goes back to", () => {
    const first = [stage(1), start, step(1), step(2), end];
    const log = logOf(...first, stage(2), start, step(3));
    log.goBackTo(2);
    // The checkpoint of the end of the first stage is gone on from in the first, that of the second's beginning in the second.
    add(log, stage(1), start, end, stage(2), start, step(3), step(4));
    expect(log.events).toEqual([...first, stage(2), start, step(3), step(4)]);
    log.goBackTo(2);
    add(log, stage(2), start, step(3));
    expect(log.events.slice(-3)).toEqual([stage(2), start, step(3)]);
    expect(log.recorded().stages).toHaveLength(2);
  });
});

describe("a kept run", () => {
  const job: FineTuneJob = {
    task: "image-classify",
    model: {
      kind: "files",
      name: "mini",
      files: { "config.json": new Blob(["{}"]), "w.safetensors": new Blob(["weights"]) },
    },
    data: {
      kind: "images",
      name: "drawn",
      images: [
        { label: "one", image: { channels: 1, height: 1, width: 2, data: Uint8Array.of(7, 9) } },
        { label: "two", image: new Blob(["png"], { type: "image/png" }), name: "2.png" },
      ],
    },
    settings: { rates: { "h.1": 1e-4 }, augment: ["flip"] },
  };

  it("has its job with all its bytes, and the files of its model as a directory", async () => {
    const folder = new MemoryFolder();
    const bytes: string[] = [];
    await new KeptRun(folder).begin(job, (file, loaded, total) => bytes.push(`${file} ${loaded}/${total}`));
    expect(bytes).toEqual(["config.json 2/9", "w.safetensors 9/9"]);
    const kept = new KeptRun(folder);
    const own = (await kept.job())!;
    const { images } = own.data as Extract<typeof job.data, { kind: "images" }>;
    expect(images[0]).toEqual({ label: "one", image: { channels: 1, height: 1, width: 2, data: Uint8Array.of(7, 9) } });
    const file = images[1].image as Blob;
    expect([images[1].name, file.type, await file.text()]).toEqual(["2.png", "image/png", "png"]);
    expect(own).toMatchObject({
      task: "image-classify",
      settings: job.settings,
      model: { kind: "files", name: "mini" },
    });
    const model = kept.model("mini");
    expect([
      model.name,
      await model.list(),
      await model.readText("w.safetensors"),
      await model.has("job.json"),
    ]).toEqual([...["mini", ["config.json", "w.safetensors"], "weights"], false]);
    expect(await kept.describe()).toMatchObject({ step: 0, totalSteps: null, ended: null, evaluation: null });
  });

  it("is gone when another begins, and refuses what another version kept", async () => {
    const folder = new MemoryFolder();
    const kept = new KeptRun(folder);
    await kept.begin(job, () => {});
    await kept.keepEvents(logOf(start, step(1)), "cancelled");
    await kept.begin({ ...job, model: { kind: "url", url: "/m" } }, () => {});
    expect(await folder.list()).toEqual(["job.bin", "job.json"]);
    await folder.writeText("job.json", '{"format":"graft-run","version":2}');
    await expect(kept.job()).rejects.toThrow("memory/job.json: not a run that this version kept");
  });

  it("packs bytes wherever they stand", async () => {
    const value = {
      list: [Uint8Array.of(1), [Uint8Array.of(2, 3)], null, "text", 0.5, true],
      empty: new Uint8Array(0),
    };
    const directory = new MemoryDirectory("packed");
    const json = await pack(value, directory, "bytes");
    expect(await unpack(json, await directory.open("bytes"))).toEqual(value);
  });
});
