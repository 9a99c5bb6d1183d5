import { formatBytes } from "../../src/finetune/format.ts";
import { saveFile, saveZip } from "../../src/io/browser/index.ts";
import { dataName, type FineTuneJob, modelName } from "../../src/jobs/index.ts";
import type { SavedModel } from "../../src/session/index.ts";
import { codeBlock } from "../shared/code.ts";
import { fill, h } from "../shared/dom.ts";
import { icon } from "../shared/icons.ts";
import type { Part } from "../shared/parts.ts";
import { showError } from "../shared/toasts.ts";
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
    fill(files, fileList(saved, job));
  });
}

function fileList({ files }: SavedModel, job: FineTuneJob): HTMLElement[] {
  const all = { ...files, ...dataFile(job) };
  const name = `${modelName(job.model).replace(/.*\//, "")}-${dataName(job.data).replace(/\.\w+$/, "")}`;
  const total = Object.values(all).reduce((sum, { size }) => sum + size, 0);
  const download = (what: string, action: () => Promise<void>) => async (): Promise<void> => {
    try {
      await action();
    } catch (error) {
      showError(`${what} could not be downloaded`, error);
    }
  };
  return [
    h(
      "div",
      { class: "row" },
      h(
        "button",
        { class: "button primary", type: "button", onclick: download(`${name}.zip`, () => saveZip(name, all)) },
        icon("download"),
        "Download all",
      ),
      h("span", { class: "soft small" }, `${name}.zip, ${formatBytes(total)}`),
    ),
    h(
      "ul",
      { class: "files" },
      Object.entries(all).map(([file, contents]) =>
        h(
          "li",
          {},
          h("span", { class: "truncate" }, file),
          h("span", { class: "soft number" }, formatBytes(contents.size)),
          h(
            "button",
            {
              class: "button quiet small",
              type: "button",
              "aria-label": `Download ${file}`,
              onclick: download(file, () => saveFile(file, contents)),
            },
            "Download",
          ),
        ),
      ),
    ),
  ];
}

/** The data as they were trained on, which the command names. */
function dataFile({ data }: FineTuneJob): Record<string, Blob> {
  return data.kind === "text" ? { [data.name]: new Blob([data.text], { type: "text/plain" }) } : {};
}
