import { byId, h } from "../shared/dom.ts";
import { keptRun, storedRun } from "../shared/kept-run.ts";
import { openSession } from "../shared/open-session.ts";
import { startPage } from "../shared/page.ts";
import { readParts } from "../shared/parts.ts";
import { App } from "./app.ts";
import { choosePart } from "./choose.ts";
import { dataPart } from "./data.ts";
import { freezePart } from "./freeze.ts";
import { keepPart } from "./keep.ts";
import { bundledModel } from "./sources.ts";
import { trainPart } from "./train.ts";
import { tryPart } from "./try.ts";

startPage();
const part = readParts();

async function open(): Promise<void> {
  const session = await openSession();
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
  app.store.set({ stored: await storedRun(session) });
  await app.chooseModel(bundledModel());
}

void open();
