import { dataName, type FineTuneJob, modelName } from "../../src/jobs/index.ts";
import type { SavedModel } from "../../src/session/index.ts";
import { codeBlock } from "../shared/code.ts";
import { fill, h } from "../shared/dom.ts";
import { fileList } from "../shared/file-list.ts";
import type { Part } from "../shared/parts.ts";
import type { App } from "./app.ts";

/** Part 6: the model in Hub layout, the report, and the command that repeats the run in Node. */
export function keepPart(app: App, part: Part): void {
  const prepare = h(
    "button",
    {
      class: "button primary",
      type: "button",
      onclick: async () => {
        prepare.disabled = true;
        await app.save();
        prepare.disabled = false;
      },
    },
    "Prepare the files",
  );
  const code = codeBlock("The command that repeats the run in Node");
  const files = h("div", { class: "stack close" });
  const command = h(
    "div",
    { class: "stack close" },
    h("h3", {}, "The same run in Node"),
    h(
      "p",
      { class: "soft small" },
      "With the model's folder and the data beside each other. On the same adapter it gives the same bits.",
    ),
    code.element,
  );
  fill(part.body, h("div", { class: "stack" }, h("div", { class: "row" }, prepare), files, command));

  app.store.watch((state, before) => {
    const { saved, job, run } = state;
    const isReady = run !== null && run.phase === "ended" && run.lastStep !== null;
    part.setReady(isReady);
    if (saved === before?.saved && before !== null) return;
    prepare.hidden = saved !== null;
    files.hidden = saved === null;
    command.hidden = saved === null;
    part.setDone(saved !== null);
    if (!saved || !job) return;
    code.set(saved.command);
    fill(files, filesOf(saved, job));
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
