import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { alarmOf } from "./console-watch.ts";
import { PATIENCE } from "./patience.ts";

/** Screenshots go here, by name; git ignores the folder. */
export const SCREENSHOTS = "runs/screenshots";

/** A page and everything in it that a person with the console open would be alarmed by. */
export interface WatchedPage {
  readonly page: Page;
  /** Errors and warnings on the console, errors nobody caught, breaches of the security policy, crashes; workers' too. */
  readonly problems: string[];
  /** Problems so far, which are then expected and forgotten. */
  takeProblems(): string[];
  /** Writes `runs/screenshots/NAME.png` and returns its path; the whole page, not only what is in sight, by default. */
  screenshot(name: string, options?: { fullPage?: boolean }): Promise<string>;
}

const POLICY_MARK = "graft-policy-breach";

/** Opens a page that is watched from its first script on. */
export async function openWatchedPage(context: BrowserContext): Promise<WatchedPage> {
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("console", (message) => {
    const alarm = alarmOf(message);
    if (alarm) problems.push(alarm);
  });
  page.on("pageerror", (error) => problems.push(`error: ${error.stack ?? error.message ?? error}`));
  page.on("crash", () => problems.push("the page crashed"));
  await page.exposeBinding(POLICY_MARK, (_source, text: string) => void problems.push(text));
  await page.addInitScript((mark) => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
      const report = (globalThis as unknown as Record<string, (text: string) => void>)[mark];
      report(`security policy: ${violatedDirective} refuses ${blockedURI}`);
    });
  }, POLICY_MARK);
  return {
    page,
    problems,
    takeProblems: () => problems.splice(0),
    screenshot: async (name, { fullPage = true } = {}) => {
      const path = join(SCREENSHOTS, `${name}.png`);
      await mkdir(dirname(path), { recursive: true });
      await page.screenshot({ path, fullPage });
      return path;
    },
  };
}
