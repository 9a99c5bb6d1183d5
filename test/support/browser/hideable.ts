import { type Browser, chromium, type LaunchOptions, type Page } from "playwright";
import { expect } from "vitest";
import { startBrowser } from "./browser-process.ts";
import { PATIENCE } from "./patience.ts";

/*
 * Playwright tells each of its pages that it has the focus, and the browser to throttle nothing: for such a page nothing is
 * ever hidden. A Chromium that is started as a person starts one, with its pages in its own context, hides them as a person's.
 */

/** What a person's Chromium does and one for tests need not: look for updates, ask for keys, fill the shared memory. */
const CALM = [
  ...["--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update"],
  ...["--disable-dev-shm-usage", "--password-store=basic", "--use-mock-keychain", "--enable-unsafe-swiftshader"],
  ...["--accept-lang=en-US", "--window-size=1280,960"],
];

/** A Chromium whose pages of its first context can be hidden, see {@link hide}. `close` ends it. */
export async function startHideable({
  executablePath,
  args = [],
  env,
}: LaunchOptions): Promise<{ browser: Browser; close(): Promise<void> }> {
  let found!: (address: string) => void;
  const address = new Promise<string>((resolve) => {
    found = resolve;
  });
  const words: string[] = [];
  const started = await startBrowser({
    ...{ name: "chromium", executable: executablePath!, environment: env, hasPipes: true },
    switches: (profile) => [
      ...["--headless", "--remote-debugging-pipe", "--remote-debugging-port=0", `--user-data-dir=${profile}`],
      ...[...CALM, ...args, "about:blank"],
    ],
    onLine: (line) => {
      words.push(line);
      const [, url] = /^DevTools listening on (ws:\S+)$/.exec(line) ?? [];
      if (url) found(url);
    },
  });
  try {
    const ended = started.ended.then(() => {
      throw new Error(`Chromium ended before it was there: ${words.join("\n")}`);
    });
    const url = await Promise.race([address, ended]);
    ended.catch(() => {});
    const browser = await chromium.connectOverCDP(url, { noDefaults: true, timeout: PATIENCE });
    const close = async (): Promise<void> => {
      await browser.close();
      await started.close();
    };
    return { browser, close };
  } catch (error) {
    await started.close();
    throw error;
  }
}

async function setWindowState(page: Page, windowState: "minimized" | "normal"): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { windowId } = await session.send("Browser.getWindowForTarget");
  await session.send("Browser.setWindowBounds", { windowId, bounds: { windowState } });
  await session.detach();
}

const visibility = (page: Page): Promise<string> => page.evaluate(() => document.visibilityState);

/** How far a page's timers are apart, in milliseconds: what is asked for, and what only throttled ones are. */
const ASKED = 50;
const THROTTLED = 500;

/** Frames and timers of a page, as long as it is there. */
export interface Pulse {
  /** Frames that were drawn so far. */
  frames(): Promise<number>;
  /** Whether timers are throttled, as the last three were: a browser wakes a page that nobody sees once a second. */
  isThrottled(): Promise<boolean>;
}

/** Watches frames and timers of a page from now on. */
export async function watchPulse(page: Page): Promise<Pulse> {
  const pulse = await page.evaluateHandle((asked) => {
    const own = { frames: 0, gaps: [] as number[] };
    let last = performance.now();
    const tick = (): void => {
      const now = performance.now();
      own.gaps = [...own.gaps.slice(-2), now - last];
      last = now;
      setTimeout(tick, asked);
    };
    const frame = (): void => {
      own.frames++;
      requestAnimationFrame(frame);
    };
    tick();
    frame();
    return own;
  }, ASKED);
  return {
    frames: async () => (await pulse.jsonValue()).frames,
    isThrottled: async () => {
      const { gaps } = await pulse.jsonValue();
      return gaps.length === 3 && gaps.every((gap) => gap > THROTTLED);
    },
  };
}

/** Hides a page by minimising its window; resolves when the page knows of it and its timers are throttled. */
export async function hide(page: Page, pulse: Pulse): Promise<void> {
  await setWindowState(page, "minimized");
  await expect.poll(() => visibility(page)).toBe("hidden");
  await expect.poll(() => pulse.isThrottled()).toBe(true);
}

/** Shows a page that was hidden; resolves when it is drawn again. */
export async function show(page: Page, pulse: Pulse): Promise<void> {
  const before = await pulse.frames();
  await setWindowState(page, "normal");
  await expect.poll(() => visibility(page)).toBe("visible");
  await expect.poll(() => pulse.frames()).toBeGreaterThan(before);
}
