import { describe, expect, it } from "vitest";
import { MemoryFolder } from "../../src/session/host/folders.ts";
import type { RunFolder } from "../../src/session/index.ts";
import { bytesOf, collect, losses, ofType, smallJob, useSessions } from "./support.ts";

const open = useSessions();
const job = smallJob();

/** A folder that takes nothing while it is full. */
function smallFolder(isFull: boolean) {
  const files = new MemoryFolder("small");
  const state = { isFull };
  const write = <T>(file: string, work: () => Promise<T>): Promise<T> =>
    state.isFull ? Promise.reject(new Error(`small/${file}: there is no room`)) : work();
  const folder: RunFolder = {
    ...files,
    name: "small",
    remove: (file) => files.remove(file),
    writeText: (file, text) => write(file, () => files.writeText(file, text)),
    create: async (file) => {
      const sink = await write(file, () => files.create(file));
      return {
        name: sink.name,
        write: (bytes) => write(file, () => sink.write(bytes)),
        close: () => sink.close(),
        abort: () => sink.abort(),
      };
    },
  };
  return { folder, state };
}

describe("a session whose storage takes nothing", () => {
  it("trains to the same bits, says once that the run is not kept, and offers nothing to be picked up", async () => {
    const whole = await open();
    const expected = losses(await collect(whole.start(job)));
    const weights = await bytesOf((await whole.save()).files);
    const { folder, state } = smallFolder(true);
    const session = await open({ storage: folder });
    const events = await collect(session.start(job), (event) => {
      if (event.type === "step" && event.step === 3) void session.pause();
      if (event.type === "paused") void session.resume();
    });
    expect(ofType(events, "notice").map(({ message }) => message)).toEqual([
      "The run goes on, but it cannot be kept, and is lost with the page: small/job.bin: there is no room.",
    ]);
    expect(ofType(events, "paused")).toMatchObject([{ isKept: false }]);
    expect(ofType(events, "checkpoint")).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "finished" });
    expect(losses(events)).toEqual(expected);
    expect((await bytesOf((await session.save()).files)).equals(weights)).toBe(true);
    expect(await session.stored()).toBeNull();
    // With room again the next run is kept as ever.
    state.isFull = false;
    await collect(session.start(job));
    expect(await session.stored()).toMatchObject({ step: 8, ended: "finished" });
  });

  it("keeps what it had when the room ends in the middle, and says from where on nothing is kept", async () => {
    const { folder, state } = smallFolder(false);
    const session = await open({ storage: folder });
    const events = await collect(session.start(smallJob({ evalEvery: 4 })), (event) => {
      if (event.type === "checkpoint") state.isFull = true;
    });
    const [notice, ...more] = ofType(events, "notice");
    expect(more).toEqual([]);
    expect(notice.message).toMatch(
      /^The run goes on, but what comes after step 4 cannot be kept, and is lost with the page: .*there is no room\.$/,
    );
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "finished", steps: 8 });
    expect(await session.stored()).toMatchObject({ step: 4, totalSteps: 8, ended: null });
  });
});
