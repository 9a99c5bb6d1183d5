import { describe, expect, it } from "vitest";
import { commandOf, dataName, modelName } from "../../src/jobs/index.ts";
import { MemoryFolder } from "../../src/session/host/folders.ts";
import { FineTuneSession } from "../../src/session/index.ts";
import { collect, smallJob, useSessions } from "./support.ts";

const open = useSessions();

/** What JavaScript lets through: calls that TypeScript would refuse. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments are wrong on purpose
const [command, nameOfModel, nameOfData, Session] = [commandOf, modelName, dataName, FineTuneSession] as any[];

// biome-ignore lint/suspicious/noExplicitAny: the same
const openAny = (options = {}): Promise<any> => open(options);

const MODEL = "model: expected a source of the kind path, url, files, opfs, hub, got";
const DATA = "data: expected a source of the kind path, text, url, pack, images, got";
const JOB = "expected a job { task, model, data, … }, got";
const TASK = "task: expected classify, lm, image-classify, got";
const job = smallJob();

describe("what is no job is refused, and told what is missing", () => {
  const cases: [given: unknown, message: string][] = [
    [undefined, `${JOB} undefined`],
    [null, `${JOB} null`],
    ["spam", `${JOB} the string spam`],
    [{}, `${TASK} undefined`],
    [{ ...job, task: "sing" }, `${TASK} "sing"`],
    [{ task: "lm" }, `${MODEL} nothing`],
    [{ ...job, model: null }, `${MODEL} null`],
    [{ ...job, model: "gpt2" }, `${MODEL} the string gpt2`],
    [{ ...job, model: { kind: "disk" } }, `${MODEL} the kind "disk"`],
    [{ ...job, model: {} }, `${MODEL} the kind undefined`],
    [{ ...job, model: { kind: "url" } }, "model: a source of the kind url needs url as a text, got undefined"],
    [{ ...job, model: { kind: "hub", id: 3 } }, "model: a source of the kind hub needs id as a text, got the number 3"],
    [
      { ...job, model: { kind: "files", name: "m", files: null } },
      "model: a source of the kind files needs files as an object, got null",
    ],
    [{ ...job, data: undefined }, `${DATA} nothing`],
    [{ ...job, data: [] }, `${DATA} an array`],
    [
      { ...job, data: { kind: "text", text: "a" } },
      "data: a source of the kind text needs name as a text, got undefined",
    ],
    [
      { ...job, valid: "valid.tsv" },
      "valid: expected a source of the kind path, text, url, pack, images, got the string",
    ],
    [{ ...job, settings: "lr=1" }, "settings: expected an object such as { epochs: 3 }, got the string lr=1"],
  ];

  it.each(cases)("%j by commandOf", (given, message) => {
    expect(() => command(given)).toThrow(message);
  });

  it("by a session", async () => {
    const session = await openAny();
    for (const [given, message] of cases) {
      await expect(session.plan(given)).rejects.toThrow(message);
      await expect(session.describeData(given)).rejects.toThrow(message);
      await expect(collect(session.start(given))).rejects.toThrow(message);
      if (given !== undefined && given !== null) {
        await expect(session.evaluate({ which: "before", job: given })).rejects.toThrow(message);
      }
    }
    expect(session.state).toBe("idle");
  });
});

it("a source is named only where it is one", () => {
  for (const odd of [undefined, null, {}, "gpt2"]) {
    expect(() => nameOfModel(odd)).toThrow(MODEL);
    expect(() => nameOfData(odd)).toThrow(DATA);
  }
});

it("a session says what it is asked with", async () => {
  for (const odd of [null, "session-worker.js", 3]) {
    await expect(Session.open(odd)).rejects.toThrow(
      /^FineTuneSession\.open: expected options such as \{ worker: new URL\(…\) \}, got /,
    );
  }
  const session = await openAny();
  for (const odd of [undefined, null, "gpt2", {}]) await expect(session.inspect(odd)).rejects.toThrow(MODEL);
  await expect(session.predict()).rejects.toThrow("predict: give either texts or images");
  await expect(session.predict({ which: "before", job, texts: "one" })).rejects.toThrow(
    "predict: expected texts as an array of strings, got the string one",
  );
  await expect(session.predict({ which: "before", job, images: new Blob() })).rejects.toThrow(
    "predict: expected images as an array, got a Blob",
  );
  await expect(session.evaluate()).rejects.toThrow('which: expected "before" or "after", got undefined');
  await expect(collect(session.generate({ which: "before", job }))).rejects.toThrow(
    "generate: expected a prompt as a string, got undefined",
  );
  await expect(collect(session.generate())).rejects.toThrow("generate: expected a prompt as a string, got undefined");
});

it("no job at all is not taken for the one that was kept", async () => {
  const storage = new MemoryFolder();
  const session = await openAny({ storage });
  await collect(session.start(smallJob({ maxSteps: 1 })));
  const before = await session.stored();
  expect(before).toMatchObject({ step: 1 });
  for (const odd of [undefined, null]) await expect(collect(session.start(odd))).rejects.toThrow(JOB);
  expect(await session.stored()).toEqual(before);
});
