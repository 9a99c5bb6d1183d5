import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Phase } from "./run-log.ts";

export interface RunActions {
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  cancel(): Promise<void>;
  /** Leads to what has to be mended before a run can start; without it, the button to start does nothing then. */
  explain?(): void;
}

export interface RunButtons {
  readonly elements: readonly HTMLElement[];
  /** Shows the buttons that mean something now. `canGoOn` tells of a run that ended early and is kept. */
  show(phase: Phase, canStart: boolean, canGoOn?: boolean): void;
  setStatus(text: string): void;
}

/** Train, pause, go on, cancel, and a sentence on what is going on. */
export function runButtons(actions: RunActions): RunButtons {
  const button = (label: string, kind: "play" | "pause" | "stop", action: () => Promise<void>, isPrimary = false) =>
    h(
      "button",
      { class: `button${isPrimary ? " primary" : ""}`, type: "button", onclick: () => void action() },
      icon(kind),
      label,
    );
  const begin = async (): Promise<void> =>
    start.getAttribute("aria-disabled") === "true" ? actions.explain?.() : actions.start();
  const start = button("Train", "play", begin, true);
  const pause = button("Pause", "pause", () => actions.pause());
  const resume = button("Go on", "play", () => actions.resume(), true);
  const cancel = button("Cancel", "stop", () => actions.cancel());
  const status = h("p", { class: "status", role: "status" });
  return {
    elements: [start, pause, resume, cancel, status],
    show(phase, canStart, canGoOn = false) {
      const isRunning = phase === "preparing" || phase === "running" || phase === "paused";
      const focused = document.activeElement;
      start.hidden = isRunning;
      // A button that can be pressed says why it does nothing; one that is disabled cannot even be reached.
      start.disabled = !canStart && !actions.explain;
      start.setAttribute("aria-disabled", String(!canStart));
      pause.hidden = phase !== "running" && phase !== "preparing";
      pause.disabled = phase === "preparing";
      resume.hidden = phase !== "paused" && !canGoOn;
      resume.classList.toggle("primary", phase === "paused");
      cancel.hidden = !isRunning;
      // The button that had the focus must not vanish under it.
      const next = phase === "paused" ? [resume, cancel] : [pause, cancel, start];
      const isLost = [start, pause, resume, cancel].some((one) => one === focused && one.hidden);
      if (isLost) next.find((one) => !one.hidden && !one.disabled)?.focus();
    },
    setStatus(text) {
      // A live region is read out anew only when its text has changed.
      if (status.textContent !== text) status.textContent = text;
    },
  };
}
