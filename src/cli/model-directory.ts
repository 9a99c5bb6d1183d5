import { stat } from "node:fs/promises";
import { join } from "node:path";
import { CHECKPOINT_FILE } from "../finetune/index.ts";
import { NodeDirectory } from "../io/node/index.ts";
import { type ModelFolder, openFolder as openDirectory } from "../jobs/model-folder.ts";
import { UsageError } from "./arguments.ts";

/** @throws when there is no such directory, or its config.json is missing, broken or of no known family. */
export const openFolder = async (path: string): Promise<ModelFolder> => openDirectory(await NodeDirectory.open(path));

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
