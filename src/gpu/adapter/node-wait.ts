/** Milliseconds between looks at the device; short against any step, long against a look. */
const PAUSE = 0.2;

/**
 * Waits for a promise of Dawn in Node. While one is pending Dawn polls on the JavaScript thread, which takes most of a
 * core from a software adapter's own threads; sleeping in between gives it back. The event loop turns at every look,
 * so timers and signals still run.
 *
 * Narrow work, one workgroup a dispatch, keeps one core busy at most. There Dawn may poll: where the other core sleeps,
 * waking a thread for each dispatch takes twice as long as the dispatch.
 */
export async function waitSparingly<T>(promise: Promise<T>, isNarrow: boolean): Promise<T> {
  if (isNarrow) return promise;
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  while (!isSettled) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (!isSettled) Atomics.wait(sleeper, 0, 0, PAUSE);
  }
  return promise;
}
