import { expect, it } from "vitest";
import { hide, show, watchPulse } from "../support/browser/hideable.ts";
import { pressAtStep } from "./support/run-in-page.ts";
import { useTextPage } from "./support/text-page.ts";

const { open } = useTextPage({ isHideable: true });

it("a run goes on in a tab that nobody sees, and its page shows it whole as soon as it is seen again", async () => {
  const { page, text } = await open();
  const picture = (): Promise<string> =>
    text
      .chart("Loss")
      .locator("canvas")
      .evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
  const pulse = await watchPulse(page);
  await text.useTyped(60);
  const paused = pressAtStep(page, 5, "Pause");
  await text.button("Train").click();
  await paused;
  await text.waitForStatus(/^Paused at step/);
  await hide(page, pulse);
  const before = await picture();

  await text.button("Go on").evaluate((button) => (button as HTMLElement).click());
  await text.waitForStatus(/^Done after 60 steps/);
  // What it says is up to date; what it draws waits for somebody to look.
  expect(await text.chart("Loss").getAttribute("data-points")).toBe("61");
  expect(await page.evaluate(() => document.visibilityState)).toBe("hidden");
  expect(await picture()).toBe(before);
  await show(page, pulse);
  await expect.poll(picture).not.toBe(before);
  const after = await picture();

  // It is the picture of one who never looked away.
  await page.reload();
  await page.getByRole("heading", { name: "Your last run is kept" }).waitFor();
  await text.waitUntilReady();
  await text.button("Bring it back").click();
  await text.waitForStatus(/^Done after 60 steps/);
  await expect.poll(picture).toBe(after);
});
