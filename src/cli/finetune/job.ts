import type { DataSource, FineTuneJob } from "../../jobs/job.ts";
import { type JobSettings, SETTING_NAMES } from "../../jobs/settings.ts";
import type { JobReader } from "../../jobs/tasks/task-run.ts";
import { parsePatterns } from "../../nn/index.ts";
import { UsageError } from "../arguments.ts";
import { readTextFile, sourceOfData } from "../data.ts";
import { readImagesAt } from "../images.ts";
import { HEADERS_ALONE, type ModelAccess, openModel, sourceOfModel } from "../model-directory.ts";
import type { FinetuneCommandOptions } from "./options.ts";

/** The job that a command line asks for: what was written, and nothing of the defaults. */
export async function jobOf(options: FinetuneCommandOptions, given: ReadonlySet<string>): Promise<FineTuneJob> {
  const { task, data, valid } = options;
  const values = { ...options, rates: options.rates === undefined ? undefined : parseRates(options.rates) };
  const names = SETTING_NAMES.filter((name) => given.has(name));
  return {
    task,
    model: await sourceOfModel(options),
    data: sourceOfData(data),
    ...(valid === undefined ? {} : { valid: sourceOfData(valid) }),
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

/** The path or address of data. */
function placeOf(source: DataSource): string {
  if (source.kind === "path") return source.path;
  if (source.kind === "url") return source.url;
  throw new Error(`data of the kind ${source.kind} cannot be named on a command line`);
}

/** Reads a job's sources from where the command line says: this machine's disk, or the network. */
export const readerOf = (options: FinetuneCommandOptions, access: ModelAccess): JobReader => ({
  model: () => openModel(options, access, options.plan ? HEADERS_ALONE : undefined),
  text: async (source) => (source.kind === "text" ? source.text : readTextFile(placeOf(source), access.signal)),
  images: (source, how) => readImagesAt(placeOf(source), how, access.signal),
});
