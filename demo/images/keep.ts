import { codeBlock } from "../shared/code.ts";
import { fill, h } from "../shared/dom.ts";
import { fileList } from "../shared/file-list.ts";
import type { Part } from "../shared/parts.ts";
import type { App } from "./app.ts";
import { FOLDER, picturePaths } from "./pictures.ts";

/** Part 5: the network in Hub layout with its report, the pictures, and the command that repeats the run in Node. */
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
      `With the network's folder and the folder "${FOLDER}" of the archive beside each other. On the same adapter it gives the same bits.`,
    ),
    code.element,
  );
  fill(part.body, h("div", { class: "stack" }, h("div", { class: "row" }, prepare), files, command));

  app.store.watch((state, before) => {
    const { saved, run, model, trainedOn } = state;
    part.setReady(run !== null && run.phase === "ended" && run.lastStep !== null);
    if (saved === before?.saved && before !== null) return;
    for (const element of [files, command]) element.hidden = saved === null;
    prepare.hidden = saved !== null;
    part.setDone(saved !== null);
    if (!saved) return;
    code.set(saved.command);
    const pictures = Object.fromEntries(picturePaths(trainedOn).map(({ path, file }) => [`${FOLDER}/${path}`, file]));
    fill(files, fileList(`${model}-pictures`, { ...saved.files, ...pictures }, saved.files));
  });
}
