import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CHECKPOINT_FILE } from "../finetune/index.ts";
import type { ModelDirectory } from "../io/index.ts";
import { type ModelDirectoryOptions, modelDirectory, placeOfModel } from "../io/node/index.ts";
import type { ModelSource } from "../jobs/job.ts";
import { type ModelFolder, openFolder as openDirectory } from "../jobs/model-folder.ts";
import { type OptionDefinitions, type OptionValues, UsageError } from "./arguments.ts";
import type { CommandContext } from "./context.ts";
import type { DownloadLine } from "./download-line.ts";

/** What `--model` may be. */
export const MODEL_FORMS =
  "a directory in Hub layout, an address of one (https://…), or a name on the Hub, such as openai-community/gpt2";

/** Options of models that come over the network. */
export const REMOTE_OPTIONS = {
  revision: {
    type: "string",
    placeholder: "NAME",
    description: "branch, tag or commit of a model on the Hub; main by default",
  },
  refresh: {
    type: "boolean",
    description:
      "ask anew for a model that was downloaded before; without it what is in $GRAFT_CACHE (~/.cache/graft) is good",
  },
} as const satisfies OptionDefinitions;

/** Options of every command that reads a model. */
export const MODEL_OPTIONS = {
  model: { type: "string", required: true, placeholder: "MODEL", description: MODEL_FORMS },
  ...REMOTE_OPTIONS,
} as const satisfies OptionDefinitions;

export type RemoteOptions = OptionValues<typeof REMOTE_OPTIONS>;

/** Of weights that come over the network what is read alone is asked for, and none of them is kept. */
export const HEADERS_ALONE = {
  keeps: (file: string): boolean => !file.endsWith(".safetensors"),
} as const satisfies ModelDirectoryOptions;

/** What the reading of a model has of the command around it. */
export interface ModelAccess extends Pick<CommandContext, "env"> {
  readonly signal: AbortSignal;
  readonly downloads: DownloadLine;
}

/** Where the model of a command line lies. @throws UsageError when `--revision` goes with something else than the Hub. */
export async function sourceOfModel({ model, revision }: RemoteOptions & { model: string }): Promise<ModelSource> {
  const place = await placeOfModel(model);
  if (revision === undefined) return place;
  if (place.kind === "hub") return { ...place, revision };
  const what = place.kind === "url" ? "an address" : "a directory";
  throw new UsageError(`--revision goes with a model of the Hub, and ${model} is ${what}`);
}

/**
 * Opens the model of a command line.
 * @throws when there is no such directory or model, or it cannot be had.
 */
export async function openModel(
  options: RemoteOptions & { model: string },
  { env, signal, downloads }: ModelAccess,
  { keeps }: Pick<ModelDirectoryOptions, "keeps"> = {},
): Promise<ModelDirectory> {
  const { revision, refresh } = options;
  await sourceOfModel(options);
  return modelDirectory(options.model, { revision, refresh, env, signal, onProgress: downloads.onProgress, keeps });
}

/** The same, with its configuration read. @throws also when config.json is missing, broken or of no known family. */
export const openFolder = async (
  options: RemoteOptions & { model: string },
  access: ModelAccess,
): Promise<ModelFolder> => openDirectory(await openModel(options, access));

/** Files by which a directory is known to hold a model. */
const MODEL_FILES = ["model.safetensors", "model.safetensors.index.json"];

/**
 * Refuses to write a model where it was read, or over another one or its checkpoint.
 *
 * @param resume directory that the run goes on from, whose files may be replaced
 */
export async function checkOutput(
  out: string,
  model: string,
  { overwrite, resume }: { overwrite: boolean; resume?: string },
): Promise<void> {
  if (await isSameDirectory(out, model)) throw new UsageError(`--out ${out} is the directory of the model itself`);
  if (overwrite || (resume !== undefined && (await isSameDirectory(out, resume)))) return;
  const holds = async (file: string): Promise<boolean> => (await stat(join(out, file)).catch(() => null)) !== null;
  for (const file of MODEL_FILES) {
    if (await holds(file)) throw new UsageError(`--out ${out} holds a model already; use --overwrite to replace it`);
  }
  if (await holds(CHECKPOINT_FILE)) {
    throw new UsageError(`--out ${out} holds a stopped run; go on with --resume ${out}, or use --overwrite`);
  }
}

async function isSameDirectory(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => stat(path).catch(() => null)));
  return one !== null && other !== null && one.ino === other.ino && one.dev === other.dev;
}
