import { afterEach, describe, expect, it } from "vitest";
import { Gpu } from "../../src/gpu/index.ts";
import { MemoryFolder } from "../../src/session/host/folders.ts";
import type { SessionEvent } from "../../src/session/index.ts";
import { FineTuneSession } from "../../src/session/session.ts";
import { bytesOf, collect, losses, ofType, smallJob } from "./support.ts";

/** The head alone: its kernels are few, and every device compiles them anew. Four steps, an evaluation at the end. */
const job = smallJob({ unfreeze: "score", epochs: 1 });

const open: FineTuneSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.close();
});

/** A session whose devices a test can take away: the one that it has, or each as it is opened. */
async function openFragile(folder = new MemoryFolder()) {
  const handles: Gpu[] = [];
  const habits = { isLostAtOnce: false, refusals: 0 };
  const openGpu = async (): Promise<Gpu> => {
    if (handles.length > 0 && habits.refusals-- > 0) throw new Error("the browser's process is gone");
    const handle = await Gpu.open();
    handles.push(handle);
    if (habits.isLostAtOnce) handle.device.destroy();
    return handle;
  };
  const session = await FineTuneSession.open({ worker: "here", storage: folder, openGpu });
  open.push(session);
  const lose = (): void => handles.at(-1)!.device.destroy();
  return { session, handles, habits, lose };
}

let whole: Promise<{ losses: number[]; weights: Buffer }> | undefined;
/** The run without a loss. */
const uninterrupted = () => {
  whole ??= (async () => {
    const { session } = await openFragile();
    const seen = losses(await collect(session.start(job)));
    return { losses: seen, weights: await bytesOf((await session.save()).files) };
  })();
  return whole;
};

describe("a device that is lost", () => {
  it.each(["bytes", "compile", "start", "evaluation"] as const)(
    "at an event of the kind %s is replaced, and the bits are the same",
    async (type) => {
      const expected = await uninterrupted();
      const { session, handles, lose } = await openFragile();
      const events = await collect(session.start(job), (event) => {
        if (event.type === type && handles.length === 1) lose();
      });
      expect([handles.length, ofType(events, "device-lost").length, ofType(events, "recovered").length]).toEqual([
        2, 1, 1,
      ]);
      expect(losses(events)).toEqual(expected.losses);
      expect((await bytesOf((await session.save()).files)).equals(expected.weights)).toBe(true);
    },
  );

  it("while a checkpoint is written is replaced: the run goes on from the one before", async () => {
    const expected = await uninterrupted();
    const folder = new MemoryFolder();
    const { create } = folder;
    const { session, handles, lose } = await openFragile(folder);
    folder.create = async (file) => {
      if (file === "checkpoint.safetensors" && handles.length === 1) lose();
      return create(file);
    };
    const events = await collect(session.start(job));
    expect(ofType(events, "recovered")).toHaveLength(1);
    expect(losses(events)).toEqual(expected.losses);
    expect(await folder.list()).toEqual(["checkpoint.safetensors", "events.json", "job.bin", "job.json"]);
  });

  it("while the run is held is noticed by who asks, and replaced when the run goes on", async () => {
    const expected = await uninterrupted();
    const { session, lose } = await openFragile();
    const run = session.start(job);
    const held = session.pause();
    const events = collect(run);
    await held;
    lose();
    await expect(session.predict({ which: "after", texts: ["a"] })).rejects.toThrow("the GPU device was lost");
    await session.resume();
    expect(losses(await events)).toEqual(expected.losses);
  });

  it("while something is asked of an idle session is told to who asked; the next question has another device", async () => {
    const { session, handles, lose } = await openFragile();
    await collect(session.start(job));
    const asked = [
      session.predict({ which: "after", texts: ["a"] }),
      session.evaluate({ which: "after" }),
      session.save(),
    ];
    lose();
    for (const one of await Promise.allSettled(asked)) {
      expect((one as PromiseRejectedResult).reason).toMatchObject({
        message: expect.stringMatching(/GPU device was lost/),
      });
    }
    await expect(session.save()).rejects.toThrow("the trained model with it; pick the run up to have it again");
    // Who asks at the same moment shares one device.
    const [plan, inspection] = await Promise.all([session.plan(job), session.inspect(job.model, job)]);
    expect([plan.fits, inspection.family]).toEqual([true, "GPT-2"]);
    expect(handles).toHaveLength(2);
  });

  it("as soon as it is had, each time, ends the run with what happened; it can be picked up", async () => {
    const expected = await uninterrupted();
    const { session, handles, habits, lose } = await openFragile();
    const seen: SessionEvent[] = [];
    const failing = collect(session.start(job), (event) => {
      seen.push(event);
      if (event.type !== "start") return;
      habits.isLostAtOnce = true;
      lose();
    });
    await expect(failing).rejects.toThrow(
      /^the GPU device was lost 3 times without the run getting on between; it ends here, and can be picked up from step 0/,
    );
    expect(ofType(seen, "device-lost")).toHaveLength(3);
    expect(handles).toHaveLength(3);
    expect(session.state).toBe("idle");
    expect(await session.stored()).toMatchObject({ ended: null, step: 0 });
    habits.isLostAtOnce = false;
    expect(losses(await collect(session.pickUp()))).toEqual(expected.losses);
  });

  it("is waited for when the browser has no other at once, and not for ever", async () => {
    const expected = await uninterrupted();
    const { session, handles, habits, lose } = await openFragile();
    habits.refusals = 2;
    const events = await collect(session.start(job), ({ type }) => {
      if (type === "start" && handles.length === 1) lose();
    });
    expect(losses(events)).toEqual(expected.losses);
    habits.refusals = Number.POSITIVE_INFINITY;
    const failing = collect(session.start(job), ({ type }) => {
      if (type === "start") lose();
    });
    await expect(failing).rejects.toThrow(
      "the GPU device was lost, and there is no other; it ends here, and can be picked up from step 0 " +
        "(the browser's process is gone)",
    );
    habits.refusals = 0;
    expect(losses(await collect(session.pickUp()))).toEqual(expected.losses);
  });
});
