import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { start } from "../../src/cli/commands/start.ts";
import { run } from "../../src/cli/run.ts";
import type { EvaluationEvent, StepEvent, TrainingEvent } from "../../src/finetune/events.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { GPT2ForSequenceClassification } from "../../src/models/index.ts";
import { memoryContext } from "./support.ts";

const COMMANDS = { start: { summary: "the main job", load: async () => start } };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-start-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SMALL = ["--train", "64", "--valid", "40", "--head-epochs", "2", "--epochs", "1"];

describe("graft start", () => {
  it("trains the head, then the last blocks, and saves model, tokenizer and report", async () => {
    const context = memoryContext();
    const { stdout, stderr } = context;
    const out = join(folder, "plain");
    expect(await run(["start", ...SMALL, "--out", out], COMMANDS, context)).toBe(0);
    expect(stderr.text).toBe("");
    const lines = stdout.text.split("\n");
    expect(lines[0]).toMatch(/^Adapter: \S/);
    expect(lines[1]).toBe("Data: 64 of 4,459 training and 40 of 1,115 validation messages (stratified, seed 42)");
    expect(stdout.text).toContain("Stage 1 of 2: head.");
    expect(stdout.text).toContain("Stage 2 of 2: last 2 blocks.");
    expect(stdout.text).toMatch(/accuracy +8[0-9.]+ % +\d/);
    const report = readFileSync(join(out, "report.html"), "utf8");
    expect(report).toContain("SMS Spam Collection");
    expect(report).toContain("CC BY 4.0");
    for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
      expect(readFileSync(join(out, file), "utf8")).toBe(readFileSync(`assets/gpt2-mini-en/${file}`, "utf8"));
    }
    using gpu = await Gpu.open();
    const model = await GPT2ForSequenceClassification.fromPretrained(out, { gpu });
    expect(model.config.labels).toEqual(["ham", "spam"]);
    expect(model.config.padTokenId).toBe(0);
    model.dispose();
  });

  it("trains nothing for a folder that cannot be made", async () => {
    const context = memoryContext();
    const out = join(folder, "taken");
    writeFileSync(out, "");
    expect(await run(["start", ...SMALL, "--out", out], COMMANDS, context)).toBe(1);
    expect(context.stdout.text).toBe("");
    expect(context.stderr.text).toContain(`${out}: cannot be a directory: there is a file in the way`);
  });

  it("tells its events as JSON, a line each, and repeats them with the seed", async () => {
    const events = async (out: string): Promise<TrainingEvent[]> => {
      const context = memoryContext();
      expect(await run(["start", ...SMALL, "--json", "--out", join(folder, out)], COMMANDS, context)).toBe(0);
      return context.stdout.text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    };
    const first = await events("json");
    expect(first[0]).toMatchObject({ type: "stage", index: 1, count: 2 });
    const steps = first.filter((event): event is StepEvent => event.type === "step");
    expect(steps.map((event) => event.step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    const before = first.find((event): event is EvaluationEvent => event.type === "evaluation")!;
    expect(before.step).toBe(0);
    // A head of zeros gives every class the same score: all messages are called ham.
    expect(before.evaluation.loss).toBeCloseTo(Math.LN2, 6);
    expect(before.evaluation.confusionMatrix!.map((row) => row[1])).toEqual([0, 0]);
    const second = await events("json-again");
    const losses = (all: TrainingEvent[]): number[] =>
      all.flatMap((event) => (event.type === "step" ? [event.loss] : []));
    expect(losses(second)).toEqual(losses(first));
    const weights = (out: string): Buffer => readFileSync(join(folder, out, "model.safetensors"));
    expect(weights("json-again").equals(weights("json"))).toBe(true);
  });

  it("stops after the step at Ctrl-C and saves what it has", async () => {
    const controller = new AbortController();
    const interruptible = { signal: controller.signal, [Symbol.dispose]: () => {} };
    const context = { ...memoryContext(), onInterrupt: () => interruptible };
    const { stdout } = context;
    const out = join(folder, "stopped");
    const write = stdout.write.bind(stdout);
    stdout.write = (text) => {
      write(text);
      if (/^step +3\//m.test(text)) controller.abort();
    };
    expect(await run(["start", ...SMALL, "--out", out], COMMANDS, context)).toBe(0);
    expect(stdout.text).toMatch(/^step +3\//m);
    expect(stdout.text).not.toMatch(/^step +4\//m);
    expect(stdout.text).toMatch(/stopped|cancelled/);
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain("stopped on request");
    using gpu = await Gpu.open();
    const model = await GPT2ForSequenceClassification.fromPretrained(out, { gpu });
    const head = await model.score.weight.data();
    expect(head.some((value) => value !== 0)).toBe(true);
    model.dispose();
  });

  it("refuses wrong numbers with exit code 2", async () => {
    const context = memoryContext();
    expect(await run(["start", "--train", "none"], COMMANDS, context)).toBe(2);
    expect(context.stderr.text).toMatch(/--train/);
  });
});
