import type { Page } from "playwright";

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
