import { dataName, type FineTuneJob, modelName } from "../../src/jobs/index.ts";
import type { SavedModel } from "../../src/session/index.ts";
import { fill } from "../shared/dom.ts";
import { fileList } from "../shared/file-list.ts";
import { keepFiles } from "../shared/keep-files.ts";
import type { Part } from "../shared/parts.ts";
import type { App } from "./app.ts";

/** Part 6: the model in Hub layout, the report, and the command that repeats the run in Node. */
export function keepPart(app: App, part: Part): void {
  const kept = keepFiles(
    "With the data beside it, and a model's folder if it was dropped. On the same adapter it gives the same bits.",
    () => app.save(),
  );
  fill(part.body, kept.element);

  app.store.watch((state, before) => {
    const { saved, job, run } = state;
    const isReady = run !== null && run.phase === "ended" && run.lastStep !== null;
    part.setReady(isReady);
    if (saved === before?.saved && before !== null) return;
    part.setDone(saved !== null);
    kept.show(saved && job ? { files: filesOf(saved, job), command: saved.command } : null);
  });
}

function filesOf({ files }: SavedModel, job: FineTuneJob): HTMLElement[] {
  const name = `${modelName(job.model).replace(/.*\//, "")}-${dataName(job.data).replace(/\.\w+$/, "")}`;
  return fileList(name, { ...files, ...dataFile(job) });
}

/** The data as they were trained on, which the command names. */
function dataFile({ data }: FineTuneJob): Record<string, Blob> {
  return data.kind === "text" ? { [data.name]: new Blob([data.text], { type: "text/plain" }) } : {};
}
