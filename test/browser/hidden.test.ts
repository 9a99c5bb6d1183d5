import type { Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hide, show, watchPulse } from "../support/browser/hideable.ts";
import type { SessionPage } from "../support/browser/session-page.ts";
import { openSession, ready, run, serveSession } from "../support/browser/session-site.ts";
import { type Served, useChromium } from "../support/chromium.ts";

declare const graft: SessionPage;

const chromium = useChromium({ isHideable: true });
let site: Served;
beforeAll(async () => {
  site = await serveSession();
});
afterAll(() => site.close());

/** Steps that the page has been told of so far, in all its runs. */
const told = (page: Page): Promise<number> => page.evaluate(() => graft.steps.length);
/** The last step that is kept in the page's storage. */
const kept = (page: Page): Promise<number | undefined> =>
  page.evaluate(async () => (await graft.session.stored())?.step);

it("a session trains on in a tab that nobody sees, keeps what it does there, and ends with the bits of one in sight", async () => {
  const { page } = await chromium.open(site.url);
  await ready(page);
  expect(await openSession(page)).toBe("swiftshader");
  const seen = await run(page, {});
  const weights = await page.evaluate(() => graft.weights());
  const pulse = await watchPulse(page);

  // It is hidden in the middle of a run that does not end by itself.
  const before = await told(page);
  const running = run(page, { epochs: 100_000 });
  running.catch(() => {});
  await expect.poll(() => told(page)).toBeGreaterThan(before + 4);
  await hide(page, pulse);
  const [steps, frames] = [await told(page), await pulse.frames()];
  const step = steps - before;
  await expect.poll(() => told(page)).toBeGreaterThan(steps + 20);
  await expect.poll(() => kept(page)).toBeGreaterThan(step);
  await page.evaluate(() => graft.session.cancel());
  expect((await running).types.at(-1)).toBe("end");

  // Another is begun, and comes to its end, where nobody sees it.
  const again = await run(page, {});
  expect([again.steps, again.losses]).toEqual([seen.steps, seen.losses]);
  expect(await page.evaluate(() => graft.weights())).toBe(weights);
  expect(await page.evaluate(() => document.visibilityState)).toBe("hidden");
  expect(await pulse.frames()).toBe(frames);
  await show(page, pulse);
  await page.evaluate(() => graft.session.forget());
});
