import { formatCount, formatPercent, formatSteps } from "../../src/finetune/format.ts";
import { dataName, modelName } from "../../src/jobs/index.ts";
import type { StoredRun, TrainingSession } from "../../src/session/index.ts";
import { byId, fill, h } from "./dom.ts";
import { notice } from "./page.ts";
import type { Store } from "./store.ts";
import { showError } from "./toasts.ts";

/** A page that keeps runs. */
export interface Keeper {
  readonly session: Pick<TrainingSession, "untilFree">;
  readonly store: Pick<Store<{ readonly stored: StoredRun | null }>, "watch">;
  /** Looks anew at what is kept. */
  lookAgain(): Promise<void>;
  pickUp(): Promise<void>;
  discard(): Promise<void>;
}

/** How long another tab must be training before it is said, in milliseconds. */
const MOMENT = 1000;

/** The run that was kept, if there is one that can be read; the page goes on without. */
export async function storedRun(session: TrainingSession): Promise<StoredRun | null> {
  try {
    const stored = await session.stored();
    if (!stored?.isElsewhere) return stored;
    // A page that is loaded anew leaves its run's lock behind for a moment.
    await Promise.race([session.untilFree(), new Promise((resolve) => setTimeout(resolve, MOMENT))]);
    return await session.stored();
  } catch (error) {
    showError("The run that was kept cannot be read", error);
    return null;
  }
}

/** Offers the run that is kept, in the page's box for notices: to go on where it was stopped, or to be opened once more. */
export function keptRun(app: Keeper, place: HTMLElement): void {
  app.store.watch(({ stored }, before) => {
    if (before && stored === before.stored) return;
    if (stored?.isElsewhere) {
      fill(place, notice(elsewhere(stored)));
      app.session.untilFree().then(
        () => app.lookAgain(),
        () => {},
      );
      return;
    }
    fill(
      place,
      stored
        ? notice({
            ...wordsOf(stored),
            actions: [
              h(
                "button",
                {
                  class: "button primary",
                  type: "button",
                  onclick: () => {
                    void app.pickUp();
                    // The button is gone; who goes on by the keyboard does so from where the run is shown.
                    const train = byId("train");
                    train.tabIndex = -1;
                    train.focus({ preventScroll: true });
                    train.scrollIntoView();
                  },
                },
                isDone(stored) ? "Bring it back" : "Pick it up",
              ),
              h("button", { class: "button", type: "button", onclick: () => void app.discard() }, "Discard"),
            ],
          })
        : null,
    );
  });
}

const isDone = ({ ended }: StoredRun): boolean => ended === "finished" || ended === "max-steps";

const whatOf = ({ job }: StoredRun): string => `${modelName(job.model)} on ${dataName(job.data)}`;

const elsewhere = (stored: StoredRun): { title: string; text: string } => ({
  title: "Another tab is training",
  text: `${whatOf(stored)}. When its run has ended, or the tab is closed, it can be taken up here. Two runs at a time do not fit into one storage.`,
});

function wordsOf(stored: StoredRun): { title: string; text: string } {
  const { step, totalSteps, evaluation, date } = stored;
  const what = whatOf(stored);
  const how = evaluation?.accuracy === undefined ? "" : `, ${formatPercent(evaluation.accuracy)} right`;
  const when = new Date(date).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  if (isDone(stored)) {
    const text = `${what}, done after ${formatSteps(step)}${how}, on ${when}. Bring it back to try it or to download it.`;
    return { title: "Your last run is kept", text };
  }
  const where = `step ${formatCount(step)}${totalSteps === null ? "" : ` of ${formatCount(totalSteps)}`}`;
  const text = `${what}, kept at ${where}${how}, on ${when}. It goes on with the same bits as if it had never stopped.`;
  return { title: "A run was stopped", text };
}
