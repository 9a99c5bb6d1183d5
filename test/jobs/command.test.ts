import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseArguments } from "../../src/cli/arguments.ts";
import { finetune } from "../../src/cli/commands/finetune.ts";
import { jobOf } from "../../src/cli/finetune/job.ts";
import { commandOf, type FineTuneJob, type JobSettings, SETTING_NAMES } from "../../src/jobs/index.ts";
import { NUMBERS } from "../../src/jobs/settings.ts";

/** The words that a shell makes of a line. */
function wordsOf(line: string): string[] {
  const script = `set -- ${line}; for word; do printf '%s\\0' "$word"; done`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

/** What `graft` makes of the line: the job, and where it goes. */
async function parsed(line: string): Promise<{ job: FineTuneJob; out: string }> {
  const [program, command, ...args] = wordsOf(line);
  expect([program, command]).toEqual(["graft", "finetune"]);
  const { options, given } = parseArguments(finetune, args);
  return { job: await jobOf(options, given), out: options.out };
}

const path = (value: string) => ({ kind: "path" as const, path: value });
const EVERYTHING: Required<JobSettings> = {
  validFraction: 0.25,
  labelColumn: "the label",
  textColumn: 'it\'s "text"',
  augment: ["crop=4", "flip"],
  imageSize: 32,
  epochs: 2,
  batch: 8,
  accumulate: 3,
  maxLength: 64,
  lr: 3e-7,
  headLr: 0.001,
  layerDecay: 0.8,
  rates: { "h.{2,3}.*": 1e-4, "*.bias": 0.5 },
  weightDecay: 0,
  warmup: 0.05,
  schedule: "cosine",
  clip: 0,
  freeze: "h.0,wte",
  unfreeze: "h.3,ln_f",
  gradual: 2,
  lora: 4,
  loraAlpha: 8.5,
  loraMatch: "h.*.attn.c_attn",
  newHead: true,
  groupByLength: true,
  seed: 0,
  maxSteps: 100,
  evalEvery: 10,
  evalBatch: 16,
  checkpointEvery: 25,
  checkpointBlocks: true,
  noCapture: true,
};

describe("commandOf", () => {
  it("writes every setting so that graft reads the same job", async () => {
    expect(Object.keys(EVERYTHING).sort()).toEqual([...SETTING_NAMES].sort());
    const job: FineTuneJob = {
      task: "classify",
      model: path("models/gpt2 mini"),
      data: path("--odd name.tsv"),
      valid: path("$HOME/`valid`.tsv"),
      settings: EVERYTHING,
    };
    const line = commandOf(job, { out: "runs/first one" });
    expect(line).toContain("--label-column 'the label'");
    expect(line).toContain("--rates 'h.{2,3}.*=0.0001,*.bias=0.5'");
    expect(await parsed(line)).toEqual({ job, out: "runs/first one" });
  });

  it("reads back whatever the settings are", async () => {
    const numbers = Object.entries(NUMBERS).map(([name, rule]) => {
      const { type, min = 0, max = 1e6 } = rule as { type: string; min?: number; max?: number };
      const value =
        type === "integer"
          ? fc.integer({ min, max })
          : fc.double({ min, max, minExcluded: true, maxExcluded: true, noNaN: true });
      return [name, value] as const;
    });
    const word = fc.string({ minLength: 1, unit: "grapheme" }).filter((text) => !text.includes("\0"));
    const settings = fc.record(
      { ...Object.fromEntries(numbers), textColumn: word, freeze: word },
      { requiredKeys: [] },
    );
    const id = fc.stringMatching(/^[a-z][a-z0-9]{2,8}(-[a-z]{2,4}){2}\/[A-Z][a-zA-Z0-9_]{3,8}$/);
    const url = fc.webUrl({ withQueryParameters: true }).map((at) => ({ kind: "url" as const, url: at }));
    const model = fc.oneof(
      word.map((name) => path(`./${name}`)),
      url,
      fc.record({ kind: fc.constant("hub" as const), id, revision: id }, { requiredKeys: ["kind", "id"] }),
    );
    const data = fc.oneof(fc.constant(path("data.txt")), url);
    await fc.assert(
      fc.asyncProperty(settings, model, data, async (some, source, data) => {
        const job = { task: "lm", model: source, data, settings: some } as FineTuneJob;
        expect((await parsed(commandOf(job))).job).toEqual(job);
      }),
      { numRuns: 40 },
    );
  });

  it("names a model and data that come from elsewhere than a disk", () => {
    const text = { kind: "text", name: "typed.tsv", text: "a\tb" } as const;
    const lines = (
      [
        { kind: "url", url: "https://example.org/models/gpt2%20mini/?v=1#top" },
        { kind: "hub", id: "openai-community/gpt2" },
        { kind: "hub", id: "openai-community/gpt2", revision: "refs/pr/7" },
        { kind: "files", name: "dropped", files: {} },
        { kind: "opfs", path: "graft/session/model", name: "kept" },
      ] as const
    ).map((model) => commandOf({ task: "classify", model, data: text }));
    const rest = "--task classify --data typed.tsv --out fine-tuned";
    expect(lines).toEqual([
      `graft finetune --model 'https://example.org/models/gpt2%20mini/?v=1' ${rest}`,
      `graft finetune --model openai-community/gpt2 ${rest}`,
      `graft finetune --model openai-community/gpt2 --revision refs/pr/7 ${rest}`,
      `graft finetune --model dropped ${rest}`,
      `graft finetune --model kept ${rest}`,
    ]);
    const data = { kind: "url", url: "https://example.org/sms.tsv?v=1#top" } as const;
    const far = commandOf({ task: "classify", model: path("m"), data, valid: { kind: "url", url: "valid.tsv" } });
    expect(far).toBe(
      "graft finetune --model m --task classify --data 'https://example.org/sms.tsv?v=1' --valid valid.tsv --out fine-tuned",
    );
    expect(
      commandOf(
        { task: "classify", model: { kind: "url", url: "/m" }, data: text },
        { model: "a", data: "b", out: "c" },
      ),
    ).toBe("graft finetune --model a --task classify --data b --out c");
  });
});
