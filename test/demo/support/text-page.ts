import type { Page } from "playwright";
import { afterAll, beforeAll, expect } from "vitest";
import { serveDemo } from "../../../scripts/demo/serve.mjs";
import { type ChromiumOptions, type TestBrowser, useChromium, type WatchedPage } from "../../support/chromium.ts";

type PartName = "choose" | "data" | "freeze" | "train" | "try" | "keep";

/** How a person finds their way in the page that fine-tunes texts. */
export class TextPage {
  constructor(readonly page: Page) {}

  part(id: PartName) {
    return this.page.locator(`#${id}`);
  }

  button(name: string) {
    return this.page.getByRole("button", { name, exact: true });
  }

  figure(name: string) {
    return this.page.locator(`[data-figure="${name}"]`);
  }

  /** A chart, by the words that tell its latest values. */
  chart(title: string) {
    return this.page.getByRole("img", { name: new RegExp(`^${title}:`) });
  }

  get error() {
    return this.page.getByRole("alert").last();
  }

  /** Waits for a plan of what the run takes, which comes last of all that is read before it. */
  async waitUntilReady(): Promise<void> {
    const planned = this.page.locator(".figures div", { has: this.figure("memory") });
    await expect.poll(() => planned.textContent()).toMatch(/MiB.*at the peak/);
  }

  /** Eight typed texts of two labels: enough for a run of a step an epoch. */
  async useTyped(epochs: number): Promise<void> {
    await this.page.getByRole("radio", { name: "Typed here" }).check();
    await this.button("Fill in some").click();
    const name = this.part("data").locator("[data-name]");
    await expect.poll(() => name.getAttribute("data-name")).toBe("typed.jsonl");
    await this.page.getByLabel("Epochs").fill(String(epochs));
    await this.waitUntilReady();
  }

  /** What the run is at, in a sentence. */
  get status() {
    return this.part("train").getByRole("status");
  }

  async waitForStatus(pattern: RegExp): Promise<void> {
    await expect.poll(() => this.status.textContent(), { interval: 100 }).toMatch(pattern);
  }

  /** Steps taken so far, as the bar tells; 0 before the first. */
  async stepsTaken(): Promise<number> {
    const bar = this.part("train").getByRole("progressbar", { name: "Steps" });
    const words = (await bar.count()) === 0 ? null : await bar.getAttribute("aria-valuetext");
    return Number(words?.match(/^[\d,]+/)?.[0].replaceAll(",", "") ?? 0);
  }

  async waitForStep(step: number): Promise<void> {
    await expect.poll(() => this.stepsTaken(), { interval: 50 }).toBeGreaterThanOrEqual(step);
  }
}

/** The demo's server and a Chromium for the tests of a file. */
export function useTextPage(options: ChromiumOptions = {}): {
  readonly chromium: TestBrowser;
  /** Where the demo is; known from the first test on. */
  address(): string;
  /** Opens the page and waits until a run could be started. */
  open(context?: Parameters<TestBrowser["open"]>[1]): Promise<WatchedPage & { text: TextPage }>;
} {
  const chromium = useChromium(options);
  let demo: Awaited<ReturnType<typeof serveDemo>>;
  beforeAll(async () => {
    demo = await serveDemo({ isFixed: true });
  });
  afterAll(() => demo.close());
  return {
    chromium,
    address: () => demo.url,
    open: async (context = {}) => {
      const watched = await chromium.open(demo.url, { locale: "en-US", ...context });
      const text = new TextPage(watched.page);
      await text.waitUntilReady();
      return { ...watched, text };
    },
  };
}
