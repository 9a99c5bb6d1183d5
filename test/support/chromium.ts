import { type Browser, type BrowserContextOptions, chromium, type LaunchOptions } from "playwright";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { findChromium } from "./browser/chromium-files.ts";
import { openWatchedPage, type WatchedPage } from "./browser/watched-page.ts";

export { type ChromiumFiles, findChromium } from "./browser/chromium-files.ts";
export { bundle, type Served, type ServedFiles, type ServeOptions, STRICT_POLICY, serve } from "./browser/serve.ts";
export { openWatchedPage, SCREENSHOTS, type WatchedPage } from "./browser/watched-page.ts";

export interface ChromiumOptions {
  /** An installed Chromium, instead of the one from npm. */
  executable?: string;
  /** More of Chromium's own switches. */
  args?: readonly string[];
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
export async function openChromium(options: ChromiumOptions = {}): Promise<Browser> {
  return chromium.launch(await chromiumLaunchOptions(options));
}

export interface TestBrowser {
  /** The browser itself; there from the first test on. */
  readonly browser: Browser;
  /**
   * A page in a storage of its own, closed after the test, which fails when the page had any problem that it did not
   * take as expected.
   */
  open(url?: string, context?: BrowserContextOptions): Promise<WatchedPage>;
}

/** The Chromium of a test file (or a `describe`): started before its first test, gone after its last. */
export function useChromium(options: ChromiumOptions = {}): TestBrowser {
  let browser: Browser | undefined;
  const open: WatchedPage[] = [];
  beforeAll(async () => {
    browser = await openChromium(options);
  });
  afterEach(async () => {
    const pages = open.splice(0);
    await Promise.all(pages.map(({ page }) => page.context().close()));
    expect(pages.flatMap(({ problems }) => problems)).toEqual([]);
  });
  afterAll(() => browser?.close());
  return {
    get browser() {
      if (!browser) throw new Error("the browser is there from the first test on");
      return browser;
    },
    open: async (url, context) => {
      const watched = await openWatchedPage(await browser!.newContext(context));
      open.push(watched);
      if (url) await watched.page.goto(url);
      return watched;
    },
  };
}
