import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { MemoryFolder } from "../../src/session/host/folders.ts";
import type { SessionEvent } from "../../src/session/index.ts";
import { FineTuneSession } from "../../src/session/session.ts";
import { useGpu } from "../support/gpu.ts";
import { collect, smallJob } from "./support.ts";

const gpu = useGpu();
const job = smallJob({ unfreeze: "score" });

/** A server that takes every request and answers none. */
const silent = createServer(() => {});
afterAll(() => {
  Reflect.deleteProperty(gpu(), "close");
});
beforeAll(() => new Promise<void>((listening) => silent.listen(0, "localhost", listening)));
afterAll(() => {
  silent.closeAllConnections();
  silent.close();
});
/** A job whose model does not come. */
const far = () => ({
  ...job,
  model: { kind: "url" as const, url: `http://localhost:${(silent.address() as AddressInfo).port}/` },
});

/** A session and what is left of it: its handles, of which one device does for all, and the folder of its run. */
async function openWatched(folder = new MemoryFolder()) {
  const handles: { isClosed: boolean }[] = [];
  const openGpu = async (): Promise<Gpu> => {
    const handle = { isClosed: false };
    handles.push(handle);
    const close = (): void => {
      handle.isClosed = true;
    };
    return Object.assign(gpu(), { close });
  };
  const session = await FineTuneSession.open({ worker: "here", storage: folder, openGpu });
  return { session, handles, folder };
}

type Watched = Awaited<ReturnType<typeof openWatched>>;

/** Reads a run to its end; gives that when an event of a kind has come. */
async function reading(run: AsyncIterable<SessionEvent>, type: SessionEvent["type"]) {
  let arrive = (): void => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const end = (async () => {
    for await (const event of run) if (event.type === type) arrive();
  })();
  await Promise.race([arrived, end]);
  return { end };
}

const during =
  (type: SessionEvent["type"]) =>
  async ({ session }: Watched) => [(await reading(session.start(job), type)).end];

/** Brings a session to where it is to be closed; gives what is still awaited. */
const STATES: Readonly<Record<string, (watched: Watched) => Promise<readonly PromiseLike<unknown>[]>>> = {
  "nothing was asked": async () => [],
  "it waits for a model": async ({ session }) => [collect(session.start(far()))],
  "it is asked about a model that does not come": async ({ session }) => [
    session.describeData(far()),
    session.plan(far()),
    session.predict({ which: "before", texts: ["a"], job: far() }),
    session.evaluate({ which: "before", job: far() }),
  ],
  "a run waits for such an answer": async ({ session }) => [
    session.predict({ which: "before", texts: ["a"], job: far() }),
    collect(session.start(job)),
  ],
  "a kept run was just picked up": async ({ session }) => {
    await session.start({ ...job, settings: { ...job.settings, maxSteps: 1 } }).done;
    return [collect(session.pickUp())];
  },
  "its plan is made": during("plan"),
  "kernels are compiled": during("compile"),
  "weights are read": during("bytes"),
  "it begins": during("start"),
  "it trains": during("step"),
  "it evaluates": during("evaluation"),
  "it keeps the run": async ({ session, folder }) => {
    const { create } = folder;
    const writing = new Promise<void>((resolve) => {
      folder.create = async (file) => {
        if (file === "checkpoint.safetensors") resolve();
        return create(file);
      };
    });
    const run = collect(session.start(job));
    await writing;
    return [run];
  },
  "it is held, and asked what cannot be answered": async ({ session }) => {
    const run = session.start(job);
    const held = session.pause();
    const end = collect(run);
    await held;
    return [end, session.predict({ which: "before", texts: ["a"], job: far() })];
  },
  "nobody reads its run": async ({ session }) => [
    session
      .start({ ...job, settings: { ...job.settings, epochs: 100 } })
      [Symbol.asyncIterator]()
      .next(),
  ],
  "it saves": async ({ session }) => {
    await session.start({ ...job, settings: { ...job.settings, maxSteps: 1 } }).done;
    return [session.save(), session.predict({ which: "after", texts: ["a"] })];
  },
};

describe("a session", () => {
  it.each(Object.entries(STATES))("can be closed when %s", async (_, reach) => {
    const watched = await openWatched();
    const { session, handles, folder } = watched;
    const awaited = await reach(watched);
    const settled = Promise.allSettled(awaited);
    await Promise.all([session.close(), session.close()]);
    await settled;
    expect(session.state).toBe("idle");
    expect(() => session.start(job)).toThrow("the session is closed");
    await expect(session.stored()).rejects.toThrow("the session is closed");
    // Whatever was on its way comes to an end, and takes no other handle.
    await new Promise((resolve) => setImmediate(resolve));
    expect(handles).toEqual([{ isClosed: true }]);
    // What was kept can be read, whatever was being written.
    const next = await openWatched(folder);
    await next.session.stored();
    await next.session.close();
  });

  it("can be cancelled while a kept run is being read, and before it was to be held", async () => {
    const { session } = await openWatched();
    await collect(session.start(job), ({ type }) => {
      if (type === "step") void session.cancel();
    });
    const run = session.pickUp();
    await session.cancel();
    expect((await collect(run)).at(-1)).toMatchObject({ type: "end", reason: "cancelled" });
    const held = session.pickUp();
    const isHeld = session.pause();
    const events = collect(held, async ({ type }) => {
      if (type !== "paused") return;
      await isHeld;
      await session.resume();
    });
    expect((await events).map(({ type }) => type)).toContain("paused");
    await session.close();
  });

  it("cancels a run that waits for an answer to something else, and one whose reader waits in its loop", async () => {
    const { session } = await openWatched();
    const asked = session.predict({ which: "before", texts: ["a"], job: far() });
    const refused = expect(asked).rejects.toThrow("the session is closed");
    const waiting = session.start(job);
    await session.cancel();
    expect((await collect(waiting)).at(-1)).toMatchObject({ type: "end", reason: "cancelled", steps: 0 });
    await session.close();
    await refused;

    const { session: second } = await openWatched();
    const seen: SessionEvent[] = [];
    const run = second.start({ ...job, settings: { ...job.settings, epochs: 100, evalEvery: 1000 } });
    for await (const event of run) {
      seen.push(event);
      if (event.type !== "step" || event.step !== 1) continue;
      await second.predict({ which: "after", texts: ["a"] });
      await second.pause();
      await second.resume();
      await second.cancel();
    }
    expect(seen.at(-1)).toMatchObject({ type: "end", reason: "cancelled" });
    await second.close();
  });
});
