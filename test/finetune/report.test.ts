import { describe, expect, it } from "vitest";
import type { TrainingEvent } from "../../src/finetune/events.ts";
import { renderReport } from "../../src/finetune/report.ts";
import { evaluationOf, madeUpReport, runEvents, SECOND_START, startEvent, stepEvents } from "./made-up-run.ts";

const VOID = new Set(["meta", "br", "hr", "img", "input", "link"]);

/** Opens and closes every element of a page; throws where they do not match. Gives the names of the elements. */
function elementsOf(page: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  let rest = page.replace(/^<!doctype html>/i, "").replace(/<style>[\s\S]*?<\/style>/g, "");
  for (;;) {
    const start = rest.indexOf("<");
    if (/>/.test(start < 0 ? rest : rest.slice(0, start))) throw new Error(`a bare > in ${rest.slice(0, 80)}`);
    if (start < 0) break;
    const tag = rest.slice(start).match(/^<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+="[^"<>]*")*)\s*(\/?)>/);
    if (!tag) throw new Error(`no tag: ${rest.slice(start, start + 80)}`);
    const [whole, close, name, , selfClosed] = tag;
    if (close) {
      const expected = open.pop();
      if (expected !== name) throw new Error(`</${name}> closes <${expected}>`);
    } else {
      names.push(name);
      if (!selfClosed && !VOID.has(name)) open.push(name);
    }
    rest = rest.slice(start + whole.length);
  }
  if (open.length > 0) throw new Error(`left open: ${open}`);
  return names;
}

