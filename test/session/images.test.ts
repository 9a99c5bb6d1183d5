import { describe, expect, it } from "vitest";
import { MemoryFolder } from "../../src/session/host/folders.ts";
import type { FineTuneJob, LabelledImage } from "../../src/session/index.ts";
import { bytesOf, collect, losses, ofType, useSessions } from "./support.ts";

const open = useSessions();

/** A stroke through a picture of 28 by 28 pixels: along a row or a column. */
function stroke(isRow: boolean, at: number): LabelledImage["image"] {
  const data = new Uint8Array(784);
  for (let i = 4; i < 24; i++) {
    for (const side of [at, at + 1, at + 2]) data[isRow ? side * 28 + i : i * 28 + side] = 255;
  }
  return { channels: 1, height: 28, width: 28, data };
}

const images = Array.from({ length: 16 }, (_, i) => ({
  label: i % 2 ? "lying" : "standing",
  image: stroke(i % 2 === 1, 4 + i),
}));
const job: FineTuneJob = {
  task: "image-classify",
  model: { kind: "path", path: "assets/mnist-cnn" },
  data: { kind: "images", name: "strokes", images },
  settings: { unfreeze: "fc2", epochs: 8, batch: 4, headLr: 3e-2, validFraction: 0.25 },
};

describe("a session on images", () => {
  it("teaches new classes from a few pictures that came as pixels, keeps them with the run, and tells new ones", async () => {
    const folder = new MemoryFolder();
    const session = await open({ storage: folder });
    const inspection = await session.inspect(job.model, job);
    expect(inspection).toMatchObject({ tasks: ["image-classify"], positions: null, imageShape: [1, 28, 28] });
    expect(inspection.stages.every(({ rate }) => rate === null)).toBe(true);
    expect(inspection.head.rate).toBe(3e-2);
    expect(await session.describeData(job)).toMatchObject({
      ...{ name: "strokes", train: 12, valid: 4, lengths: null, examples: [] },
      classes: [
        { label: "lying", train: 6, valid: 2 },
        { label: "standing", train: 6, valid: 2 },
      ],
    });
    const events = await collect(session.start(job));
    const asked = [stroke(true, 9), stroke(false, 14)];
    const answers = await session.predict({ which: "after", images: asked });
    expect(answers.map(({ label }) => label)).toEqual(["lying", "standing"]);
    await expect(session.predict({ which: "after", texts: ["a"] })).rejects.toThrow("does not take texts");
    const weights = await bytesOf((await session.save()).files);
    await session.close();

    // The pictures are in the folder: the run needs nothing else to go on.
    const second = await open({ storage: folder });
    await collect(second.start(job), (event) => {
      if (event.type === "step" && event.step === 4) void second.cancel();
    });
    await second.close();
    const third = await open({ storage: folder });
    const resumed = await collect(third.pickUp());
    expect(losses([...ofType(resumed, "history")[0].events, ...resumed])).toEqual(losses(events));
    const { files, command } = await third.save();
    const report = await files["report.html"].text();
    expect(report.match(/<img class="picture" src="data:image\/png;base64,[\w+/=]+" alt="">/g)).toHaveLength(4);
    expect(report).toContain('<span class="what">before</span>');
    expect((await bytesOf(files)).equals(weights)).toBe(true);
    expect(Object.keys(files)).toContain("preprocessor_config.json");
    expect(command).toMatch(/^graft finetune --model assets\/mnist-cnn --task image-classify --data strokes /);
  });
});
