import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TrainingEvent } from "../../src/finetune/events.ts";
import type { Plan } from "../../src/finetune/index.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { SafetensorsFile } from "../../src/io/index.ts";
import { openFile } from "../../src/io/node/index.ts";
import { graft, MODEL } from "./commands.ts";

let folder: string;
let data: string;
let text: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-finetune-"));
  data = join(folder, "few.tsv");
  text = join(folder, "few.txt");
  const lines = readFileSync("assets/sms-spam/sms.tsv", "utf8").split("\n");
  writeFileSync(data, `${lines.slice(0, 60).join("\n")}\n`);
  writeFileSync(text, lines.slice(0, 120).join("\n"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const classify = (out: string, ...more: string[]): string[] => [
  ...["finetune", "--model", MODEL, "--task", "classify", "--data", data, "--out", join(folder, out)],
  ...["--unfreeze", "h.3,ln_f", "--max-length", "16", "--batch", "8", "--epochs", "2", "--valid-fraction", "0.2"],
  ...more,
];
const bytes = (out: string, file = "model.safetensors"): Buffer => readFileSync(join(folder, out, file));
/** Bytes of each tensor of a model directory, by its name with the base model's prefix. */
async function weightsOf(directory: string): Promise<Map<string, Buffer>> {
  const file = await SafetensorsFile.open(await openFile(join(directory, "model.safetensors")));
  const weights = new Map<string, Buffer>();
  for (const name of file.names()) {
    const full = name.startsWith("transformer.") || name === "score.weight" ? name : `transformer.${name}`;
    weights.set(full, Buffer.from((await file.readFloat32(name)).buffer));
  }
  await file.close();
  return weights;
}
const eventsOf = (stdout: string): TrainingEvent[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** Bytes that a command line needs by its plan, over those that its run took; the run tells its events as JSON. */
async function plannedOverTaken(args: readonly string[], stdout: string): Promise<number> {
  const { peakBytes } = JSON.parse((await graft([...args, "--plan"])).stdout) as Plan;
  const end = eventsOf(stdout).at(-1) as Extract<TrainingEvent, { type: "end" }>;
  return peakBytes / end.peakBytes;
}

describe("graft finetune", () => {
  it("trains a classifier, tells its events as JSON and saves it in Hub layout", async () => {
    const args = classify("json", "--json");
    const { code, stdout, stderr } = await graft(args);
    expect([code, stderr]).toEqual([0, ""]);
    expect(Math.abs((await plannedOverTaken(args, stdout)) - 1)).toBeLessThan(0.05);
    const events = eventsOf(stdout);
    expect(events[0]).toMatchObject({
      type: "start",
      task: "classify",
      trainExamples: 48,
      validExamples: 12,
      totalSteps: 12,
    });
    const start = events[0] as Extract<TrainingEvent, { type: "start" }>;
    // A new head is trained whatever the patterns say.
    expect(start.trainable).toContain("score.weight");
    expect(start.trainable.every((name) => /score|h\.3\.|ln_f/.test(name))).toBe(true);
    expect(start.groups.find((group) => group.name === "head")!.learningRate).toBeCloseTo(1e-3);
    expect(events.filter((event) => event.type === "step")).toHaveLength(12);
    expect(events.filter((event) => event.type === "evaluation").map((event) => event.step)).toEqual([0, 6, 12]);
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "finished" });
    const config = JSON.parse(bytes("json", "config.json").toString());
    expect(config).toMatchObject({
      architectures: ["GPT2ForSequenceClassification"],
      id2label: { 0: "ham", 1: "spam" },
    });
    expect(bytes("json", "tokenizer.json").equals(readFileSync(`${MODEL}/tokenizer.json`))).toBe(true);
    const report = bytes("json", "report.html").toString();
    expect(report).toContain("fine-tuned on few.tsv");
    expect(report).toMatch(/Of 12 validation examples (none is|1 is|\d+ are) told wrongly/);
    expect(report.match(/<span class="what">(true|before|after)<\/span>/g)!.length % 3).toBe(0);
  });

  it("plans without running or writing anything, as lines and as JSON", async () => {
    const { code, stdout, stderr } = await graft(classify("planned", "--plan"));
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^A step: 8 examples a batch of at most 16 tokens$/m);
    for (const kind of ["weights +8.6 MiB", "gradients", "optimizer's moments", "in all", "largest binding"]) {
      expect(stdout).toMatch(new RegExp(`^ *${kind}`, "m"));
    }
    expect(stdout).toMatch(/^a step +\d+ dispatches +[\d.]+ [MG]FLOP/m);
    expect(stdout).toMatch(/^It fits\.$/m);
    expect(existsSync(join(folder, "planned"))).toBe(false);
    const json = JSON.parse((await graft(classify("planned", "--plan", "--json"))).stdout);
    expect(json).toMatchObject({ batch: 8, length: 16, evaluationBatch: 12, fits: true, changes: [] });
  });

  it("refuses ahead what cannot fit, by kinds and bytes, with what would, and reads and writes nothing", async () => {
    const open = vi.spyOn(Gpu, "open");
    const read = vi.spyOn(SafetensorsFile.prototype, "readFloat32");
    const gpu = await Gpu.open({ memoryBudget: 100 * 2 ** 20 });
    const whole = ["--unfreeze", "*", "--max-length", "64", "--batch", "48"];
    try {
      open.mockResolvedValue(gpu);
      const { code, stderr } = await graft(classify("too-much", ...whole));
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^graft finetune: training needs \d+ MiB \(activations \d+ MiB, .*weights [\d.]+ MiB.*\), and 100 MiB of memory are left .*; batch 12 with accumulate 4 takes [\d.]+ MiB\n$/,
      );
      expect(read).not.toHaveBeenCalled();
      expect(existsSync(join(folder, "too-much"))).toBe(false);
    } finally {
      vi.restoreAllMocks();
      gpu.close();
    }
  });

  it("trains low-rank adapters and merges them into the weights that are saved", async () => {
    const lora = ["--lora", "2", "--lora-match", "h.3.attn", "--max-steps", "2"];
    const given = classify("lora", "--json", ...lora).filter((word) => word !== "--unfreeze" && word !== "h.3,ln_f");
    const { code, stdout, stderr } = await graft(given);
    expect([code, stderr]).toEqual([0, ""]);
    const start = eventsOf(stdout)[0] as Extract<TrainingEvent, { type: "start" }>;
    expect(start.trainable.map((name) => name.replace("transformer.h.3.attn.", ""))).toEqual([
      "c_attn.lora_A.weight",
      "c_attn.lora_B.weight",
      "c_proj.lora_A.weight",
      "c_proj.lora_B.weight",
      "score.weight",
    ]);
    expect(start.settings).toMatchObject({ lora: 2, loraAlpha: 4, loraMatch: "h.3.attn" });
    const [saved, base] = await Promise.all([join(folder, "lora"), MODEL].map(weightsOf));
    const changed = [...saved.keys()].filter((name) => !base.get(name)?.equals(saved.get(name)!));
    expect(changed.sort()).toEqual([
      "score.weight",
      "transformer.h.3.attn.c_attn.weight",
      "transformer.h.3.attn.c_proj.weight",
    ]);
    const refused = await graft(classify("odd", "--lora", "2", "--lora-match", "conv1"));
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining("no linear layer of the trunk is called conv1"),
    ]);
  });

  it("gives the same bytes twice, and goes on from a stopped run to the same bytes", async () => {
    expect((await graft(classify("whole"))).code).toBe(0);
    expect((await graft(classify("again"))).code).toBe(0);
    expect(bytes("again").equals(bytes("whole"))).toBe(true);
    const stopped = await graft(classify("stopped"), (seen, interrupt) => {
      if (/^step +5\//m.test(seen)) interrupt();
    });
    expect(stopped.code).toBe(0);
    expect(stopped.stdout).toContain(`--resume ${join(folder, "stopped")}`);
    expect(stopped.stdout).not.toMatch(/^step +6\//m);
    expect(bytes("stopped").equals(bytes("whole"))).toBe(false);
    const resumed = await graft(classify("stopped", "--resume", join(folder, "stopped")));
    expect(resumed.code).toBe(0);
    expect(resumed.stdout).toMatch(/^step +6\//m);
    expect(bytes("stopped").equals(bytes("whole"))).toBe(true);
  });

  it("stops at --max-steps and goes on beyond it as if it had not stopped", async () => {
    const options = ["--schedule", "cosine", "--eval-every", "2"];
    expect((await graft(classify("nine", "--max-steps", "9", ...options))).code).toBe(0);
    expect((await graft(classify("three", "--max-steps", "3", ...options))).code).toBe(0);
    const resume = ["--resume", join(folder, "three"), "--max-steps", "9"];
    const resumed = await graft(classify("three-then-nine", ...resume, ...options));
    expect([resumed.code, resumed.stderr]).toEqual([0, ""]);
    expect(bytes("three-then-nine").equals(bytes("nine"))).toBe(true);
    expect(bytes("three").equals(bytes("nine"))).toBe(false);
  });

  it("goes on training a classifier with its own head, and refuses other classes without --new-head", async () => {
    const base = join(folder, "json");
    const more = (...extra: string[]): string[] => [
      ...[
        "finetune",
        "--model",
        base,
        "--task",
        "classify",
        "--max-length",
        "16",
        "--max-steps",
        "1",
        "--unfreeze",
        "score",
      ],
      ...extra,
    ];
    const own = await graft(more("--data", data, "--out", join(folder, "more"), "--json"));
    expect(own.code).toBe(0);
    const first = eventsOf(own.stdout).find((event) => event.type === "evaluation");
    expect(first).toMatchObject({ step: 0 });
    const other = join(folder, "other.csv");
    writeFileSync(
      other,
      `label,text\n${Array.from({ length: 12 }, (_, i) => `c${i % 3},text number ${i}`).join("\n")}\n`,
    );
    const refused = await graft(more("--data", other, "--out", join(folder, "other")));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("tells ham, spam apart");
    expect(refused.stderr).toContain("has c0, c1, c2; use --new-head");
    const renewed = await graft(
      more("--data", other, "--out", join(folder, "other"), "--new-head", "--valid-fraction", "0.3"),
    );
    expect(renewed.stderr).toBe("");
    expect(JSON.parse(bytes("other", "config.json").toString()).id2label).toEqual({ 0: "c0", 1: "c1", 2: "c2" });
  });

  it("keeps the order that the model's head has its classes in", async () => {
    const turned = join(folder, "turned");
    cpSync(join(folder, "json"), turned, { recursive: true });
    const config = JSON.parse(bytes("json", "config.json").toString());
    writeFileSync(join(turned, "config.json"), JSON.stringify({ ...config, id2label: { 0: "spam", 1: "ham" } }));
    const args = [
      "finetune",
      "--model",
      turned,
      "--task",
      "classify",
      "--data",
      data,
      "--out",
      join(folder, "turned-on"),
    ];
    const outcome = await graft([...args, "--max-length", "16", "--max-steps", "1", "--unfreeze", "score", "--json"]);
    expect(outcome.stderr).toBe("");
    const [before] = eventsOf(outcome.stdout).filter((event) => event.type === "evaluation");
    expect(before.evaluation.labels).toEqual(["spam", "ham"]);
    expect(JSON.parse(bytes("turned-on", "config.json").toString()).label2id).toEqual({ spam: 0, ham: 1 });
  });

  it("trains a language model on text", async () => {
    const out = join(folder, "lm");
    const own = ["--unfreeze", "h.3", "--max-length", "32", "--batch", "4", "--max-steps", "6", "--lr", "1e-3"];
    const words = ["finetune", "--model", MODEL, "--task", "lm", "--data", text, ...own, "--warmup", "0"];
    const args = [...words, "--out", out, "--json"];
    const { code, stdout } = await graft(args);
    expect(Math.abs((await plannedOverTaken(args, stdout)) - 1)).toBeLessThan(0.05);
    expect(code).toBe(0);
    const [before, after] = eventsOf(stdout).filter((event) => event.type === "evaluation");
    expect(after.evaluation.perplexity!).toBeLessThan(before.evaluation.perplexity!);
    expect(bytes("lm", "generation_config.json").equals(readFileSync(`${MODEL}/generation_config.json`))).toBe(true);
    expect(JSON.parse(bytes("lm", "config.json").toString()).architectures).toEqual(["GPT2LMHeadModel"]);

    // What it writes on from beginnings of validation texts, in the report and in the terminal: the same each time.
    const report = bytes("lm", "report.html").toString();
    expect(report.match(/<span class="soft">(before|after) <\/span>/g)).toHaveLength(6);
    const again = await graft([...words, "--out", join(folder, "lm-again")]);
    expect([again.code, again.stderr]).toEqual([0, ""]);
    expect(again.stdout).toMatch(/\n\nFrom “.+”\n {2}before .+\n( {10}.+\n)* {2}after {3}.+\n/);
    expect(again.stdout.match(/^From “/gm)).toHaveLength(3);
    const samples = (html: string): string => html.slice(html.indexOf("<h2>Samples"), html.indexOf("<h2>What was"));
    expect(samples(bytes("lm-again", "report.html").toString())).toBe(samples(report));

    // Of a run that is stopped while the model still writes, there is nothing from before: half a text would be another.
    expect((await graft([...words, "--out", join(folder, "lm-stopped")], undefined, true)).code).toBe(0);
    const kinds = bytes("lm-stopped", "report.html")
      .toString()
      .match(/<span class="soft">(before|after) <\/span>/g)!;
    expect(kinds.map((kind) => kind.includes("after"))).toEqual([true, true, true]);
  });

  it.each([
    [["--freeze", "nope"], 2, 'pattern "nope" matches no parameter'],
    [["--freeze", "*,score", "--lr", "0"], 2, "--lr"],
    [["--schedule", "steep"], 2, "--schedule"],
    [["--max-length", "9999"], 2, "--max-length 9999 exceeds the model's 256 positions"],
    [["--valid", "x.tsv"], 2, "--valid and --valid-fraction exclude each other"],
    [["--epoch", "2"], 2, "--epochs"],
    [["--warmup", "1.5"], 2, "--warmup: expected a whole number of steps or a share below 1, got 1.5"],
    [["--resume", "/nonexistent"], 1, "/nonexistent: no such directory"],
  ])("refuses %j with code %i", async (extra, code, message) => {
    const outcome = await graft(classify("refused", ...extra));
    expect(outcome.code).toBe(code);
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  });

  it("does not write over the model it reads, nor over another", async () => {
    const same = await graft(["finetune", "--model", MODEL, "--task", "classify", "--data", data, "--out", MODEL]);
    expect([same.code, same.stderr]).toEqual([2, expect.stringContaining("is the directory of the model itself")]);
    const held = await graft(classify("whole"));
    expect([held.code, held.stderr]).toEqual([2, expect.stringContaining("holds a model already; use --overwrite")]);
    // Only the stopped run's own directory may be replaced when it goes on.
    const elsewhere = await graft(classify("whole", "--resume", join(folder, "stopped")));
    expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringContaining("holds a model already")]);
    mkdirSync(join(folder, "killed"));
    writeFileSync(join(folder, "killed", "checkpoint.safetensors"), bytes("stopped", "checkpoint.safetensors"));
    const killed = await graft(classify("killed"));
    expect([killed.code, killed.stderr]).toEqual([
      2,
      expect.stringContaining("holds a stopped run; go on with --resume"),
    ]);
  });

  it.each([
    ["missing.tsv", null, "missing.tsv: no such file"],
    ["empty.tsv", "", "empty.tsv"],
    ["one.tsv", "ham\tonly\nham\tone class\n", "one.tsv"],
    ["odd.xml", "<a/>", "expected a file named .tsv, .csv, .jsonl"],
  ])("names what is wrong with %s", async (name, contents, message) => {
    const path = join(folder, name);
    if (contents !== null) writeFileSync(path, contents);
    const outcome = await graft([
      "finetune",
      "--model",
      MODEL,
      "--task",
      "classify",
      "--data",
      path,
      "--out",
      join(folder, "no"),
    ]);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  });
});

it("compiles its kernels while the weights are read", async () => {
  const order: string[] = [];
  const told = <Result>(what: string, promise: Promise<Result>): Promise<Result> => {
    order.push(`${what} begins`);
    return promise.finally(() => order.push(`${what} ends`));
  };
  const { warmUp } = Gpu.prototype;
  const { readFloat32 } = SafetensorsFile.prototype;
  vi.spyOn(Gpu.prototype, "warmUp").mockImplementation(function (this: Gpu, variants) {
    return told("compiling", warmUp.call(this, variants));
  });
  vi.spyOn(SafetensorsFile.prototype, "readFloat32").mockImplementation(function (this: SafetensorsFile, name) {
    return told("reading", readFloat32.call(this, name));
  });
  try {
    expect(await graft(classify("overlap", "--max-steps", "1"))).toMatchObject({ code: 0, stderr: "" });
  } finally {
    vi.restoreAllMocks();
  }
  expect(order.filter((what) => what === "reading begins").length).toBeGreaterThan(20);
  expect(order.indexOf("compiling begins")).toBeLessThan(order.lastIndexOf("reading begins"));
  expect(order.indexOf("reading begins")).toBeLessThan(order.indexOf("compiling ends"));
});
