import { SEEN } from "./seen.ts";
import type { SessionPage } from "./session-page.ts";

/*
 * Beside session-page.ts, a page that nobody drives: it trains a run to its end, begins it anew, loads itself again in the middle, picks the run up,
 * and tells of both.
 */

declare const graft: SessionPage;

export interface ReloadedRun {
  adapter: string;
  whole: { losses: number[]; weights: string };
  stored: { step: number; ended: unknown } | null;
  pickedUp: { losses: number[]; weights: string; history: number | null };
  isForgotten: boolean;
}

const STEPS_BEFORE = 6;

async function play(): Promise<Partial<ReloadedRun>> {
  const kept = JSON.parse(sessionStorage.getItem("kept") ?? "null") as Partial<ReloadedRun> | null;
  const adapter = await graft.open();
  if (!kept) {
    const { losses } = await graft.run({});
    const whole = { losses, weights: await graft.weights() };
    await graft.session.forget();
    sessionStorage.setItem("kept", JSON.stringify({ adapter, whole }));
    void graft.run({}).catch(() => {});
    await new Promise<void>((resolve) => {
      const look = (): unknown => (graft.steps.length >= 40 + STEPS_BEFORE ? resolve() : setTimeout(look, 5));
      look();
    });
    location.reload();
    return new Promise(() => {});
  }
  const { step, ended } = (await graft.session.stored()) ?? { step: -1, ended: null };
  const { losses, history } = await graft.run("pick up");
  const pickedUp = { losses, history, weights: await graft.weights() };
  await graft.session.forget();
  return { ...kept, stored: { step, ended }, pickedUp, isForgotten: (await graft.session.stored()) === null };
}

const seen = await play().catch((error) => ({ error: String(error?.stack ?? error) }));
await fetch(SEEN, { method: "POST", body: JSON.stringify(seen) });
