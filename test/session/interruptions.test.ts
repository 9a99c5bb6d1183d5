import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Gpu } from "../../src/gpu/index.ts";
import { MemoryFolder } from "../../src/session/host/folders.ts";
import type { SessionEvent } from "../../src/session/index.ts";
import { bytesOf, collect, filesOf, losses, MODEL, ofType, smallJob, useSessions } from "./support.ts";

const open = useSessions();
const job = smallJob();
const types = (events: readonly SessionEvent[]): string[] => events.map(({ type }) => type);

/** A run without interruptions: its losses and its weights. */
async function uninterrupted(own = job): Promise<{ losses: number[]; weights: Buffer; report: string }> {
  const session = await open();
  const events = await collect(session.start(own));
  const { files } = await session.save();
  await session.close();
  return { losses: losses(events), weights: await bytesOf(files), report: await files["report.html"].text() };
}

describe("a run that is held", () => {
  it("stops before the next step, is kept there, answers meanwhile, and goes on to the same bits", async () => {
    const whole = await uninterrupted();
    const session = await open({ storage: new MemoryFolder() });
    const seen: SessionEvent[] = [];
    let held: Promise<void> | undefined;
    const states: string[] = [];
    for await (const event of session.start(job)) {
      seen.push(event);
      if (event.type === "step" && event.step === 3) held = session.pause();
      if (event.type !== "paused") continue;
      states.push(session.state);
      await held;
      // Nothing more comes while it is held.
      const before = seen.length;
      const [answer] = await session.predict({ which: "after", texts: ["Call now"] });
      expect(answer.classes).toHaveLength(2);
      expect(await session.stored()).toMatchObject({ step: event.step, totalSteps: 8, ended: null });
      expect(seen).toHaveLength(before);
      await session.resume();
    }
    const [paused] = ofType(seen, "paused");
    // Events are sent a little ahead: the run is held within one step of the one that it was at.
    expect(paused.step).toBeGreaterThanOrEqual(3);
    expect(ofType(seen, "checkpoint").map(({ step }) => step)).toContain(paused.step);
    expect(states).toEqual(["paused"]);
    const place = types(seen).indexOf("paused");
    expect(types(seen).slice(place, place + 2)).toEqual(["paused", "resumed"]);
    expect(losses(seen)).toEqual(whole.losses);
    expect((await bytesOf((await session.save()).files)).equals(whole.weights)).toBe(true);
  });

  it("is held within one step of being asked, and ends within one when it is cancelled", async () => {
    const session = await open();
    let asked = 0;
    const events = await collect(session.start(smallJob({ epochs: 50, evalEvery: 400 })), (event) => {
      if (event.type === "step" && event.step === 10) void session.pause();
      if (event.type === "paused") void session.resume();
      if (event.type === "step" && event.step === 20) {
        asked = event.step;
        void session.cancel();
      }
    });
    // What was asked for at a step comes while the next one is computed, at the latest.
    expect(ofType(events, "paused")[0].step).toBeLessThanOrEqual(12);
    const last = ofType(events, "step").at(-1)!.step;
    expect(last).toBeLessThanOrEqual(asked + 2);
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "cancelled", steps: last });
    expect(await session.stored()).toMatchObject({ ended: "cancelled", step: last });
    // What was cancelled is the run alone: the same job can be asked about, and is trained anew.
    expect(await session.plan(smallJob({ epochs: 50, evalEvery: 400 }))).toMatchObject({ fits: true });
    expect(await session.predict({ which: "before", texts: ["a"] })).toHaveLength(1);
  });

  it("may be cancelled before it began, and by leaving the loop", async () => {
    const session = await open();
    const run = session.start(job);
    const done = session.cancel();
    const events = await collect(run);
    await done;
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "cancelled", steps: 0 });
    for await (const event of session.start(job)) if (event.type === "step") break;
    await session.cancel();
    expect(session.state).toBe("idle");
    expect(await session.stored()).toMatchObject({ ended: "cancelled" });
    expect(losses(await collect(session.start(job)))).toHaveLength(8);
  });
});

