/** How long the lock of a tab that is being closed or loaded anew may stay behind, in milliseconds. */
const LOCK_PATIENCE = 5_000;

/**
 * Runs while no other tab has a run in the same folder. Holding the lock also keeps browsers from freezing a tab in the
 * background. `signal` ends the waiting for it.
 */
export async function alone(lock: string | null, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const locks = globalThis.navigator?.locks;
  if (lock === null || !locks) return work();
  const waiting = new AbortController();
  const stop = (): void => waiting.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const patience = AbortSignal.timeout(LOCK_PATIENCE);
  patience.onabort = () =>
    waiting.abort(new Error("another tab is training in this browser's storage; close it, or cancel its run, first"));
  try {
    await locks.request(lock, { signal: waiting.signal }, work);
  } finally {
    signal.removeEventListener("abort", stop);
    patience.onabort = null;
  }
}

/** Whether a run has the lock. Who waits until it is free shares it for a moment. */
export async function isHeld(lock: string | null): Promise<boolean> {
  const { held = [] } = (lock !== null && (await globalThis.navigator?.locks?.query())) || {};
  return held.some(({ name, mode }) => name === lock && mode === "exclusive");
}

/** Resolves when nobody has the lock. `signal` ends the waiting. */
export async function untilFree(lock: string | null, signal: AbortSignal): Promise<void> {
  const locks = globalThis.navigator?.locks;
  if (lock !== null && locks) await locks.request(lock, { mode: "shared", signal }, () => {});
}
