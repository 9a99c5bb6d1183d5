import { formatBytes } from "../../src/finetune/format.ts";
import { saveFile, saveZip } from "../../src/io/browser/index.ts";
import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import { showError } from "./toasts.ts";

/** Files to be downloaded, all as one archive of a name, or one by one. */
export function fileList(name: string, files: Readonly<Record<string, Blob>>, listed = files): HTMLElement[] {
  const total = Object.values(files).reduce((sum, { size }) => sum + size, 0);
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
        { class: "button primary", type: "button", onclick: download(`${name}.zip`, () => saveZip(name, files)) },
        icon("download"),
        "Download all",
      ),
      h("span", { class: "soft small" }, `${name}.zip, ${formatBytes(total)}`),
    ),
    h(
      "ul",
      { class: "files" },
      Object.entries(listed).map(([file, contents]) =>
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
