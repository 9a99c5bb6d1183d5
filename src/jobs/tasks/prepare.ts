import { SettingError } from "../errors.ts";
import { DATA_KINDS, type FineTuneJob, MODEL_KINDS } from "../job.ts";
import { openFolder, requireImages, requireTexts, TASKS } from "../model-folder.ts";
import { fullSettings } from "../settings.ts";
import { prepareImages } from "./images.ts";
import type { JobReader, TaskRun } from "./task-run.ts";
import { prepareTexts } from "./texts.ts";

/** @throws JobError for what is wrong whatever the model and the data are. */
export function checkJob({ task, model, data, valid, settings }: FineTuneJob): void {
  if (!TASKS.includes(task)) {
    throw new SettingError((n) => `${n("task")}: expected ${TASKS.join(", ")}, got ${JSON.stringify(task)}`);
  }
  checkKind("model", model, MODEL_KINDS);
  checkKind("data", data, DATA_KINDS);
  if (valid !== undefined) checkKind("valid", valid, DATA_KINDS);
  fullSettings(settings);
  if (valid !== undefined && settings?.validFraction !== undefined) {
    throw new SettingError((n) => `${n("valid")} and ${n("validFraction")} exclude each other`);
  }
}

function checkKind(name: string, source: { readonly kind: string } | undefined, kinds: readonly string[]): void {
  if (kinds.includes(source?.kind ?? "")) return;
  const given = source === undefined ? "nothing" : JSON.stringify(source.kind);
  throw new SettingError((n) => `${n(name)}: expected a source of the kind ${kinds.join(", ")}, got ${given}`);
}

/** Opens the model's directory and reads the data; nothing of the weights yet. */
export async function prepareJob(job: FineTuneJob, reader: JobReader): Promise<TaskRun> {
  checkJob(job);
  const folder = await openFolder(await reader.model(job.model));
  const { task } = job;
  // What a batch is on the host and on the GPU matters to the task and its model alone.
  return (task === "image-classify"
    ? await prepareImages(job, requireImages(folder), reader)
    : await prepareTexts({ ...job, task }, requireTexts(folder), reader)) as unknown as TaskRun;
}
