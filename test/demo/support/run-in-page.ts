import type { Locator, Page } from "playwright";

/*
 * A run in a page does not wait for the test that drives it from outside: on a busy machine it may be over before the test
 * has looked. What must be seen, or done, at one of its moments is left to the page itself.
 */

/** Every text that an element has from now on, whether or not anybody looks in time. */
export async function recordTexts(element: Locator): Promise<() => Promise<readonly string[]>> {
  const texts = await element.evaluateHandle((place) => {
    const seen = [place.textContent ?? ""];
    new MutationObserver(() => {
      const text = place.textContent ?? "";
      if (text !== seen.at(-1)) seen.push(text);
    }).observe(place, { subtree: true, childList: true, characterData: true });
    return seen;
  });
  return () => texts.jsonValue();
}

/** Presses a button of the run once so many steps are shown; resolves when it was pressed. */
export const pressAtStep = (page: Page, step: number, label: "Pause" | "Cancel"): Promise<void> =>
  page.evaluate(
    ([step, label]) =>
      new Promise<void>((resolve) => {
        const part = document.getElementById("train")!;
        const look = (): void => {
          const words = part.querySelector('[role=progressbar][aria-label="Steps"]')?.getAttribute("aria-valuetext");
          const taken = Number(words?.match(/^[\d,]+/)?.[0].replaceAll(",", "") ?? 0);
          const button = [...part.querySelectorAll("button")].find(({ textContent }) => textContent?.trim() === label)!;
          if (taken < step || button.hidden || button.disabled) return;
          observer.disconnect();
          button.click();
          resolve();
        };
        const observer = new MutationObserver(look);
        observer.observe(part, { subtree: true, childList: true, attributes: true });
        look();
      }),
    [step, label] as const,
  );
