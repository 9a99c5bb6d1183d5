import { h } from "./dom.ts";

export interface Progress {
  readonly element: HTMLElement;
  /** What is done of a whole, in any unit, and words for it; a total of null is one that is not known. */
  set(done: number, total: number | null, words?: string): void;
}

/** A bar with its name on the left and words on the right. */
export function progressBar(label: string): Progress {
  const words = h("span");
  const fill = h("div", { class: "fill" });
  const track = h(
    "div",
    { class: "track", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100 },
    fill,
  );
  const element = h("div", { class: "progress" }, h("div", { class: "words" }, h("span", {}, label), words), track);
  return {
    element,
    set(done, total, text = "") {
      const isUnknown = total === null;
      element.classList.toggle("unknown", isUnknown);
      words.textContent = text;
      if (isUnknown) {
        track.removeAttribute("aria-valuenow");
        fill.style.transform = "";
        return;
      }
      const share = total === 0 ? 1 : Math.min(1, Math.max(0, done / total));
      fill.style.transform = `scaleX(${share})`;
      track.setAttribute("aria-valuenow", String(Math.round(share * 100)));
      if (text !== "") track.setAttribute("aria-valuetext", text);
    },
  };
}
