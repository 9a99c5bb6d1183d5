/**
 * The garbage collector of this process or page. Node is told to show it; Chromium shows it by a switch of
 * vitest.browser.config.ts.
 */
export async function garbageCollector(): Promise<() => void> {
  const shown = (globalThis as { gc?: () => void }).gc;
  if (shown) return shown;
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
