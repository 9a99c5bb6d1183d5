/*
 * A browser that ends a worker, for want of memory for instance, tells its page nothing. Its locks it gives back: the worker
 * holds one as long as it lives, and the page waits for it.
 */

/** Takes a lock that is given back when this worker ends. Its name, or null where there are no locks. */
export async function holdForLife(): Promise<string | null> {
  const locks = globalThis.navigator?.locks;
  if (!locks) return null;
  const name = `graft/worker/${crypto.randomUUID()}`;
  return new Promise((resolve) => {
    const hold = (): Promise<never> => {
      resolve(name);
      return new Promise(() => {});
    };
    // Some pages may have no locks: those of a sandbox, for one.
    locks.request(name, hold).catch(() => resolve(null));
  });
}

/** Tells when the worker that holds a lock for its life has ended. `signal` ends the watch. */
export function watchLife(name: string, signal: AbortSignal, onEnd: () => void): void {
  const over = async (): Promise<void> => onEnd();
  globalThis.navigator?.locks?.request(name, { signal }, over).catch(() => {});
}
