import { describeWebGpuProblem } from "../../src/gpu/index.ts";
import { byId, fill } from "../shared/dom.ts";
import { refuse } from "../shared/open-session.ts";
import { startPage } from "../shared/page.ts";
import { readParts } from "../shared/parts.ts";
import { showError } from "../shared/toasts.ts";
import { Bench } from "./bench.ts";
import { ownKernel } from "./own-kernel.ts";
import { pickForm } from "./pick.ts";
import type { BenchOrder } from "./protocol.ts";
import { type Results, resultsView } from "./results.ts";

startPage();
const partOf = readParts();
const [pick, results, own] = ["pick", "results", "own"].map(partOf);
for (const part of [pick, own]) part.setReady(false);
start().catch((error: Error) => refuse({ title: "The bench cannot run here", text: error.message, steps: [] }));

async function start(): Promise<void> {
  const problem = await describeWebGpuProblem();
  if (problem) {
    refuse(problem);
    return;
  }
  const bench = new Bench(new URL("./app/bench-worker.js", document.baseURI));
  const adapter = await bench.adapter;
  fill(byId("adapter"), `${adapter.name} in ${adapter.browser}`);

  const onStop = (): void => bench.stop();
  const view = resultsView({ fileStem: "graft-bench", onStop });
  const ownView = resultsView({ fileStem: "graft-bench-own", isBrief: true, onStop });
  const setRunning = (isRunning: boolean): void => {
    form.setRunning(isRunning);
    kernel.setRunning(isRunning);
  };
  const measure = async (order: BenchOrder, shown: Results): Promise<void> => {
    shown.begin();
    setRunning(true);
    try {
      shown.end((await bench.run(order, shown)) ? "done" : "stopped");
    } catch (error) {
      shown.end("failed");
      showError("The run stopped", error);
    } finally {
      setRunning(false);
    }
  };
  const form = pickForm({
    adapter,
    onRun(order) {
      results.setReady(true);
      byId("results").scrollIntoView();
      void measure(order, view).then(() => {
        const isDone = view.report !== null && view.report.rows.length > 0;
        pick.setDone(isDone);
        results.setDone(isDone);
      });
    },
  });
  const kernel = ownKernel({
    adapter,
    results: ownView,
    samples: () => form.samples,
    async onRun(order) {
      await measure(order, ownView);
      own.setDone(ownView.report?.rows.every(({ status }) => status === "right") ?? false);
    },
  });
  pick.body.append(form.element);
  results.body.append(view.element);
  own.body.append(kernel.element);
  for (const part of [pick, own]) part.setReady(true);
}
