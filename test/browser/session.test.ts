import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtPackage } from "../build/built-package.ts";
import { longestTask } from "../support/browser/longest-task.ts";
import type { Seen, SessionPage } from "../support/browser/session-page.ts";
import { ENDLESS, openSession, ready, run, serveSession } from "../support/browser/session-site.ts";
import { type Served, STRICT_POLICY, serve, useChromium } from "../support/chromium.ts";

declare const graft: SessionPage;

const chromium = useChromium();
let site: Served;
beforeAll(async () => {
  site = await serveSession();
});
afterAll(() => site.close());

/** Waits until the run of a page has taken so many steps. */
const taken = (page: Page, steps: number): Promise<unknown> =>
  page.waitForFunction((count) => graft.steps.length >= count, steps);

/** The page, ready, with a session open. */
async function openPage(worker = "session-worker.js"): Promise<Page> {
  const { page } = await chromium.open(site.url);
  await ready(page);
  expect(await openSession(page, { worker })).toBe("swiftshader");
  return page;
}

describe("a session in a worker of a page", () => {
  let whole: Seen;
  let weights: string;

  it("trains, and no task of the page takes 100 ms meanwhile", async () => {
    const page = await openPage();
    const longest = await longestTask(chromium.browser, page, async () => {
      whole = await run(page, {});
    });
    expect(longest).toBeLessThan(100);
    // The watch would have noticed.
    const blocked = await longestTask(chromium.browser, page, () => page.evaluate(() => graft.block()));
    expect(blocked).toBeGreaterThanOrEqual(100);
    expect(whole.steps).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(whole.types.filter((type) => type !== "bytes")).toEqual(
      expect.arrayContaining(["plan", "compile", "start", "evaluation", "end"]),
    );
    expect(whole.bytes).toEqual({ loaded: 8893880, total: 8893880 });
    weights = await page.evaluate(() => graft.weights());
    expect(weights).toMatch(/^[0-9a-f]{64}$/);
  });

  it("goes on after a reload in the middle of a step, at once, bit for bit", async () => {
    const page = await openPage("altered-session.js?hold=6");
    const running = run(page, {}).catch(() => null);
    await taken(page, 6);
    await page.reload();
    await running;
    await ready(page);
    // The worker before may still be on its way out, with the lock of the storage in its hand.
    const seen = await page.evaluate(async () => {
      await graft.open();
      return { stored: await graft.session.stored(), ...(await graft.run("pick up")) };
    });
    expect(seen.stored).toMatchObject({ ended: null, step: 4, totalSteps: 40, job: { task: "classify" } });
    expect([seen.history, seen.steps[0]]).toEqual([4, 5]);
    expect(seen.losses).toEqual(whole.losses);
    expect(await page.evaluate(() => graft.weights())).toBe(weights);
    await page.evaluate(() => graft.session.forget());
    expect(await page.evaluate(() => graft.session.stored())).toBeNull();
  });

  it("takes another device when its own is lost, and ends with the same bits", async () => {
    const page = await openPage("altered-session.js?lose=6");
    const seen = await run(page, {});
    expect(seen.types).toEqual(expect.arrayContaining(["device-lost", "recovered"]));
    expect(seen.recovered).toBeGreaterThanOrEqual(4);
    expect(seen.losses).toEqual(whole.losses);
    expect(await page.evaluate(() => graft.weights())).toBe(weights);
  });

  it("needs no timer and no frame, which stand still in a tab that nobody sees", async () => {
    const page = await openPage("altered-session.js?timeless");
    const front = await page.context().newPage();
    await front.bringToFront();
    const seen = await run(page, { maxSteps: 4 });
    expect(seen.losses).toEqual(whole.losses.slice(0, 4));
    await page.evaluate(() => graft.session.close());
  });

  it("lets one tab at a time train in a storage", async () => {
    const page = await openPage();
    const other = await page.context().newPage();
    await other.goto(site.url);
    await ready(other);
    await other.evaluate(() => graft.open());
    const running = run(page, ENDLESS);
    running.catch(() => {});
    await taken(page, 2);
    await expect(run(other, {})).rejects.toThrow("another tab is training in this browser's storage");
    const isElsewhere = (one: Page) => one.evaluate(async () => (await graft.session.stored())?.isElsewhere);
    expect([await isElsewhere(page), await isElsewhere(other)]).toEqual([false, true]);
    const isFree = other.evaluate(() => graft.session.untilFree());
    await page.evaluate(() => graft.session.cancel());
    expect((await running).types.at(-1)).toBe("end");
    await isFree;
    expect(await isElsewhere(other)).toBe(false);
    expect((await run(other, { maxSteps: 1 })).steps).toEqual([1]);
  });

  it("goes on when its storage is cleared away, and keeps itself there anew", async () => {
    const page = await openPage();
    const running = run(page, ENDLESS);
    running.catch(() => {});
    await taken(page, 2);
    // A file that is being written is not deleted; a moment later it is.
    await expect.poll(() => page.evaluate(() => graft.clear().then(() => "cleared", String))).toBe("cleared");
    await page.evaluate(() => graft.session.pause());
    expect(await page.evaluate(() => graft.session.state)).toBe("paused");
    // Its job went with the rest: it is trained to its end, and cannot be picked up.
    expect(await page.evaluate(() => graft.session.stored())).toBeNull();
    await page.evaluate(() => graft.session.cancel());
    expect((await running).types.at(-1)).toBe("end");
    expect((await run(page, { maxSteps: 1 })).steps).toEqual([1]);
    expect(await page.evaluate(() => graft.session.stored())).toMatchObject({ step: 1, ended: "max-steps" });
  });

  it("is told when the browser ends its worker, and may be closed then", async () => {
    const page = await openPage("altered-session.js?end=5");
    await expect(run(page, {})).rejects.toThrow("the browser has ended the session's worker");
    expect(await page.evaluate(() => graft.session.state)).toBe("idle");
    await expect(page.evaluate(() => graft.session.stored())).rejects.toThrow("the browser has ended");
    await page.evaluate(() => graft.session.close());
    await page.evaluate(() => graft.open());
    expect((await run(page, "pick up")).losses).toEqual(whole.losses);
  });

  it("leaves no worker and no lock when it is closed, whatever it was at", async () => {
    const page = await openPage();
    for (const type of ["bytes", "compile", "start", "step", "checkpoint", null] as const) {
      const end = await page.evaluate((own) => graft.closeAt(own), type);
      expect(end).toMatch(/^(nothing|end|the session is closed)$/);
      await expect.poll(() => page.workers().length).toBe(0);
      await expect.poll(() => page.evaluate(() => graft.locks())).toEqual([]);
      await page.evaluate(() => graft.open());
    }
  });

  it("works from the built files, whose worker lies beside them", async () => {
    const built = await builtPackage();
    const page = {
      "built.html": '<!doctype html><html lang="en"><title>Built</title><script type="module" src="built.js"></script>',
      "built.js": `import { FineTuneSession } from "/dist/session.js";
        window.outcome = (async () => {
          const session = await FineTuneSession.open({ storage: false });
          const text = (await (await fetch("assets/sms-spam/sms.tsv")).text()).split("\\n").slice(0, 40).join("\\n") + "\\n";
          const settings = { unfreeze: "score", maxLength: 12, batch: 8, epochs: 10, evalEvery: 4, validFraction: 0.2, maxSteps: 1 };
          const model = { kind: "url", url: "assets/gpt2-mini-en" };
          const losses = [];
          for await (const event of session.start({ task: "classify", model, data: { kind: "text", name: "few.tsv", text }, settings })) {
            if (event.type === "step") losses.push(event.loss);
          }
          await session.close();
          return losses;
        })();`,
    };
    const served = await serve([page, built.folder, "."], { headers: { "content-security-policy": STRICT_POLICY } });
    try {
      const { page: opened } = await chromium.open(`${served.url}built.html`);
      const losses = await opened.evaluate(() => (window as unknown as { outcome: Promise<number[]> }).outcome);
      expect(losses).toEqual(whole.losses.slice(0, 1));
    } finally {
      await served.close();
      await built.remove();
    }
  });

  it("says what the browser lacks where there is no WebGPU", async () => {
    const { page } = await chromium.open(site.url);
    await ready(page);
    const problem = await page.evaluate(() =>
      graft
        .open({ worker: "altered-session.js?gpuless" })
        .catch((error) => [error.name, error.problem.kind, error.message]),
    );
    expect(problem.slice(0, 2)).toEqual(["WebGpuUnavailableError", "no-webgpu"]);
    expect(problem[2]).toMatch(/^This browser has no WebGPU: .*chrome:\/\/flags/);
  });

  it("says why where the worker cannot be had", async () => {
    const { page, takeProblems } = await chromium.open(site.url);
    await ready(page);
    await expect(page.evaluate(() => graft.open({ worker: "nowhere.js" }))).rejects.toThrow(
      "the session's worker failed: it could not be loaded",
    );
    takeProblems();
  });
});
