import { formatBytes } from "../../src/finetune/format.ts";
import { clearStored, listStored, type StoredFolder } from "../../src/io/browser/index.ts";
import { fill, focusInstead, h } from "./dom.ts";
import { showError } from "./toasts.ts";

export interface StoragePanel {
  readonly element: HTMLElement;
  /** Looks anew at what is stored. */
  refresh(): Promise<void>;
}

/** What Graft keeps in this browser, models and runs, with sizes, and buttons that delete it; `onDelete` is told afterwards. */
export function storagePanel(onDelete: () => void): StoragePanel {
  const summary = h("summary", {});
  const list = h("ul", { class: "files" });
  const element = h("details", { class: "stored" }, summary, list);
  const refresh = async (): Promise<void> => {
    let folders: readonly StoredFolder[];
    try {
      folders = await listStored();
    } catch {
      // Some browsers give pages no storage of their own, in private windows for instance.
      folders = [];
    }
    const total = folders.reduce((sum, { bytes }) => sum + bytes, 0);
    element.hidden = folders.length === 0;
    summary.textContent = `Kept in this browser: ${formatBytes(total)}`;
    fill(
      list,
      folders.map(({ path, bytes }) => row(path, bytes)),
      folders.length > 1 ? row("", total) : null,
    );
  };
  const row = (path: string, bytes: number): HTMLElement =>
    h(
      "li",
      {},
      h("span", { class: "truncate", title: path }, path === "" ? "All of it" : storedName(path)),
      h("span", { class: "soft number" }, formatBytes(bytes)),
      h(
        "button",
        {
          class: "button quiet small",
          type: "button",
          "aria-label": path === "" ? "Delete all of it" : `Delete ${storedName(path)}`,
          onclick: async () => {
            try {
              await clearStored(path);
            } catch (error) {
              showError("It could not be deleted", error);
            }
            await refresh();
            focusInstead(list, summary);
            onDelete();
          },
        },
        "Delete",
      ),
    );
  return { element, refresh };
}

/** A folder as people know it: "models/hub/openai-community/gpt2@main" -> "Model openai-community/gpt2, from the Hub". */
export function storedName(path: string): string {
  const [, hub] = path.match(/^models\/hub\/(.+?)(?:@main)?$/) ?? [];
  if (hub !== undefined) return `Model ${hub}, from the Hub`;
  const [, model] = path.match(/^models\/.*?([^/]+)$/) ?? [];
  if (model !== undefined) return `Model ${model}`;
  if (path === "session") return "The last run on texts";
  return path === "session-images" ? "The last run on images" : path;
}
