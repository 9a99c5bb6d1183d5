import { describeWebGpuProblem } from "../../src/gpu/index.ts";
import { FineTuneSession } from "../../src/session/index.ts";
import { byId, fill, h } from "../shared/dom.ts";
import { keptRun } from "../shared/kept-run.ts";
import { notice, startPage } from "../shared/page.ts";
import { readParts } from "../shared/parts.ts";
import { App } from "./app.ts";
import { choosePart } from "./choose.ts";
import { classesPart } from "./classes.ts";
import { keepPart } from "./keep.ts";
import { trainPart } from "./train.ts";
import { tryPart } from "./try.ts";

/** Where a run of this page is kept, beside that of the page of texts. */
const STORAGE = "session-images";

startPage();
const partOf = readParts();
open().catch((error: Error) => {
  fill(byId("adapter"), "No GPU to use");
  byId("notices").append(notice({ kind: "problem", title: "Training cannot run here", text: error.message }));
});

async function open(): Promise<void> {
  const obstacle = await describeWebGpuProblem();
  if (obstacle) {
    fill(byId("adapter"), "No GPU to use");
    byId("notices").append(notice({ ...obstacle, kind: "problem", details: obstacle.steps }));
    return;
  }
  const session = await FineTuneSession.open({
    worker: new URL("./app/session-worker.js", document.baseURI),
    storage: STORAGE,
  });
  fill(byId("adapter"), session.adapter.name);
  const app = new App(session);
  const kept = h("div", {});
  byId("notices").append(kept);
  choosePart(app, partOf("choose"));
  classesPart(app, partOf("examples"));
  trainPart(app, partOf("train"));
  tryPart(app, partOf("try"));
  keepPart(app, partOf("keep"));
  keptRun(app, kept);
  await app.chooseModel(app.state.model);
  await app.lookForKept();
}
