import { h } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Phase } from "./run-log.ts";

export interface RunActions {
  start(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  cancel(): Promise<void>;
}

export interface RunButtons {
  readonly elements: readonly HTMLElement[];
  /** Shows the buttons that mean something now. */
  show(phase: Phase, canStart: boolean): void;
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
  const start = button("Train", "play", () => actions.start(), true);
  const pause = button("Pause", "pause", () => actions.pause());
  const resume = button("Go on", "play", () => actions.resume(), true);
  const cancel = button("Cancel", "stop", () => actions.cancel());
  const status = h("p", { class: "status", role: "status" });
  return {
    elements: [start, pause, resume, cancel, status],
    show(phase, canStart) {
      const isRunning = phase === "preparing" || phase === "running" || phase === "paused";
      const focused = document.activeElement;
      start.hidden = isRunning;
      start.disabled = !canStart;
      pause.hidden = phase !== "running" && phase !== "preparing";
      pause.disabled = phase === "preparing";
      resume.hidden = phase !== "paused";
      cancel.hidden = !isRunning;
      // The button that had the focus must not vanish under it.
      const all = [resume, pause, cancel, start];
      if (all.some((one) => one === focused && one.hidden)) all.find((one) => !one.hidden && !one.disabled)?.focus();
    },
    setStatus(text) {
      // A live region is read out anew only when its text has changed.
      if (status.textContent !== text) status.textContent = text;
    },
  };
}
