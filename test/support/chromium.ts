import { type Browser, type BrowserContextOptions, chromium, type LaunchOptions } from "playwright";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { findChromium } from "./browser/chromium-files.ts";
import { startHideable } from "./browser/hideable.ts";
import { openWatchedPage, type WatchedPage } from "./browser/watched-page.ts";

export { type ChromiumFiles, findChromium } from "./browser/chromium-files.ts";
export { bundle, type Served, type ServedFiles, type ServeOptions, STRICT_POLICY, serve } from "./browser/serve.ts";
export { openWatchedPage, SCREENSHOTS, type WatchedPage } from "./browser/watched-page.ts";

export interface ChromiumOptions {
  /** An installed Chromium, instead of the one from npm. */
  executable?: string;
  /** More of Chromium's own switches. */
  args?: readonly string[];
  /** Its pages can be hidden, see hideable.ts. They have one storage between them, and a person's settings. */
  isHideable?: boolean;
}

/** Chromium with WebGPU on SwiftShader, which every machine has. */
const SWITCHES = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** What playwright, or vitest's browser mode, must be told to start the Chromium of the tests. */
export async function chromiumLaunchOptions({ executable, args = [] }: ChromiumOptions = {}): Promise<LaunchOptions> {
  const { executablePath, environment } = await findChromium(executable);
  return {
    executablePath,
    headless: true,
    args: [...SWITCHES, ...args],
    env: { ...(process.env as Record<string, string>), ...environment },
  };
}

/** Starts a headless Chromium with WebGPU. It ends with `close()`, and with this process whatever happens to it. */
async function openChromium(options: ChromiumOptions): Promise<{ browser: Browser; close(): Promise<void> }> {
  const launch = await chromiumLaunchOptions(options);
  if (options.isHideable) return startHideable(launch);
  const browser = await chromium.launch(launch);
  return { browser, close: () => browser.close() };
}

export interface TestBrowser {
  /** The browser itself; there from the first test on. */
  readonly browser: Browser;
  /**
   * A page in a storage of its own, if it is not hideable, closed after the test, which fails when the page had any problem
   * that it did not take as expected.
   */
  open(url?: string, context?: BrowserContextOptions): Promise<WatchedPage>;
}

/** The Chromium of a test file (or a `describe`): started before its first test, gone after its last. */
export function useChromium(options: ChromiumOptions = {}): TestBrowser {
  const { isHideable = false } = options;
  let started: Awaited<ReturnType<typeof openChromium>> | undefined;
  const open: WatchedPage[] = [];
  beforeAll(async () => {
    started = await openChromium(options);
  });
  afterEach(async () => {
    const pages = open.splice(0);
    await Promise.all(pages.map(({ page }) => (isHideable ? page.close() : page.context().close())));
    expect(pages.flatMap(({ problems }) => problems)).toEqual([]);
  });
  afterAll(() => started?.close());
  return {
    get browser() {
      if (!started) throw new Error("the browser is there from the first test on");
      return started.browser;
    },
    open: async (url, own) => {
      const { browser } = started!;
      const watched = await openWatchedPage(isHideable ? browser.contexts()[0] : await browser.newContext(own));
      open.push(watched);
      if (url) await watched.page.goto(url);
      return watched;
    },
  };
}
