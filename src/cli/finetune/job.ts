import { NodeDirectory, readImageData } from "../../io/node/index.ts";
import type { DataSource, FineTuneJob, ModelSource } from "../../jobs/job.ts";
import { type JobSettings, SETTING_NAMES } from "../../jobs/settings.ts";
import type { JobReader } from "../../jobs/tasks/task-run.ts";
import { parsePatterns } from "../../nn/index.ts";
import { UsageError } from "../arguments.ts";
import { readTextFile } from "../data.ts";
import type { FinetuneCommandOptions } from "./options.ts";

/** The job that a command line asks for: what was written, and nothing of the defaults. */
export function jobOf(options: FinetuneCommandOptions, given: ReadonlySet<string>): FineTuneJob {
  const { task, model, data, valid } = options;
  const values = { ...options, rates: options.rates === undefined ? undefined : parseRates(options.rates) };
  const names = SETTING_NAMES.filter((name) => given.has(name));
  return {
    task,
    model: { kind: "path", path: model },
    data: { kind: "path", path: data },
    ...(valid === undefined ? {} : { valid: { kind: "path", path: valid } }),
    settings: Object.fromEntries(names.map((name) => [name, values[name]])) as JobSettings,
  };
}

/** `h.3=1e-4,h.2.*=3e-5` as rates by pattern. */
function parseRates(text: string): Record<string, number> {
  const rates: Record<string, number> = {};
  for (const rule of parsePatterns(text)) {
    const [, pattern, rate] = /^(.+)=([\d.]+(?:e[-+]?\d+)?)$/i.exec(rule) ?? [];
    if (pattern === undefined || Number.isNaN(Number(rate))) {
      throw new UsageError(`--rates: expected PATTERN=RATE, such as h.3=1e-4, got ${JSON.stringify(rule)}`);
    }
    rates[pattern] = Number(rate);
  }
  return rates;
}

/** The path of a source that lies on this machine's disk. */
function pathOf(source: ModelSource | DataSource): string {
  if (source.kind === "path") return source.path;
  throw new Error(`a source of the kind ${source.kind} cannot be read from a disk`);
}

/** Reads a job's sources from this machine's disk. */
export const diskReader: JobReader = {
  model: (source) => NodeDirectory.open(pathOf(source)),
  text: async (source) => (source.kind === "text" ? source.text : readTextFile(pathOf(source))),
  images: (source, options) => readImageData(pathOf(source), options),
};
