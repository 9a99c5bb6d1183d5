import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StartEvent, TrainingEvent } from "../../src/finetune/events.ts";
import { layerwiseGroups } from "../../src/finetune/index.ts";
import { SettingError } from "../../src/jobs/index.ts";
import { gradualStages } from "../../src/jobs/training/gradual.ts";
import { GPT2, GPT2ForSequenceClassification } from "../../src/models/index.ts";
import { graft, MODEL } from "../cli/commands.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
let folder: string;
let data: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-gradual-"));
  data = join(folder, "few.tsv");
  const lines = readFileSync("assets/sms-spam/sms.tsv", "utf8").split("\n");
  writeFileSync(data, `${lines.slice(0, 40).join("\n")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const command = (out: string, ...more: string[]): string[] => [
  ...["finetune", "--model", MODEL, "--task", "classify", "--data", data, "--out", join(folder, out), "--json"],
  ...["--gradual", "2", "--max-length", "12", "--batch", "8", "--epochs", "1", "--valid-fraction", "0.2", ...more],
];
const weights = (out: string): Buffer => readFileSync(join(folder, out, "model.safetensors"));
const eventsOf = (stdout: string): TrainingEvent[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const starts = (events: readonly TrainingEvent[]) =>
  events.filter((event): event is StartEvent => event.type === "start");

describe("gradual unfreezing", () => {
  it("thaws level after level as one run, and a stopped run goes on to the same bytes from its first stage and its last", async () => {
    const whole = await graft(command("whole"));
    expect([whole.code, whole.stderr]).toEqual([0, ""]);
    const events = eventsOf(whole.stdout);
    expect(
      events.flatMap((event) => (event.type === "stage" ? [`${event.index}/${event.count} ${event.name}`] : [])),
    ).toEqual(["1/3 head", "2/3 h.3, ln_f", "3/3 h.2"]);
    expect(events.flatMap((event) => (event.type === "step" ? [event.step] : []))).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ]);
    const trained = starts(events).map(({ trainable }) => [
      ...new Set(trainable.map((name) => name.replace(/^transformer\.|\.(?=\D).*$/g, ""))),
    ]);
    expect(trained).toEqual([["score"], ["h.3", "ln_f", "score"], ["h.2", "h.3", "ln_f", "score"]]);
    const planned = JSON.parse((await graft(command("whole", "--plan"))).stdout);
    expect(planned.stage).toEqual({ name: "h.2", index: 3, count: 3 });
    const peak = Math.max(...events.map((event) => (event.type === "end" ? event.peakBytes : 0)));
    expect(Math.abs(planned.peakBytes / peak - 1)).toBeLessThan(0.05);
    expect(events.filter((event) => event.type === "evaluation").map(({ step }) => step)).toEqual([0, 4, 8, 12]);
    for (const last of [2, 11]) {
      const out = `stopped-${last}`;
      const stopped = await graft(command(out), (seen, interrupt) => {
        if (seen.includes(`{"type":"step","step":${last},`)) interrupt();
      });
      expect(stopped.code).toBe(0);
      expect(weights(out).equals(weights("whole"))).toBe(false);
      const resumed = await graft(command(out, "--resume", join(folder, out)));
      expect([resumed.code, resumed.stderr]).toEqual([0, ""]);
      const [first] = eventsOf(resumed.stdout).filter((event) => event.type === "step");
      expect(first.step).toBe(last + 1);
      expect(weights(out).equals(weights("whole"))).toBe(true);
    }
  });

  it("is planned by the stage that takes most, which need not be the last", async () => {
    // Activations of 500 long texts, kept as long as the embeddings are frozen, are more than the embeddings' moments.
    const file = join(folder, "long.tsv");
    const lines = Array.from(
      { length: 500 },
      (_, i) => `${i % 2 ? "ham" : "spam"}\t${"one two three ".repeat(30)}${i}`,
    );
    writeFileSync(file, `${lines.join("\n")}\n`);
    const options = ["--data", file, "--gradual", "5", "--max-length", "80", "--batch", "2", "--plan"];
    const { code, stdout } = await graft([...command("planned").filter((word) => word !== "--json"), ...options]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Of 6 stages, 5 takes most: h\.0$/m);
    const short = JSON.parse((await graft([...command("planned"), ...options, "--max-steps", "1"])).stdout);
    expect(short.stage).toEqual({ name: "head", index: 1, count: 6 });
  });

  it("ends at a step limit in whatever stage that is", async () => {
    const { code, stdout } = await graft(command("limited", "--max-steps", "5"));
    expect(code).toBe(0);
    const events = eventsOf(stdout);
    expect(events.filter((event) => event.type === "step").map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "max-steps" });
  });

  it("keeps frozen what is frozen, and has no stage for a head that belongs to the trunk", async () => {
    const classifier = await GPT2ForSequenceClassification.fromPretrained(MODEL, { gpu: gpu(), labels: ["a", "b"] });
    classifier.freeze("h.3");
    const names = (levels: number) => gradualStages(classifier, levels).map(({ name }) => name);
    expect(names(2)).toEqual(["head", "ln_f", "h.2"]);
    expect(names(5)).toEqual(["head", "ln_f", "h.2", "h.1", "h.0", "embeddings"]);
    expect(() => names(6)).toThrow(new SettingError(() => "gradual 6: the model has 5 levels that can be thawed"));
    classifier.dispose();
    const language = await GPT2.fromPretrained(MODEL, { gpu: gpu() });
    expect(gradualStages(language, 1).map(({ name }) => name)).toEqual(["h.3, ln_f"]);
    language.dispose();
  });
});

describe("rates of parts of the model", () => {
  it("go before the rates of levels, the first pattern that matches counts, and names stay apart", async () => {
    const model = await GPT2ForSequenceClassification.fromPretrained(MODEL, { gpu: gpu(), labels: ["a", "b"] });
    model.freeze().unfreeze("h.2", "h.3", "score");
    const options = { learningRate: 1, decay: 0.5, headLearningRate: 8, weightDecay: 0.1 };
    const rates = { "h.3": 3, "h.2.attn": 2, "h.*.attn": 9, "*.bias": 0.25 };
    const groups = layerwiseGroups(model, { ...options, rates });
    expect(groups.map(({ name, learningRate, weightDecay }) => [name, learningRate, weightDecay])).toEqual([
      ["head", 8, 0.1],
      ["h.3", 3, 0.1],
      ["h.3 (no decay)", 3, 0],
      ["h.2", 0.5, 0.1],
      ["h.2 (no decay)", 0.5, 0],
      ["h.2 (*.bias)", 0.25, 0],
      ["h.2 (h.2.attn)", 2, 0.1],
      ["h.2 (h.2.attn) (no decay)", 2, 0],
    ]);
    const grouped = groups.flatMap(({ parameters }) => [...parameters.keys()]);
    expect(grouped.sort()).toEqual(
      [...model.namedParameters()]
        .filter(([, { requiresGrad }]) => requiresGrad)
        .map(([name]) => name)
        .sort(),
    );
    expect(() => layerwiseGroups(model, { ...options, rates: { "h.9": 1 } })).toThrow(
      'pattern "h.9" matches no parameter',
    );
    model.dispose();
  });

  it("come with --rates", async () => {
    const planned = (...rates: string[]) => graft([...command("planned"), "--plan", "--rates", ...rates]);
    expect((await planned("h.3=1e-5,{h.2,h.1}.attn=3e-4")).code).toBe(0);
    const lost = await planned("h.9=1e-5");
    expect([lost.code, lost.stderr]).toEqual([
      2,
      expect.stringContaining('--rates: pattern "h.9" matches no parameter'),
    ]);
    const odd = await planned("h.3");
    expect([odd.code, odd.stderr]).toEqual([
      2,
      expect.stringContaining('--rates: expected PATTERN=RATE, such as h.3=1e-4, got "h.3"'),
    ]);
    const { stdout } = await graft(command("rates", "--max-steps", "5", "--rates", "score=0.5,h.3=0.25"));
    const rates = starts(eventsOf(stdout))
      .at(-1)!
      .groups.map(({ name, learningRate }) => [name, learningRate]);
    expect(rates).toEqual([
      ["head", 0.5],
      ["ln_f", 1e-4],
      ["h.3", 0.25],
      ["h.3 (no decay)", 0.25],
    ]);
  });
});
