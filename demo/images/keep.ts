import { fill } from "../shared/dom.ts";
import { fileList } from "../shared/file-list.ts";
import { keepFiles } from "../shared/keep-files.ts";
import type { Part } from "../shared/parts.ts";
import type { App } from "./app.ts";
import { FOLDER, picturePaths } from "./pictures.ts";

/** Part 5: the network in Hub layout with its report, the pictures, and the command that repeats the run in Node. */
export function keepPart(app: App, part: Part): void {
  const kept = keepFiles(
    `With the folder "${FOLDER}" of the archive beside it. On the same adapter it gives the same bits.`,
    app.save,
  );
  fill(part.body, kept.element);

  app.store.watch((state, before) => {
    const { saved, run, model, trainedOn, isLost } = state;
    part.setReady(saved !== null || (!isLost && run !== null && run.phase === "ended" && run.lastStep !== null));
    if (saved === before?.saved && before !== null) return;
    part.setDone(saved !== null);
    if (!saved) return kept.show(null);
    const pictures = Object.fromEntries(picturePaths(trainedOn).map(({ path, file }) => [`${FOLDER}/${path}`, file]));
    const files = fileList(`${model}-pictures`, { ...saved.files, ...pictures }, saved.files);
    kept.show({ files, command: saved.command });
  });
}
