import { checkJob } from "../check.ts";
import type { FineTuneJob } from "../job.ts";
import { openFolder, requireImages, requireTexts } from "../model-folder.ts";
import { prepareImages } from "./images.ts";
import type { JobReader, TaskRun } from "./task-run.ts";
import { prepareTexts } from "./texts.ts";

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
