/** Longest pause between two nudges, in milliseconds. */
const LONGEST_PAUSE = 8;

/** Whether this is a page or a worker of Firefox. */
export const isFirefox = (agent = globalThis.navigator?.userAgent ?? ""): boolean => / Firefox\/\d/.test(agent);

/**
 * Waits for promises of a device in Firefox, which looks only ten times a second whether work is done, so that each value
 * read would take a tenth of a second; but it looks as well whenever something is submitted. So an empty submit follows at
 * once, and then others, in pauses that grow. Where timers stand still, as in a tab that nobody
 * sees, Firefox's own look is awaited.
 */
export function waitNudging(device: Pick<GPUDevice, "queue">): <T>(promise: Promise<T>) => Promise<T> {
  return async (promise) => {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    // What is settled already is known as such after one turn.
    await 0;
    for (let pause = 0; !isSettled; pause = Math.min(pause + 1 / 8, LONGEST_PAUSE)) {
      device.queue.submit([]);
      await Promise.race([promise, new Promise((resolve) => setTimeout(resolve, pause))]);
    }
    return promise;
  };
}
