import type { SessionEvent } from "../../src/session/index.ts";
import type { RunLog } from "./run-log.ts";

/** Milliseconds between two looks at events that come faster than anyone can read. */
const TICK = 80;

/**
 * Begins a run and records its events in its log to the end. `show` is called after each, of frequent ones not after all.
 *
 * @throws what made the run fail, after the log says so.
 */
export async function followRun(
  log: RunLog,
  begin: () => AsyncIterable<SessionEvent>,
  show: (event: SessionEvent) => void,
): Promise<void> {
  let shown = 0;
  try {
    for await (const event of begin()) {
      log.record(event);
      const isFrequent = event.type === "step" || event.type === "bytes" || event.type === "compile";
      if (isFrequent && performance.now() - shown < TICK) continue;
      shown = performance.now();
      show(event);
    }
    // A run that was left without an end event was cancelled before its first step.
    if (log.phase !== "ended") Object.assign(log, { phase: "ended", ended: "cancelled" });
  } catch (error) {
    log.phase = "failed";
    throw error;
  }
}
