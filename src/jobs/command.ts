import { type DataSource, dataName, type FineTuneJob, type ModelSource, modelName } from "./job.ts";
import { type JobSettings, SETTING_NAMES } from "./settings.ts";
import { ratesText } from "./training/report.ts";

/** Where the command finds and puts its files, where they are elsewhere than their names say. */
export interface CommandPaths {
  readonly model?: string;
  readonly data?: string;
  readonly valid?: string;
  readonly out?: string;
}

/**
 * The line that repeats a job in Node: `graft finetune …`, quoted for a POSIX shell. A model from an address, the Hub or
 * dropped files is named by its directory, and data by its file, unless `paths` say where they lie.
 */
export const commandOf = (job: FineTuneJob, paths: CommandPaths = {}): string =>
  ["graft", ...argumentsOf(job, paths)].map(quoted).join(" ");

/** The words of the command after `graft`, not quoted. */
export function argumentsOf({ task, model, data, valid, settings = {} }: FineTuneJob, paths: CommandPaths): string[] {
  const words = ["finetune"];
  const put = (name: string, value: string): void => {
    const flag = flagOf(name);
    // A value that looks like an option has to stand in one word with its own.
    words.push(...(value.startsWith("-") ? [`${flag}=${value}`] : [flag, value]));
  };
  put("model", paths.model ?? pathOf(model, modelName(model)));
  put("task", task);
  put("data", paths.data ?? pathOf(data, dataName(data)));
  if (valid !== undefined) put("valid", paths.valid ?? pathOf(valid, dataName(valid)));
  for (const name of SETTING_NAMES) {
    const value = settings[name];
    if (value === true) words.push(flagOf(name));
    else if (value !== undefined && value !== false) put(name, textOf(value));
  }
  put("out", paths.out ?? "fine-tuned");
  return words;
}

const pathOf = (source: ModelSource | DataSource, name: string): string =>
  source.kind === "path" ? source.path : name;

function textOf(value: NonNullable<JobSettings[keyof JobSettings]>): string {
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "object" ? ratesText(value as Readonly<Record<string, number>>) : String(value);
}

/** `maxLength` -> `--max-length` */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A word as a POSIX shell takes it. */
function quoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