describe("a model that is far away", () => {
  it("may be given up while it is awaited, and had at the next try", async () => {
    let isStuck = true;
    const server = createServer((request, response) => {
      const file = join(MODEL, (request.url ?? "").slice(1));
      if (!existsSync(file)) response.writeHead(404).end();
      else if (!isStuck || !file.endsWith(".safetensors")) response.end(readFileSync(file));
    });
    await new Promise<void>((listening) => server.listen(0, "localhost", listening));
    try {
      const { port } = server.address() as AddressInfo;
      const own = { ...job, model: { kind: "url" as const, url: `http://localhost:${port}/` } };
      const session = await open();
      const run = session.start(own);
      await session.describeData(own);
      await session.cancel();
      const events = await collect(run);
      expect(types(events).filter((type) => type !== "bytes")).toEqual(["end"]);
      expect(session.state).toBe("idle");
      isStuck = false;
      expect(losses(await collect(session.start(own)))).toHaveLength(8);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe("a run that is kept", () => {
  it("is picked up by another session, with its history, bit for bit: model and data are kept with it", async () => {
    const own = { ...job, model: { kind: "files" as const, name: "mini", files: await filesOf(MODEL) } };
    const whole = await uninterrupted(own);
    const folder = new MemoryFolder();
    const first = await open({ storage: folder });
    await collect(first.start(own), (event) => {
      if (event.type === "step" && event.step === 5) void first.cancel();
    });
    await first.close();

    const second = await open({ storage: folder });
    const stored = (await second.stored())!;
    expect(stored).toMatchObject({
      ended: "cancelled",
      totalSteps: 8,
      job: { task: "classify", settings: job.settings },
    });
    expect(stored.step).toBeGreaterThanOrEqual(5);
    expect(stored.step).toBeLessThan(8);
    const events = await collect(second.pickUp());
    const [history] = ofType(events, "history");
    expect(history.step).toBe(stored.step);
    expect(losses(history.events)).toEqual(whole.losses.slice(0, stored.step));
    expect(ofType(events, "step")[0].step).toBe(stored.step + 1);
    expect(losses([...history.events, ...events])).toEqual(whole.losses);
    const { files, command } = await second.save();
    expect((await bytesOf(files)).equals(whole.weights)).toBe(true);
    expect(command).toContain("--model mini");
    // The report tells of the whole run, as if it had not been interrupted.
    const counted = /from (\d+) training events/;
    const report = await files["report.html"].text();
    expect(report).toContain("Validation accuracy went from");
    expect(Number(counted.exec(report)![1])).toBeGreaterThanOrEqual(Number(counted.exec(whole.report)![1]));

    // A run that has ended gives its model again, without a step more.
    await second.close();
    const third = await open({ storage: folder });
    expect(await third.stored()).toMatchObject({ step: 8, ended: "finished" });
    const again = await collect(third.pickUp());
    expect(ofType(again, "step")).toEqual([]);
    expect((await bytesOf((await third.save()).files)).equals(whole.weights)).toBe(true);
    await third.forget();
    expect(await third.stored()).toBeNull();
    expect(await folder.list()).toEqual([]);
  });

  it("is at its checkpoint, also where the tab went while a newer one was written", async () => {
    const own = smallJob({ unfreeze: "score", epochs: 4, evalEvery: 2 });
    const whole = await uninterrupted(own);
    const folder = new MemoryFolder();
    const { create, writeText } = folder;
    let isGone = false;
    folder.writeText = async (file, text) => {
      if (isGone) throw new Error("the tab is closed");
      await writeText(file, text);
    };
    folder.create = async (file) => {
      // The events of the step are kept, its checkpoint is not: the third one is never written.
      if (file === "checkpoint.safetensors" && (await folder.readText("events.json")).includes('"step":6'))
        isGone = true;
      if (isGone) throw new Error("the tab is closed");
      return create(file);
    };
    const first = await open({ storage: folder });
    // Without a tab nobody would see it, but the run goes on where nothing can be written.
    expect(ofType(await collect(first.start(own)), "notice")).toHaveLength(1);
    Object.assign(folder, { create, writeText });
    const second = await open({ storage: folder });
    expect(await second.stored()).toMatchObject({ step: 4, totalSteps: 16, ended: null });
    const events = await collect(second.pickUp());
    const [history] = ofType(events, "history");
    expect([history.step, ofType(events, "step")[0].step]).toEqual([4, 5]);
    expect(losses([...history.events, ...events])).toEqual(whole.losses);
    expect((await bytesOf((await second.save()).files)).equals(whole.weights)).toBe(true);
  });

  it("goes on in whatever stage of gradual unfreezing it was", async () => {
    const own = smallJob({ unfreeze: undefined, gradual: 2, epochs: 1 });
    const whole = await uninterrupted(own);
    const folder = new MemoryFolder();
    const first = await open({ storage: folder });
    await collect(first.start(own), (event) => {
      if (event.type === "step" && event.step === 6) void first.cancel();
    });
    await first.close();
    const second = await open({ storage: folder });
    const events = await collect(second.pickUp());
    const [history] = ofType(events, "history");
    expect(losses([...history.events, ...events])).toEqual(whole.losses);
    const { files } = await second.save();
    expect((await bytesOf(files)).equals(whole.weights)).toBe(true);
    const stages = [...(await files["report.html"].text()).matchAll(/<h3>.*?<\/h3>/g)].map(([text]) => text);
    const before = [...whole.report.matchAll(/<h3>.*?<\/h3>/g)].map(([text]) => text);
    expect(stages).toEqual(before);
  });
});

describe("a device that is lost", () => {
  // The head alone: its kernels are few, and every device compiles them anew.
  const own = smallJob({ unfreeze: "score" });

  /** A session whose handles are at hand. */
  async function openWithHandles() {
    const handles: Gpu[] = [];
    const session = await open({
      openGpu: async () => {
        const gpu = await Gpu.open();
        handles.push(gpu);
        return gpu;
      },
    });
    return { session, handles };
  }

  it("is replaced: the run goes back to its last checkpoint, says so, and ends with the same bits", async () => {
    const whole = await uninterrupted(own);
    const { session, handles } = await openWithHandles();
    const events = await collect(session.start(own), (event) => {
      if (event.type === "step" && event.step === 6 && handles.length === 1) handles[0].device.destroy();
    });
    expect(handles).toHaveLength(2);
    const [[lost], [recovered]] = [ofType(events, "device-lost"), ofType(events, "recovered")];
    expect(lost.step).toBeGreaterThanOrEqual(6);
    expect(lost.message).toContain("The GPU device was lost");
    expect(recovered).toMatchObject({ adapter: handles[1].adapter.name });
    // At the evaluation, or later where the machine was so slow that a checkpoint was due by its time.
    expect(recovered.step).toBeGreaterThanOrEqual(4);
    const place = events.indexOf(recovered);
    expect(ofType(events.slice(place), "step")[0].step).toBe(recovered.step + 1);
    expect(losses(events)).toEqual(whole.losses);
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "finished", steps: 8 });
    expect((await bytesOf((await session.save()).files)).equals(whole.weights)).toBe(true);
  });

  it("is lost again and again: the run ends with an error that says so, and can be picked up", async () => {
    const { session, handles } = await openWithHandles();
    const run = session.start(own);
    const events: SessionEvent[] = [];
    const failing = collect(run, (event) => {
      events.push(event);
      if (event.type === "step" && event.step === 6) handles.at(-1)!.device.destroy();
    });
    await expect(failing).rejects.toThrow(
      /the GPU device was lost 3 times without the run getting on between.*from step [45]/,
    );
    expect(ofType(events, "device-lost").length).toBeGreaterThanOrEqual(3);
    expect(session.state).toBe("idle");
    await expect(session.predict({ which: "after", texts: ["a"] })).rejects.toThrow("there is no trained model yet");
    expect(losses(await collect(session.pickUp()))).toHaveLength(8);
  });

  it("is opened anew for what is asked while no job runs; a trained model is lost with it, and can be had again", async () => {
    const { session, handles } = await openWithHandles();
    await collect(session.start(smallJob({ unfreeze: "score", maxSteps: 1 })));
    handles[0].device.destroy();
    await handles[0].device.lost;
    await expect(session.predict({ which: "after", texts: ["a"] })).rejects.toThrow("pick the run up");
    const [answer] = await session.predict({ which: "before", texts: ["a"] });
    expect(answer.classes).toHaveLength(2);
    expect(handles).toHaveLength(2);
    await collect(session.pickUp());
    expect(await session.predict({ which: "after", texts: ["a"] })).toHaveLength(1);
  });
});
