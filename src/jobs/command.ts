import { checkParts } from "./check.ts";
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
 * The line that repeats a job in Node: `graft finetune …`, quoted for a POSIX shell. A model of the Hub is named by its id,
 * with its revision if one was chosen, and what lies at an address by that; dropped files are named by their directory, and
 * data by their file, unless `paths` say where they lie.
 *
 * @throws SettingError where it is no job; what its settings are is not looked at.
 */
export function commandOf(job: FineTuneJob, paths: CommandPaths = {}): string {
  checkParts(job);
  return ["graft", ...argumentsOf(job, paths)].map(quoted).join(" ");
}

/** The words of the command after `graft`, not quoted. */
export function argumentsOf({ task, model, data, valid, settings = {} }: FineTuneJob, paths: CommandPaths): string[] {
  const words = ["finetune"];
  const put = (name: string, value: string): void => {
    const flag = flagOf(name);
    // A value that looks like an option has to stand in one word with its own.
    words.push(...(value.startsWith("-") ? [`${flag}=${value}`] : [flag, value]));
  };
  put("model", paths.model ?? placeOf(model, modelName));
  if (paths.model === undefined && model.kind === "hub" && model.revision !== undefined)
    put("revision", model.revision);
  put("task", task);
  put("data", paths.data ?? placeOf(data, dataName));
  if (valid !== undefined) put("valid", paths.valid ?? placeOf(valid, dataName));
  for (const name of SETTING_NAMES) {
    const value = settings[name];
    if (value === true) words.push(flagOf(name));
    else if (value !== undefined && value !== false) put(name, textOf(value));
  }
  put("out", paths.out ?? "fine-tuned");
  return words;
}

/** Where the command finds a model or data: by their name, if they have no place that it could reach. */
function placeOf<S extends ModelSource | DataSource>(source: S, nameOf: (source: S) => string): string {
  if (source.kind === "path") return source.path;
  return source.kind === "url" && /^https?:/i.test(source.url) ? source.url.replace(/#.*$/, "") : nameOf(source);
}

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
