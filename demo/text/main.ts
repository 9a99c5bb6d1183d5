import { byId, h } from "../shared/dom.ts";
import { keptRun, storedRun } from "../shared/kept-run.ts";
import { openSession } from "../shared/open-session.ts";
import { startPage } from "../shared/page.ts";
import { readParts } from "../shared/parts.ts";
import { showInfo } from "../shared/toasts.ts";
import { App } from "./app.ts";
import { choosePart } from "./choose.ts";
import { dataPart } from "./data.ts";
import { freezePart } from "./freeze.ts";
import { keepPart } from "./keep.ts";
import { bundledModel } from "./sources.ts";
import { trainPart } from "./train.ts";
import { tryPart } from "./try.ts";

/** What the page calls the settings that errors tell of. */
const SETTING_NAMES = {
  ...{ maxLength: "“Longest text”", batch: "“Batch”", epochs: "“Epochs”", seed: "“Seed”" },
  ...{ lr: "“Trunk's rate”", headLr: "“Head's rate”", layerDecay: "“Falls by”", newHead: "“A new head”" },
  ...{ lora: "“Adapters' rank”", gradual: "“Gradual”" },
  // There is no field for a set of its own to check with: more of the same does it.
  ...{ valid: "more text", task: "“What the model learns”" },
};

// What is dropped beside the parts that take it is not lost without a word.
addEventListener("drop", (event) => {
  if (!event.defaultPrevented && event.dataTransfer?.types.includes("Files")) {
    showInfo("Nothing was taken", "A model can be dropped on part 1, texts on part 2.");
  }
});
startPage();
const part = readParts();

async function open(): Promise<void> {
  const session = await openSession({ settingNames: SETTING_NAMES });
  if (!session) return;
  const app = new App(session);
  choosePart(app, part("choose"));
  dataPart(app, part("data"));
  freezePart(app, part("freeze"));
  trainPart(app, part("train"));
  tryPart(app, part("try"));
  keepPart(app, part("keep"));
  const kept = h("div", {});
  byId("notices").append(kept);
  keptRun(app, kept);
  const straight = byId("straight");
  app.store.watch(({ plan, run, stored }) => {
    straight.hidden = run !== null || stored !== null || !(plan?.fits ?? !straight.hidden);
  });
  const stored = await storedRun(session);
  app.store.set({ stored });
  // A reload leaves the page where it was, which may be far below what is offered here.
  if (stored && stored.ended === null && !stored.isElsewhere)
    kept.scrollIntoView({ block: "center", behavior: "instant" });
  await app.chooseModel(bundledModel());
}

void open();
