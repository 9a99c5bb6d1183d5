import {
  type BenchReport,
  type BenchRow,
  digits,
  drawLadder,
  drawRoofline,
  fastestOf,
  groupRows,
  type LadderProgress,
  renderBenchPage,
} from "../../src/bench/index.ts";
import { saveFile } from "../../src/io/browser/index.ts";
import { fill, h } from "../shared/dom.ts";
import { icon } from "../shared/icons.ts";
import { progressBar } from "../shared/progress.ts";
import type { RunView } from "./bench.ts";

/** Milliseconds without a sign of life before something is said about it. */
const PATIENCE = 10_000;
const SLOW =
  "Nothing has come for a while. A large size takes its time here; a loop without an end holds the GPU until the browser takes it away. Stop gives the run up.";

export interface Results extends RunView {
  readonly element: HTMLElement;
  readonly report: BenchReport | null;
  /** Empties the view for a run that begins. */
  begin(): void;
  /** Says how the run ended; what was measured stays. */
  end(how: "done" | "stopped" | "failed"): void;
}

export interface ResultsOptions {
  /** What the files are called, without what follows the dot. */
  readonly fileStem: string;
  /** Leaves out what stands above already: the adapter and the roofline. */
  readonly isBrief?: boolean;
  onStop(): void;
}

/** Bars for each family, the roofline, and the run as files, drawn anew as rows come in. */
export function resultsView({ fileStem, isBrief = false, onStop }: ResultsOptions): Results {
  const progress = progressBar("Progress");
  const checks = h("ul", { class: "checks", "aria-label": "Variants that have been checked" });
  const state = h("p", { class: "soft", role: "status" });
  const stop = h("button", { class: "button", type: "button", onclick: onStop }, icon("stop"), "Stop");
  const slow = h("p", { class: "small soft", role: "status" });
  const running = h("div", { class: "stack close", hidden: true }, progress.element, checks, slow, h("div", {}, stop));
  const facts = h("dl", { class: "facts" });
  const roofline = h("div", { class: "roofline" });
  const ladders = h("div", { class: "stack" });
  const save = (name: string, type: string, contents: (report: BenchReport) => string) => () => {
    if (report) void saveFile(`${fileStem}.${name}`, new Blob([contents(report)], { type }));
  };
  const buttons = h(
    "div",
    { class: "row", hidden: true },
    h(
      "button",
      {
        ...{ class: "button", type: "button" },
        onclick: save("json", "application/json", (made) => `${JSON.stringify(made, null, 2)}\n`),
      },
      ...[icon("download"), "Download JSON"],
    ),
    h(
      "button",
      { class: "button", type: "button", onclick: save("html", "text/html", renderBenchPage) },
      ...[icon("download"), "Download as a page"],
    ),
    h("span", { class: "soft small" }, "The JSON is what graft bench --json writes."),
  );
  let report: BenchReport | null = null;
  let place = { done: 0, total: 1, title: "" };

  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Something has come; when nothing comes for long, that is said. */
  const noteLife = (): void => {
    clearTimeout(timer);
    slow.textContent = "";
    timer = setTimeout(() => {
      slow.textContent = SLOW;
    }, PATIENCE);
  };

  const onProgress = (step: LadderProgress): void => {
    const { done, total, title } = place;
    if (step.type === "checking") {
      progress.set(done + (0.5 * step.done) / step.total, total, `${title}: checking ${step.name}`);
    } else if (step.type === "timing") {
      progress.set(done + 0.5, total, `${title}: timing ${step.count} in turn`);
    } else {
      const { status, name } = step.row;
      const mark = status === "unavailable" ? null : icon(status === "right" ? "check" : "close");
      checks.append(h("li", { class: status }, mark, `${name} ${status}`));
    }
  };

  return {
    element: h("div", { class: "stack" }, running, state, facts, roofline, ladders, buttons),
    get report() {
      return report;
    },
    begin() {
      report = null;
      for (const part of [facts, roofline, ladders, checks, state]) fill(part);
      buttons.hidden = true;
      running.hidden = false;
      noteLife();
      progress.set(0, null, "measuring what the adapter can do");
    },
    end(how) {
      clearTimeout(timer);
      slow.textContent = "";
      running.hidden = true;
      const words = {
        done: "",
        stopped: "Stopped; what was measured stays.",
        failed: "The run did not come to its end.",
      };
      fill(state, words[how]);
      state.hidden = how === "done";
      buttons.hidden = report === null || report.rows.length === 0;
    },
    onStep(message) {
      noteLife();
      if (message.type === "progress") return onProgress(message.progress);
      place = message;
      fill(checks);
      progress.set(message.done, message.total, message.title);
    },
    onReport(made) {
      noteLife();
      report = made;
      const groups = [...groupRows(made.rows).values()];
      fill(ladders, ...groups.map((own) => ladderCard(own, made)));
      if (isBrief) return;
      const { adapter, versions, peaks, rows } = made;
      fill(
        facts,
        fact(
          "Adapter",
          adapter.isSoftware ? `${adapter.name}: this machine's processor, so only ratios count` : adapter.name,
        ),
        fact("Browser", versions.browser ?? "unknown"),
        fact(
          "It can do",
          `${digits(peaks.gigaflops)} GFLOP/s of multiply-adds, ${digits(peaks.gigabytes)} GB/s of a copy, by this run`,
        ),
      );
      const best = new Set(groups.map((own) => fastestOf(own)));
      // Markup of the bench's own report: it escapes every text.
      roofline.innerHTML = rows.length > 0 ? drawRoofline(rows, peaks, (row) => best.has(row)).text : "";
    },
  };
}

const fact = (name: string, text: string) => [h("dt", {}, name), h("dd", {}, text)];

function ladderCard(rows: readonly BenchRow[], { peaks }: BenchReport): HTMLElement {
  const [{ group, title }] = rows;
  const [name, size] = group.split("/");
  const bars = h("div", {});
  bars.innerHTML = drawLadder(rows, peaks).text;
  return h(
    "article",
    { class: "card ladder-card", "data-group": group },
    h("h3", {}, name, h("span", { class: "soft" }, ` ${size.replaceAll("x", " × ")}`)),
    h("p", { class: "soft small" }, title),
    bars,
  );
}
