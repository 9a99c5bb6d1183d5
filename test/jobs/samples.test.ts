import { describe, expect, it } from "vitest";
import type { Prediction } from "../../src/finetune/report.ts";
import type { ShownExample, TaskRun } from "../../src/jobs/tasks/task-run.ts";
import { type AskedModel, takeSamples } from "../../src/jobs/training/samples.ts";

/** A task with these validation examples; nothing else of it is looked at. */
const taskOf = (validation: readonly ShownExample[] | null, prompts: readonly string[] = []) =>
  ({ validation, prompts }) as unknown as TaskRun;

const examplesOf = (labels: string): ShownExample[] => [...labels].map((label, i) => ({ text: `${label}${i}`, label }));

/** A model that tells this of examples, and writes nothing. */
const telling = (tell: AskedModel["tell"]): AskedModel => ({ tell, write: async () => [] });

/** A model that says the same of all, and the surer the later the example. */
const sayingAlways = (label: string, count: number): AskedModel =>
  telling(async (places) => places.map((place): Prediction => ({ label, probability: (place + 1) / count })));

describe("takeSamples", () => {
  it("takes the surest mistakes, then right ones of each class in turn", async () => {
    const examples = examplesOf("abcaabbbbbbbb");
    const { samples, sampled } = await takeSamples(taskOf(examples), sayingAlways("b", 13), sayingAlways("a", 13));
    expect(sampled).toEqual({ asked: 13, wrong: 4 });
    expect(samples.slice(0, 4).map(({ text }) => text)).toEqual(["a4", "a3", "c2", "a0"]);
    expect(samples.slice(4).map(({ text }) => text)).toEqual(["b1", "b5", "b6", "b7", "b8", "b9"]);
    expect(samples[0]).toEqual({
      ...{ text: "a4", label: "a", picture: undefined },
      after: { label: "b", probability: 5 / 13 },
      before: { label: "a", probability: 5 / 13 },
    });
    // Where all are right, each class has its turn.
    const right = telling(async (places) => places.map((place) => ({ label: examples[place].label, probability: 1 })));
    const all = await takeSamples(taskOf(examples), right, null);
    expect(all.samples.map(({ text }) => text)).toEqual(["a0", "b1", "c2", "a3", "b5", "a4"]);
    expect(all.samples.every(({ before }) => before === undefined)).toBe(true);
  });

  it("asks about a part of a large set, evenly spread, and about none where there is none", async () => {
    const asked: number[] = [];
    const ask = telling(async (places) => {
      asked.push(...places);
      return places.map(() => ({ label: "a", probability: 1 }));
    });
    await takeSamples(taskOf(examplesOf("a".repeat(1280))), ask, null);
    expect(asked).toHaveLength(128);
    expect(asked.slice(0, 3)).toEqual([0, 10, 20]);
    expect(asked.at(-1)).toBe(1270);
    for (const none of [null, []]) expect(await takeSamples(taskOf(none), ask, null)).toEqual({ samples: [] });
  });

  it("shows what a language model writes on from each prompt, before and after", async () => {
    const writing = (...texts: string[]): AskedModel => ({ tell: async () => [], write: async () => texts });
    const task = taskOf(null, ["To be", "Once"]);
    expect(await takeSamples(task, writing(" or not", " more"), writing(" a", " b"))).toEqual({
      samples: [],
      continuations: [
        { prompt: "To be", before: " a", after: " or not" },
        { prompt: "Once", before: " b", after: " more" },
      ],
    });
    const { continuations } = await takeSamples(task, writing(" or not", " more"), null);
    expect(continuations![1]).toEqual({ prompt: "Once", before: undefined, after: " more" });
  });

  it("shows an image small, within the report", async () => {
    const image = { channels: 3, height: 200, width: 100, data: new Uint8Array(60_000).fill(128) };
    const task = taskOf([{ text: "wall/1.png", label: "wall", image }]);
    const { samples } = await takeSamples(task, sayingAlways("wall", 1), null);
    expect(samples[0].text).toBe("wall/1.png");
    const [, base64] = samples[0].picture!.match(/^data:image\/png;base64,([\w+/=]+)$/)!;
    const header = new DataView(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer);
    expect([header.getUint32(16), header.getUint32(20)]).toEqual([32, 64]);
  });
});
