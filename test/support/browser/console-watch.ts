import type { ConsoleMessage, Page } from "playwright";
import type { BrowserCommand } from "vitest/node";

/** Problems of each page that runs test files, since they were last taken. */
const watched = new WeakMap<Page, string[]>();

/** What a person with the console open would be alarmed by; null for anything else. */
export function alarmOf(message: ConsoleMessage): string | null {
  const type = message.type();
  if (type !== "error" && type !== "warning" && type !== "assert") return null;
  const { url, lineNumber } = message.location();
  return `console ${type}: ${message.text()} (${url}:${lineNumber})`;
}

/**
 * A command for test files in vitest's browser mode: the errors and warnings on the page's console since it was last
 * asked; the first call begins to watch.
 */
export const takeConsoleAlarms: BrowserCommand<[]> = ({ page }) => {
  const known = watched.get(page);
  if (known) return known.splice(0);
  const alarms: string[] = [];
  watched.set(page, alarms);
  page.on("console", (message) => {
    const alarm = alarmOf(message);
    if (alarm) alarms.push(alarm);
  });
  return [];
};
