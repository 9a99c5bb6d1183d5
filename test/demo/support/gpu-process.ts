import type { Browser } from "playwright";

/**
 * Ends the process in which a Chromium does what is the GPU's, as it does itself when the GPU has hung: every device is lost,
 * and the next that is asked for is of a new process.
 */
export async function takeGpuAway(browser: Browser): Promise<void> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const own = processInfo.find(({ type }) => type === "GPU");
  if (!own) throw new Error("the browser has no process for the GPU");
  process.kill(own.id, "SIGKILL");
  await session.detach();
}
