import { playwright } from "@vitest/browser-playwright";
import type { BrowserCommand, BrowserProvider, BrowserProviderOption } from "vitest/node";
import { type StartedFirefox, startFirefox } from "./firefox.ts";

const open = new Map<string, StartedFirefox>();

/**
 * For vitest's browser mode: an installed Firefox as it is, which opens the page of the tests and nothing more.
 * Playwright drives a Firefox of its own, which npm does not carry.
 */
export function installedFirefox(): BrowserProviderOption {
  const { serverFactory } = playwright();
  return { name: "firefox", options: {}, supportedBrowser: ["firefox"], serverFactory, providerFactory };
}

const providerFactory = (): BrowserProvider => ({
  name: "firefox",
  supportsParallelism: false,
  getCommandsContext: (sessionId) => ({ sessionId }),
  async openPage(sessionId, url) {
    await open.get(sessionId)?.close();
    open.set(sessionId, await startFirefox(url));
  },
  async close() {
    await Promise.all([...open.values()].map((firefox) => firefox.close()));
    open.clear();
  },
});

/** As that of console-watch.ts, of what Firefox writes on its own console. */
export const takeFirefoxAlarms: BrowserCommand<[]> = ({ sessionId }) => open.get(sessionId)?.alarms.splice(0) ?? [];
