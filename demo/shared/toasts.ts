import { h } from "./dom.ts";
import { icon } from "./icons.ts";

/** How long what asks for nothing stays, in milliseconds. Errors stay until they are closed. */
const STAY = 6000;
/** Errors that are shown at a time; an older one makes room. */
const MOST = 3;
/** Errors of one message that are told in full. */
const MOST_LINES = 4;

let region: HTMLElement | undefined;

function regionOf(): HTMLElement {
  if (!region) {
    region = h("div", { class: "toasts", role: "region", "aria-label": "Messages" });
    document.body.append(region);
  }
  return region;
}

/** Something that can be done about it, such as "Undo". */
export interface ToastAction {
  readonly label: string;
  act(): void;
}

/** Shows a message. @returns what takes it away. */
function show(kind: "error" | "info", title: string, lines: readonly string[], action?: ToastAction): () => void {
  const toast = h(
    "div",
    { class: `toast ${kind}`, role: kind === "error" ? "alert" : "status" },
    h(
      "div",
      {},
      h("strong", {}, title),
      lines.filter((line) => line !== "").map((line) => h("p", {}, line)),
      action && actionButton(action, () => toast.remove()),
    ),
    h(
      "button",
      { class: "icon-button", type: "button", "aria-label": "Close", onclick: () => toast.remove() },
      icon("close"),
    ),
  );
  const all = regionOf();
  while (all.childElementCount >= MOST) all.firstElementChild!.remove();
  all.append(toast);
  if (kind === "info") goLater(toast, action ? 2 * STAY : STAY);
  return () => toast.remove();
}

const actionButton = ({ label, act }: ToastAction, close: () => void): HTMLElement =>
  h(
    "button",
    {
      ...{ class: "button small", type: "button" },
      onclick: () => {
        close();
        act();
      },
    },
    label,
  );

/** Takes a message away after a while; not under a pointer or a focus. */
function goLater(toast: HTMLElement, milliseconds: number): void {
  setTimeout(() => {
    if (toast.matches(":hover, :focus-within")) goLater(toast, milliseconds);
    else toast.remove();
  }, milliseconds);
}

/** An error in the page: what could not be done, and the error's own words. It stays until it is closed. */
export function showError(title: string, error: unknown, action?: ToastAction): void {
  show("error", title, [wordsOf(error)], action);
}

const wordsOf = (error: unknown): string => sentence(error instanceof Error ? error.message : String(error));

/** Several errors of one kind in one message: the first of them, and how many there are. */
export function showErrors(title: string, errors: readonly unknown[]): void {
  const words = errors.slice(0, MOST_LINES).map(wordsOf);
  const left = errors.length - words.length;
  show("error", title, left > 0 ? [...words, `And ${left} more.`] : words);
}

/** Takes errors away that a later success has settled. */
export function clearErrors(): void {
  for (const toast of region?.querySelectorAll(".toast.error") ?? []) toast.remove();
}

/** Something good to know, for a few seconds. @returns what takes it away sooner. */
export const showInfo = (title: string, text = "", action?: ToastAction): (() => void) =>
  show("info", title, [text], action);

/** "no such file" -> "No such file." */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  // A name of a file or a path stays as it is written.
  const starts = /^[a-z]+(?=[\s,:])/.test(trimmed) ? trimmed[0].toUpperCase() + trimmed.slice(1) : trimmed;
  return /[.!?…]$/.test(starts) ? starts : `${starts}.`;
}
