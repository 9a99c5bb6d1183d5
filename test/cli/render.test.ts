import { describe, expect, it } from "vitest";
import { createRenderer, jsonLine } from "../../src/cli/render.ts";
import type { TrainingEvent } from "../../src/finetune/events.ts";
import {
  evaluationOf,
  recipeEvents,
  runEvents,
  SECOND_START,
  startEvent,
  stepEvents,
} from "../finetune/made-up-run.ts";
import { MemoryOutput } from "./support.ts";

/** Renders events, the clock going on by 100 ms with each. */
function render(events: readonly TrainingEvent[], output: MemoryOutput, json = false): MemoryOutput {
  let time = 0;
  const renderer = createRenderer(output, { json, now: () => time });
  for (const event of events) {
    time += 100;
    renderer.event(event);
  }
  renderer.summary();
  return output;
}

describe("plain lines", () => {
  const { text, lines } = render(recipeEvents(), new MemoryOutput());

  it("have no control characters", () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
  });

  it("tell what is about to be done, and of a later stage only what is new", () => {
    const trained = "trained  384 of 2,222,592 parameters (0.017 %): score";
    expect(lines).toContain(trained);
    expect(lines).toContain("frozen   wte, wpe, h.0 – h.3, ln_f");
    expect(lines).toContain("plan     2 epochs, 126 steps, learning rate 0.001");
    expect(lines).toContain("plan     2 epochs, 126 steps, learning rate 1.6e-4 … 0.001");
    expect(lines.filter((line) => line.startsWith("model "))).toHaveLength(1);
    expect(lines).toContain("Stage 2 of 2: last two blocks. Goes on with h.2, h.3 and ln_f.");
  });

  it("give the first ten steps each, then a few, and the last", () => {
    const steps = (events: TrainingEvent[]) =>
      render(events, new MemoryOutput()).lines.flatMap(
        (line) =>
          line
            .match(/^step +(\d+)\//)
            ?.slice(1)
            .map(Number) ?? [],
      );
    const start = startEvent({ totalSteps: 837 });
    const shown = steps([start, ...stepEvents(1, 0.1, start)]);
    expect(shown.slice(0, 12)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 28, 56]);
    expect(shown.at(-1)).toBe(837);
    expect(shown.length).toBeLessThanOrEqual(41);
    const short = startEvent({ totalSteps: 12 });
    expect(steps([short, ...stepEvents(1, 0.1, short)])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it("thin the steps of each stage by itself, although the step numbers go on", () => {
    const second = stepEvents(1, 0.1, SECOND_START).map((event) => ({ ...event, step: event.step + 126 }));
    const { lines: both } = render(
      [...runEvents(startEvent(), 1, [evaluationOf([[1]], 0, ["a"])]), SECOND_START, ...second],
      new MemoryOutput(),
    );
    const shown = both.flatMap(
      (line) =>
        line
          .match(/^step +(\d+)\//)
          ?.slice(1)
          .map(Number) ?? [],
    );
    expect(shown.filter((step) => step > 126 && step <= 136)).toHaveLength(10);
    expect(shown.filter((step) => step > 126).length).toBeLessThanOrEqual(41);
  });

  it("show a step in full", () => {
    expect(lines).toContain("step   1/126  epoch 1  loss 0.6931  gradient 1.1041  lr 7.94e-5  4,200 tok/s  ETA 0:31");
  });

  it("always show evaluations", () => {
    expect(lines.filter((line) => line.startsWith("validation at step"))).toHaveLength(4);
    expect(lines).toContain("before training: accuracy 86.0 %, F1 (spam) 0.0 %, loss 0.6931 (2.2 s)");
    expect(lines).toContain(
      "validation at step 63: accuracy 95.0 %, F1 (spam) 80.3 %, loss 0.1431 (2.1 s, best so far)",
    );
  });

  it("end with a table, the confusion matrix, and what was frozen, saved and spent", () => {
    expect(text.slice(text.indexOf("\n                  before"))).toBe(`
                  before   after
accuracy          86.0 %  98.2 %
precision (spam)   0.0 %  95.5 %
recall (spam)      0.0 %  91.4 %
F1 (spam)          0.0 %  93.4 %
loss              0.6931  0.0739

Confusion matrix after training, 500 examples (rows true, columns predicted)
        ham  spam
  ham   427     3
  spam    6    64

trained      890,496 of 2,222,592 parameters (40.1 %): h.2 – h.3, ln_f, score
frozen       wte, wpe, h.0 – h.1
activations  computed for 3,000 examples, reused 4,000 times, about 43 s saved
time         1 min 5 s for 252 steps and 123,984 tokens
memory       212 MiB of buffers at most
`);
  });

  it("are right for language modelling", () => {
    const start = startEvent({ task: "lm", trainable: ["wte.weight"], frozen: [] });
    const evaluation = { loss: 3.2, count: 4096, perplexity: Math.exp(3.2) };
    const { text: lm } = render(runEvents(start, 5, [evaluation]), new MemoryOutput());
    expect(lm).toContain("validation at step 63: loss 3.2000, perplexity 24.53 (2.1 s, best so far)");
    expect(lm).toMatch(/loss +– +3\.2000\nperplexity +– +24\.53\n/);
    expect(lm).toMatch(/^frozen +nothing$/m);
    expect(lm).not.toContain("Confusion");
  });

  it("cannot be steered by a model's names", () => {
    const start = startEvent({ model: "evil\u001b]0;title\u0007", trainable: ["a\u001b[2J.weight"] });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
    expect(render([start], new MemoryOutput()).text).not.toMatch(/[\x1b\x07]/);
  });
});

describe("the progress line of a terminal", () => {
  it("is redrawn in place, with the evaluations above it", () => {
    const { screen } = render(recipeEvents(), new MemoryOutput(true, 120));
    expect(screen.filter((line) => line.startsWith("validation at step"))).toHaveLength(4);
    expect(screen.filter((line) => /step +\d+\/126/.test(line) && !line.startsWith("validation"))).toEqual([]);
    const events = recipeEvents();
    const { screen: during } = render(events.slice(0, 40), new MemoryOutput(true, 120));
    expect(during.filter((line) => line.includes("tok/s"))).toEqual([]);
  });

  it("shows step, loss, rates, speed and time left, and less on a narrow terminal", () => {
    const last = (columns: number) => {
      const output = new MemoryOutput(true, columns);
      let time = 0;
      const renderer = createRenderer(output, { now: () => time });
      for (const event of recipeEvents().slice(0, 40)) {
        time += 100;
        renderer.event(event);
      }
      return output.screen.at(-1)!;
    };
    expect(last(120)).toMatch(
      /^head {2}step {2}36\/126 {2}━━━━━─────────── {2}loss 0\.\d{4} {2}lr 8\.02e-4 {2}4,\d{3} tok\/s {2}ETA 0:2\d$/,
    );
    expect(last(50)).toMatch(/^step {2}36\/126 {2}loss 0\.\d{4} {2}lr 8\.02e-4 {2}ETA 0:2\d$/);
    expect(last(40)).toMatch(/^step {2}36\/126 {2}loss 0\.\d{4} {2}ETA 0:2\d$/);
    expect(last(8)).toBe("step  …");
  });

  it("never goes beyond the width, is drawn in single writes, and not more often than the eye can see", () => {
    const output = new MemoryOutput(true, 50);
    const writes: string[] = [];
    output.write = (text) => writes.push(text);
    let time = 0;
    const renderer = createRenderer(output, { now: () => time });
    for (const event of stepEvents(1, 0.1, startEvent())) {
      time += 10;
      renderer.event(event);
    }
    expect(writes.length).toBeLessThan(18);
    for (const text of writes) {
      expect(text.startsWith("\r") && text.endsWith("\x1b[K")).toBe(true);
      expect(text.slice(1)).not.toMatch(/[\r\n]/);
      expect(text.length - 4).toBeLessThan(50);
    }
  });

  it("goes away for an error", () => {
    const output = new MemoryOutput(true, 80);
    const renderer = createRenderer(output, { now: () => 0 });
    renderer.event(stepEvents(1, 0.1, startEvent())[0]);
    expect(output.screen).not.toEqual([""]);
    renderer.clear();
    expect(output.screen).toEqual([""]);
  });
});

describe("--json", () => {
  it("gives one event a line and nothing else", () => {
    const events = recipeEvents();
    const { lines } = render(events, new MemoryOutput(), true);
    expect(lines.map((line) => JSON.parse(line))).toEqual(events);
  });

  it("keeps what JSON has no number for", () => {
    expect(jsonLine({ loss: Number.NaN, norm: Number.POSITIVE_INFINITY, low: -Infinity, left: null })).toBe(
      '{"loss":"NaN","norm":"Infinity","low":"-Infinity","left":null}\n',
    );
  });
});
