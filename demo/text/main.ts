import { describeWebGpuProblem, WebGpuUnavailableError } from "../../src/gpu/index.ts";
import { FineTuneSession } from "../../src/session/index.ts";
import { byId, fill } from "../shared/dom.ts";
import { keptRun } from "../shared/kept-run.ts";
import { notice, startPage } from "../shared/page.ts";
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
const adapter = byId("adapter");
const notices = byId("notices");

/** Says why nothing can be trained here, in place of the parts. */
function refuse(problem: Omit<Parameters<typeof notice>[0], "kind">): void {
  adapter.textContent = "No GPU";
  fill(notices, notice({ ...problem, kind: "problem" }));
  byId("parts").hidden = true;
}

async function open(): Promise<void> {
  const problem = await describeWebGpuProblem();
  if (problem) return refuse({ ...problem, details: problem.steps });
  let session: Awaited<ReturnType<typeof FineTuneSession.open>>;
  try {
    session = await FineTuneSession.open({ worker: new URL("app/session-worker.js", document.baseURI) });
  } catch (error) {
    // Some browsers have WebGPU in pages and not in workers.
    if (error instanceof WebGpuUnavailableError) return refuse({ ...error.problem, details: error.problem.steps });
    return refuse({ title: "The GPU could not be opened", text: (error as Error).message });
  }
  adapter.textContent = session.adapter.name;
  const app = new App(session);
  choosePart(app, part("choose"));
  dataPart(app, part("data"));
  freezePart(app, part("freeze"));
  trainPart(app, part("train"));
  tryPart(app, part("try"));
  keepPart(app, part("keep"));
  keptRun(app, notices);
  app.store.set({ stored: await session.stored() });
  await app.chooseModel(bundledModel());
}

void open();
