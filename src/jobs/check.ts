import { describeKind } from "../tensor/require-kind.ts";
import { SettingError } from "./errors.ts";
import { checkSource, type FineTuneJob, TASKS } from "./job.ts";
import { fullSettings } from "./settings.ts";

/** @throws SettingError where it is no job: a task, and where model and data come from. */
export function checkParts(job: FineTuneJob): void {
  if (typeof job !== "object" || job === null) {
    throw new SettingError(() => `expected a job { task, model, data, … }, got ${describeKind(job)}`);
  }
  const { task, model, data, valid, settings } = job;
  if (!TASKS.includes(task)) {
    throw new SettingError((n) => `${n("task")}: expected ${TASKS.join(", ")}, got ${JSON.stringify(task)}`);
  }
  checkSource("model", model);
  checkSource("data", data);
  if (valid !== undefined) checkSource("valid", valid);
  if (settings !== undefined && (typeof settings !== "object" || settings === null)) fullSettings(settings);
}

/** @throws JobError for what is wrong whatever the model and the data are. */
export function checkJob(job: FineTuneJob): void {
  checkParts(job);
  const { valid, settings } = job;
  fullSettings(settings);
  if (valid !== undefined && settings?.validFraction !== undefined) {
    throw new SettingError((n) => `${n("valid")} and ${n("validFraction")} exclude each other`);
  }
}
