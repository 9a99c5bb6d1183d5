import type { Page } from "playwright";
import { expect } from "vitest";

/** Controls of the page without a name that can be read out. */
export const namelessControls = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const isNamed = (element: HTMLElement): boolean => {
      if (element.getAttribute("aria-label")) return true;
      const { labels } = element as HTMLInputElement;
      if (labels && [...labels].some((label) => label.textContent?.trim())) return true;
      return ["BUTTON", "A", "SUMMARY"].includes(element.tagName) && element.textContent?.trim() !== "";
    };
    const controls = document.querySelectorAll<HTMLElement>(
      "button, a[href], input, select, textarea, summary, [tabindex]",
    );
    return [...controls].filter((one) => !isNamed(one)).map((one) => one.outerHTML.slice(0, 200));
  });

/** Elements of the page that move, or would, by a transition, an animation or a smooth scroll. */
export const movingElements = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const lasts = (durations: string): boolean => durations.split(",").some((one) => Number.parseFloat(one) > 0);
    const moves = (element: Element): boolean =>
      [null, "::before", "::after"].some((pseudo) => {
        const { transitionDuration, animationDuration, scrollBehavior } = getComputedStyle(element, pseudo);
        return lasts(transitionDuration) || lasts(animationDuration) || scrollBehavior === "smooth";
      });
    return [...document.querySelectorAll("*")].filter(moves).map((one) => one.outerHTML.slice(0, 200));
  });

/** Least contrast of text on its ground: WCAG 2.2, level AA, for text of usual size, and for large text. */
const LEAST_CONTRAST = { usual: 4.5, large: 3 };

/** Texts of the page that are hard to read on their ground, with their contrast. What is disabled may be pale. */
export const paleTexts = (page: Page): Promise<string[]> =>
  page.evaluate((least) => {
    // Colours on their way from one scheme to the other are of neither.
    for (const one of document.getAnimations()) {
      if (one.effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY) one.finish();
    }
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    /** What is seen of colours that lie upon one another, the lowest first. */
    const seen = (colours: readonly string[]): readonly number[] => {
      context.clearRect(0, 0, 1, 1);
      for (const colour of colours) {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
      }
      return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (rgb: readonly number[]): number => {
      const [r, g, b] = rgb.map((value) => {
        const part = value / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found: string[] = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      const element = node.parentElement!;
      const text = node.textContent!.trim();
      const style = getComputedStyle(element);
      if (text === "" || !element.checkVisibility({ visibilityProperty: true })) continue;
      if (element.closest(":disabled, .visually-hidden, svg, canvas, .skip, option")) continue;
      const grounds: string[] = [];
      let opacity = 1;
      for (let at: Element | null = element; at; at = at.parentElement) {
        const own = getComputedStyle(at);
        grounds.unshift(own.backgroundColor);
        opacity *= Number(own.opacity);
      }
      const ground = seen(["#fff", ...grounds]);
      const written = seen([`rgb(${ground.join(" ")})`, style.color]);
      const ink = written.map((value, i) => opacity * value + (1 - opacity) * ground[i]);
      const [dark, bright] = [luminance(ground), luminance(ink)].sort((a, b) => a - b);
      const contrast = (bright + 0.05) / (dark + 0.05);
      const size = Number.parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (contrast < (isLarge ? least.large : least.usual)) found.push(`${contrast.toFixed(2)} ${text.slice(0, 60)}`);
    }
    return found;
  }, LEAST_CONTRAST);

/** Controls that a finger misses: less than so many pixels wide or high. Links within a sentence may be lower. */
export const smallTargets = (page: Page, least: number): Promise<string[]> =>
  page.evaluate((least) => {
    const controls = document.querySelectorAll<HTMLElement>("button, a[href], input:not([type=file]), select, summary");
    return [...controls].flatMap((one) => {
      if (!one.checkVisibility({ visibilityProperty: true }) || one.closest("p a, .skip")) return [];
      // A press on its label counts as well.
      const boxes = [one, ...((one as HTMLInputElement).labels ?? [])].map((part) => part.getBoundingClientRect());
      const isLarge = boxes.some(({ width, height }) => Math.min(width, height) >= least);
      return isLarge
        ? []
        : [`${Math.round(boxes[0].width)} × ${Math.round(boxes[0].height)} ${one.outerHTML.slice(0, 160)}`];
    });
  }, least);

/** What holds for a page in each of its states: every control has a name, every text can be read, nothing sticks out. */
export async function expectForEverybody(page: Page): Promise<void> {
  expect(await namelessControls(page)).toEqual([]);
  expect(await paleTexts(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

/** Where the system gives the colours, what is chosen, trained or done must still be told from what is not. */
export async function expectChoicesInForcedColours(page: Page, chosen: string, other: string): Promise<void> {
  await page.emulateMedia({ forcedColors: "active" });
  const looks = (selector: string) =>
    page.evaluate((own) => {
      const { backgroundColor, color, outlineStyle } = getComputedStyle(document.querySelector(own)!);
      return [backgroundColor, color, outlineStyle].join();
    }, selector);
  await expect.poll(async () => (await looks(chosen)) !== (await looks(other))).toBe(true);
  await page.emulateMedia({ forcedColors: "none" });
}