/** The words of a page. */
const textOf = (page: string) =>
  page
    .replace(/<style>[\s\S]*?<\/style>/, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");

const report = madeUpReport();
const page = renderReport(report);

describe("renderReport", () => {
  it("is one well-formed page that loads and runs nothing", () => {
    const names = elementsOf(page);
    expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(names.filter((name) => ["script", "link", "img", "iframe", "object", "form", "a"].includes(name))).toEqual(
      [],
    );
    expect(page).not.toMatch(/https?:|\burl\(|@import|javascript:|\b(src|href)=/i);
    expect(page).toContain("default-src 'none'");
    expect(page).toContain("prefers-color-scheme: dark");
    expect(page).toContain("@media print");
  });

  it("is the same for the same run", () => {
    expect(renderReport(madeUpReport())).toBe(page);
  });

  it("tells the outcome, the run and its data", () => {
    const text = textOf(page);
    expect(text).toContain("Validation accuracy went from 86.0 % to 98.2 % on 500 examples.");
    expect(text).toContain("2026-03-14, 09:26 UTC");
    expect(text).toContain("lavapipe (software, llvmpipe)");
    expect(text).toMatch(/1,000 examples \( ?ham 866, spam 134/);
    expect(text).toContain("1 min 5 s for 252 steps and 123,984 tokens");
    expect(text).toContain("CC BY 4.0");
    const events = report.stages.reduce((sum, stage) => sum + stage.events.length, 0);
    expect(text).toContain(`from ${events} training events`);
  });

  it("tells measures, confusion matrices and samples before and after", () => {
    const text = textOf(page);
    expect(text).toContain("precision (spam) 0.0 % 95.5 %");
    expect(text).toContain("ham 98.6 % 99.3 % 99.0 % 430");
    expect(text).toContain("Before ham spam ham 430 0 spam 70 0");
    expect(text).toContain("After ham spam ham 427 3 spam 6 64");
    expect(text).toContain("true ham before ✓ ham 50.0 % after ✓ ham 99.9 %");
    expect(text).toContain("true spam before ✗ ham 50.0 % after ✗ ham 81.2 %");
  });

  it("shows pictures within itself, and says what the samples were chosen from", () => {
    const picture = "data:image/png;base64,AAAA";
    const after = { label: "dog", probability: 0.6 };
    const samples = [{ text: "cat/1.png", picture, label: "cat", after }];
    const illustrated = renderReport(madeUpReport({ samples, sampled: { asked: 128, wrong: 3 } }));
    elementsOf(illustrated);
    expect(illustrated).toContain(`<img class="picture" src="${picture}" alt="">`);
    expect(illustrated).toContain("default-src 'none'; style-src 'unsafe-inline'; img-src data:");
    expect(textOf(illustrated)).toContain(
      "Of 128 validation examples that were looked at 3 are told wrongly: the surest come first, then right ones of each class.",
    );
    expect(textOf(illustrated)).toContain("cat/1.png true cat after ✗ dog 60.0 %");
    const flawless = renderReport(madeUpReport({ sampled: { asked: 12, wrong: 0 } }));
    const some = "Here are some of each class.";
    expect(textOf(flawless)).toContain(`Of 12 validation examples that were looked at none is told wrongly. ${some}`);
    const { data } = madeUpReport();
    const whole = renderReport(madeUpReport({ sampled: { asked: data.validExamples, wrong: 1 } }));
    expect(textOf(whole)).toContain("Of 500 validation examples 1 is told wrongly: it comes first, then right ones");
  });

  it("tells for each stage what was trained, what was frozen and what the cache saved", () => {
    const parts = [...page.matchAll(/<ul class="parts">(.*?)<\/ul>/g)].map(([, list]) =>
      [...list.matchAll(/<li class="(\w+)">([^<]*)/g)].map(([, kind, name]) => `${name}:${kind}`).join(" "),
    );
    expect(parts).toEqual([
      "wte:none wpe:none h.0:none h.1:none h.2:none h.3:none ln_f:none score:all",
      "wte:none wpe:none h.0:none h.1:none h.2:all h.3:all ln_f:all score:all",
    ]);
    const text = textOf(page);
    expect(text).toContain("384 of 2,222,592 parameters trained (1 tensor); 52 tensors frozen.");
    expect(text).toContain("h.3 2e-4 0.01 444,864");
    expect(text).toContain("last two blocks h.2 12.0 MiB 1,500 2,000 21 s");
  });

  it("tells every hyper-parameter, and by stage where they differ", () => {
    const text = textOf(page);
    const { settings } = report.stages[0].start;
    for (const [key, value] of Object.entries(settings)) {
      if (key !== "layerDecay") expect(text).toContain(`${key} ${value ?? "–"}`);
    }
    expect(text).toContain("head last two blocks layerDecay 1 0.8");
  });

  it("draws a point for every step, the validation loss, and where a stage begins", () => {
    const dots = page.match(/class="dots train"[^>]* d="([^"]*)"/)![1];
    expect(dots.match(/M/g)).toHaveLength(252);
    // The measure before, and two in each of the stages.
    expect(page.match(/class="marks valid" d="([^"]*)"/)![1].match(/M/g)).toHaveLength(5);
    expect(page).toMatch(/<span class="stage" style="left:0%">head<\/span>/);
    expect(page).toMatch(/<span class="stage" style="left:50%">last two blocks<\/span>/);
    // A line for each stage.
    expect(page.match(/class="line train" d="([^"]*)"/)![1].match(/M/g)).toHaveLength(2);
  });

  it("counts steps on, whether or not their numbers begin anew with a stage", () => {
    const counted = madeUpReport();
    const on = (event: TrainingEvent): TrainingEvent =>
      event.type === "step" || event.type === "evaluation" ? { ...event, step: event.step + 126 } : event;
    const second = { ...counted.stages[1], events: counted.stages[1].events.map(on) };
    expect(renderReport({ ...counted, stages: [counted.stages[0], second] })).toBe(page);
  });
});

describe("a hostile report", () => {
  const evil = `</bdi></style><script>alert(1)</script><img src=x onerror="alert(1)">&amp;'"`;
  const steering = "\u202e\u0000\u001b[2J\ud800 end";

  it("shows every text as text", () => {
    const nasty = evil + steering;
    const evaluation = evaluationOf([[1, 2], [3, 4]], 1, [nasty, `b${nasty}`]); // biome-ignore format: a matrix
    const start = startEvent({
      trainable: [`${nasty}.weight`],
      frozen: [`h.0.${nasty}`],
      settings: { [nasty]: nasty, odd: "a" },
      groups: [{ name: nasty, learningRate: 1, weightDecay: 0, parameters: 1 }],
    });
    const other = startEvent({ ...start, settings: { [nasty]: 1, odd: "b" } });
    const cache = { ...(runEvents(start, 1, [evaluation]).find(({ type }) => type === "cache") as object) };
    const off = { ...cache, enabled: false, reason: nasty } as TrainingEvent;
    const stage = { name: nasty, description: nasty, start, events: runEvents(start, 1, [evaluation]) };
    const hostile = renderReport({
      title: nasty,
      createdAt: nasty,
      adapter: nasty,
      model: nasty,
      task: "classify",
      data: {
        source: nasty,
        trainExamples: 1,
        validExamples: 1,
        classes: [{ label: nasty, train: 1, valid: 1 }],
        attribution: nasty,
      },
      stages: [stage, { ...stage, start: other, events: [...stage.events, off] }],
      before: evaluation,
      after: evaluation,
      samples: [{ text: nasty, label: nasty, after: { label: nasty, probability: 1 } }],
      continuations: [{ prompt: nasty, before: nasty, after: nasty }],
      settings: { [nasty]: nasty },
    });
    const names = elementsOf(hostile);
    expect(names).not.toContain("script");
    expect(names).not.toContain("img");
    expect(hostile.match(/<style>/g)).toHaveLength(1);
    expect(hostile).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(hostile).not.toMatch(/(?!\n)\p{Cc}|\p{Cs}/u);
    const illustrated = renderReport(
      madeUpReport({ samples: [{ text: "a", picture: nasty, label: "a", after: { label: "a", probability: 1 } }] }),
    );
    expect(elementsOf(illustrated)).toContain("img");
    expect(illustrated).not.toContain("<script>");
    // A message that turns the direction of text does not turn what stands behind it.
    expect(hostile.match(/<p class="message"><bdi>[^<]*\u202e/g)).toHaveLength(1);
  });
});

describe("an unusual run", () => {
  it("of a language model tells perplexity and has no confusion matrix", () => {
    const evaluation = (loss: number) => ({ loss, count: 4096, perplexity: Math.exp(loss) });
    const start = startEvent({ task: "lm" });
    const events = runEvents(start, 5, [evaluation(3.4), evaluation(3.2)]);
    const lm = renderReport({
      ...madeUpReport(),
      task: "lm",
      data: { source: "tinyshakespeare", trainExamples: 900, validExamples: 100 },
      stages: [{ name: "all", description: "", start, events }],
      before: evaluation(4.1),
      after: evaluation(3.2),
      samples: [],
      continuations: [{ prompt: "To be", before: " a the of", after: ", or not to be" }],
    });
    elementsOf(lm);
    const text = textOf(lm);
    expect(text).toContain("Validation perplexity went from 60.34 to 24.53 on 100 examples.");
    expect(text).toContain("loss 4.1000 3.2000 perplexity 60.34 24.53");
    expect(text).toContain("Validation perplexity perplexity");
    expect(text).toContain("language modelling");
    expect(text).toContain("beginning of a validation text");
    expect(text).toMatch(/To be before a the of after , or not to be/);
    expect(text).not.toMatch(/accuracy|Confusion|By class|NaN|undefined/);
  });

  it("that diverged says so and draws what there is", () => {
    const start = startEvent();
    const events = stepEvents(1, 0.1, start).map((event, i) => ({ ...event, loss: i > 100 ? Number.NaN : event.loss }));
    const stages = [{ name: "head", description: "", start, events: [start, ...events] }];
    const diverged = renderReport(madeUpReport({ stages, after: null }));
    elementsOf(diverged);
    expect(textOf(diverged)).toContain("The loss of 25 steps was not a finite number.");
    expect(diverged).not.toMatch(/(d|style|x|width)="[^"]*(NaN|Infinity)/);
  });

  it("that was stopped before its first step has no curves, and no holes", () => {
    const end: TrainingEvent = {
      type: "end",
      reason: "cancelled",
      steps: 0,
      seconds: 0.4,
      bestStep: null,
      evaluation: null,
      tokens: 0,
      peakBytes: 0,
    };
    const stages = [{ name: "head", description: "", start: SECOND_START, events: [SECOND_START, end] }];
    const stopped = renderReport(madeUpReport({ stages, before: null, after: null, samples: [], settings: {} }));
    const names = elementsOf(stopped);
    expect(names).not.toContain("svg");
    const text = textOf(stopped);
    expect(text).toContain("stopped on request before its end");
    expect(text).not.toMatch(/Curves|Measures|Samples|Confusion|undefined|NaN/);
  });

  it("of many classes leaves the matrix out and gives the mean F1", () => {
    const labels = Array.from({ length: 30 }, (_, i) => `class ${i}`);
    const matrix = labels.map((_, i) => labels.map((_, j) => (i === j ? 10 : 0)));
    const evaluation = evaluationOf(matrix, 0.2, labels);
    const many = renderReport(madeUpReport({ before: evaluation, after: evaluation }));
    elementsOf(many);
    expect(many).not.toContain('class="matrix"');
    expect(textOf(many)).toContain("mean F1 100.0 %");
  });
});
