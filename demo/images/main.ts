import { byId, h } from "../shared/dom.ts";
import { keptRun } from "../shared/kept-run.ts";
import { openSession } from "../shared/open-session.ts";
import { startPage } from "../shared/page.ts";
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
void open();

async function open(): Promise<void> {
  const session = await openSession({ storage: STORAGE });
  if (!session) return;
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
