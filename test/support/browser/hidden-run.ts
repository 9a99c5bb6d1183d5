import { SEEN } from "./seen.ts";
import type { SessionPage } from "./session-page.ts";

/*
 * Beside session-page.ts, a page that nobody drives: it trains a run to its end, hides itself behind a tab that it opens while a
 * run without an end is under way, trains the first one once more behind it, and tells of all.
 */

declare const graft: SessionPage;

interface Ended {
  losses: number[];
  weights: string;
}

export interface HiddenRun {
  whole: Ended;
  /** Steps of the endless run that were taken when the page's timers were throttled, and what was seen and kept after that. */
  hiddenAt: number;
  taken: number;
  kept: number;
  again: Ended;
  /** Whether the page was hidden at the end of all. */
  isHidden: boolean;
}

/** What is further apart, in milliseconds, than 50 is throttled. */
const THROTTLED = 500;

/** Waits until something holds, and gives how far this page's timers were apart then. */
const until = (holds: (gap: number) => boolean | Promise<boolean>): Promise<void> =>
  new Promise((resolve, reject) => {
    let last = performance.now();
    const look = async (): Promise<void> => {
      const now = performance.now();
      const gap = now - last;
      last = now;
      if (await holds(gap)) resolve();
      else setTimeout(() => void look().catch(reject), 50);
    };
    void look().catch(reject);
  });

async function trained(): Promise<Ended> {
  const { losses } = await graft.run({});
  return { losses, weights: await graft.weights() };
}

async function play(): Promise<HiddenRun> {
  await graft.open();
  const whole = await trained();
  const before = graft.steps.length;
  const taken = (): number => graft.steps.length - before;
  const running = graft.run({ epochs: 100_000 });
  await until(() => taken() > 4);
  if (!open("about:blank")) throw new Error("the page may open no tab");
  let throttled = 0;
  await until((gap) => {
    throttled = document.visibilityState === "hidden" && gap > THROTTLED ? throttled + 1 : 0;
    return throttled === 3;
  });
  const hiddenAt = taken();
  const kept = async (): Promise<number> => (await graft.session.stored())?.step ?? 0;
  await until(async () => taken() > hiddenAt + 20 && (await kept()) > hiddenAt);
  const seen = { taken: taken(), kept: await kept() };
  await graft.session.cancel();
  await running;
  const again = await trained();
  return { whole, hiddenAt, ...seen, again, isHidden: document.visibilityState === "hidden" };
}

const seen = await play().catch((error) => ({ error: String(error?.stack ?? error) }));
await fetch(SEEN, { method: "POST", body: JSON.stringify(seen) });
