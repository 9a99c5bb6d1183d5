import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MemoryFolder } from "../../src/session/host/folders.ts";
import { graft } from "../cli/commands.ts";
import { bytesOf, collect, losses, MODEL, messages, ofType, smallJob, useSessions } from "./support.ts";

const open = useSessions();
const job = smallJob({ unfreeze: undefined, lora: 2, loraMatch: "h.2,h.3", lr: 1e-3 });
/** Inputs and outputs of a block's four linear layers, which are 192 wide. */
const OF_A_BLOCK = 192 + 576 + (192 + 192) + (192 + 768) + (768 + 192);

describe("a run with adapters", () => {
  it("is counted before it begins, beside a model that stays as large as it is saved", async () => {
    const session = await open();
    const [plain, planned] = [await session.inspect(job.model, smallJob()), await session.inspect(job.model, job)];
    for (const { stages } of [plain, planned]) {
      expect(stages.map(({ adapterSize }) => adapterSize)).toEqual([0, ...Array(4).fill(OF_A_BLOCK), 0]);
    }
    const { stages, head } = planned;
    expect(stages.map(({ trained }) => trained)).toEqual([0, 0, 0, 2 * OF_A_BLOCK, 2 * OF_A_BLOCK, 0]);
    expect(head).toMatchObject({ trained: 384, adapterSize: 0 });
    expect(planned.trainableParameters).toBe(4 * OF_A_BLOCK + 384);
    expect(planned.parameters).toBe(plain.parameters);
    const facts = (all: typeof stages) => all.map(({ parameters, names, pattern }) => ({ parameters, names, pattern }));
    expect(facts(stages)).toEqual(facts(plain.stages));
    // The plan is of the adapters alone.
    const { atPeak } = await session.plan(job);
    expect(atPeak.moments).toBeLessThan(8 * 1.1 * planned.trainableParameters);
  });

  it("goes on from where it was left, is merged in the end, and its command gives the same bytes in Node", async () => {
    const whole = await open();
    const events = await collect(whole.start(job));
    const { files, command } = await whole.save();
    expect(command).toMatch(/ --lora 2 --lora-match h\.2,h\.3 /);
    const weights = await bytesOf(files);
    expect(weights.includes("lora_A")).toBe(false);

    const storage = new MemoryFolder();
    const left = await open({ storage });
    for await (const event of left.start(job)) {
      if (event.type === "step" && event.step === 3) void left.pause();
      if (event.type === "paused") break;
    }
    await left.close();
    const next = await open({ storage });
    const later = await collect(next.pickUp());
    expect(ofType(later, "history")[0].step).toBeGreaterThanOrEqual(3);
    expect(losses(later).slice(-4)).toEqual(losses(events).slice(-4));
    expect((await bytesOf((await next.save()).files)).equals(weights)).toBe(true);

    const folder = mkdtempSync(join(tmpdir(), "graft-adapters-"));
    try {
      writeFileSync(join(folder, "few.tsv"), messages(40));
      const places: Record<string, string> = { "few.tsv": join(folder, "few.tsv"), "fine-tuned": join(folder, "out") };
      const words = command.split(" ").slice(1);
      expect(words).toContain(MODEL);
      const { code, stderr } = await graft(words.map((word) => places[word] ?? word));
      expect([code, stderr]).toEqual([0, ""]);
      expect(readFileSync(join(folder, "out/model.safetensors")).equals(weights)).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
