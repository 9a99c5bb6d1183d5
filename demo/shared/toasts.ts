import { h } from "./dom.ts";
import { icon } from "./icons.ts";

/** How long what asks for nothing stays, in milliseconds. Errors stay until they are closed. */
const STAY = 6000;
/** Errors that are shown at a time; an older one makes room. */
const MOST = 3;

let region: HTMLElement | undefined;

function regionOf(): HTMLElement {
  if (!region) {
    region = h("div", { class: "toasts", role: "region", "aria-label": "Messages" });
    document.body.append(region);
  }
  return region;
}

function show(kind: "error" | "info", title: string, text: string): void {
  const toast = h(
    "div",
    { class: `toast ${kind}`, role: kind === "error" ? "alert" : "status" },
    h("div", {}, h("strong", {}, title), text !== "" && h("p", {}, text)),
    h(
      "button",
      { class: "icon-button", type: "button", "aria-label": "Close", onclick: () => toast.remove() },
      icon("close"),
    ),
  );
  const all = regionOf();
  while (all.childElementCount >= MOST) all.firstElementChild!.remove();
  all.append(toast);
  if (kind === "info") setTimeout(() => toast.remove(), STAY);
}

/** An error in the page: what could not be done, and the error's own words. It stays until it is closed. */
export function showError(title: string, error: unknown): void {
  show("error", title, sentence(error instanceof Error ? error.message : String(error)));
}

/** Takes errors away that a later success has settled. */
export function clearErrors(): void {
  for (const toast of region?.querySelectorAll(".toast.error") ?? []) toast.remove();
}

/** Something good to know, for a few seconds. */
export function showInfo(title: string, text = ""): void {
  show("info", title, text);
}

/** "no such file" -> "No such file." */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  // A name of a file or a path stays as it is written.
  const starts = /^[a-z]+(?=[\s,:])/.test(trimmed) ? trimmed[0].toUpperCase() + trimmed.slice(1) : trimmed;
  return /[.!?…]$/.test(starts) ? starts : `${starts}.`;
}
