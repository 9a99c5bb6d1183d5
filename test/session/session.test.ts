import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Gpu } from "../../src/gpu/index.ts";
import { SHOWN_WRITING } from "../../src/jobs/index.ts";
import { MemoryFolder } from "../../src/session/host/folders.ts";
import { graft } from "../cli/commands.ts";
import { bytesOf, collect, filesOf, losses, MODEL, messages, ofType, smallJob, useSessions } from "./support.ts";

const open = useSessions();

describe("a session", () => {
  it("tells of a model and of data before anything is trained", async () => {
    const session = await open();
    const job = smallJob({ rates: { "h.3.attn": 1e-5 } });
    const [plain, planned, data, plan] = await Promise.all([
      session.inspect(job.model),
      session.inspect(job.model, job),
      session.describeData(job),
      session.plan(job),
    ]);
    expect(plain).toMatchObject({
      ...{ name: MODEL, family: "GPT-2", architecture: "GPT2LMHeadModel", tasks: ["classify", "lm"] },
      ...{ labels: [], positions: 256, imageShape: null, trainableParameters: 0 },
    });
    expect(plain.stages.map(({ name, level }) => [name, level])).toEqual([
      ["embeddings", 4],
      ["h.0", 3],
      ["h.1", 2],
      ["h.2", 1],
      ["h.3", 0],
      ["ln_f", 0],
    ]);
    expect(plain.stages.map(({ pattern }) => pattern)).toEqual(["wte,wpe", "h.0", "h.1", "h.2", "h.3", "ln_f"]);
    expect(plain.stages.reduce((sum, { parameters }) => sum + parameters, 0)).toBe(plain.parameters);
    expect(planned.architecture).toBe("GPT2ForSequenceClassification");
    expect(planned.head).toMatchObject({ name: "score", pattern: "score", parameters: 384, trained: 384, rate: 1e-3 });
    expect(planned.stages.map(({ rate }) => rate)).toEqual([null, null, null, null, 1e-4, 1e-4]);
    expect(planned.trainableParameters).toBe(
      planned.head.trained + planned.stages.reduce((sum, { trained }) => sum + trained, 0),
    );
    expect(data).toMatchObject({ name: "few.tsv", train: 32, valid: 8, lengths: { longest: 12 } });
    expect(data.classes.map(({ label }) => label)).toEqual(["ham", "spam"]);
    expect(data.lengths!.bins.reduce((sum, { count }) => sum + count, 0)).toBe(32);
    expect(data.lengths!.cut).toBeGreaterThan(0);
    expect(data.examples.map(({ label }) => label)).toEqual(["ham", "ham", "ham", "spam", "spam", "spam"]);
    expect(plan).toMatchObject({ fits: true, batch: 8, length: 12 });
    expect(session.state).toBe("idle");
  });

  it("trains with the trainer's own events, and its command gives the same bytes in Node", async () => {
    const session = await open();
    const job = smallJob({ schedule: "cosine", layerDecay: 0.5 });
    const run = session.start({ ...job, model: { kind: "files", name: "mini", files: await filesOf(MODEL) } });
    expect(() => session.start(job)).toThrow("a run is under way; cancel it, or wait for its end");
    expect(session.state).toBe("running");
    const events = await collect(run);
    expect(session.state).toBe("idle");
    expect(ofType(events, "plan")).toHaveLength(1);
    const compiled = ofType(events, "compile");
    expect(compiled.map(({ done }) => done)).toEqual(compiled.map((_, i) => i + 1));
    expect(compiled.at(-1)!.done).toBe(compiled[0].total);
    const weights = ofType(events, "bytes").filter(({ what }) => what === "weights");
    expect(weights.at(-1)).toMatchObject({ file: "model.safetensors", loaded: 8893880, total: 8893880 });
    expect(events.findIndex(({ type }) => type === "compile")).toBeLessThan(
      events.findIndex(({ type }) => type === "start"),
    );
    expect(ofType(events, "start")[0]).toMatchObject({ model: "mini", task: "classify", totalSteps: 8 });
    expect(ofType(events, "step").map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(ofType(events, "evaluation").map(({ step }) => step)).toEqual([0, 4, 8]);
    expect(events.at(-1)).toMatchObject({ type: "end", reason: "finished" });

    const { files, command } = await session.save();
    expect(Object.keys(files).sort()).toEqual(
      [
        "config.json",
        "model.safetensors",
        "report.html",
        ...["merges.txt", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json"],
      ].sort(),
    );
    const report = await files["report.html"].text();
    expect(report).toContain("mini fine-tuned on few.tsv");
    expect(report.match(/<p class="message"><bdi>/g)).toHaveLength(8);
    expect(report.match(/<span class="what">(before|after)<\/span>/g)).toHaveLength(16);
    const folder = mkdtempSync(join(tmpdir(), "graft-session-"));
    try {
      writeFileSync(join(folder, "few.tsv"), messages(40));
      const words = command
        .split(" ")
        .slice(1)
        .map(
          (word) => ({ mini: MODEL, "few.tsv": join(folder, word), "fine-tuned": join(folder, "out") })[word] ?? word,
        );
      const { code, stdout, stderr } = await graft([...words, "--json"]);
      expect([code, stderr]).toEqual([0, ""]);
      const node = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(losses(node)).toEqual(losses(events));
      expect(readFileSync(join(folder, "out/model.safetensors")).equals(await bytesOf(files))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("answers with the model before and after training", async () => {
    const session = await open();
    await expect(session.predict({ which: "after", texts: ["a"] })).rejects.toThrow("there is no trained model yet");
    const job = smallJob({ lr: 1e-3, epochs: 4 });
    const texts = ["WINNER! Call now to claim your free prize", "See you at home tonight"];
    const untrained = await session.predict({ which: "before", texts, job });
    const asked: Promise<unknown>[] = [];
    await collect(session.start(job), (event) => {
      // A question in the middle of a run is answered between two batches, and changes nothing.
      if (event.type === "step" && event.step === 2) asked.push(session.predict({ which: "after", texts }));
    });
    const [meanwhile] = (await Promise.all(asked)) as (typeof untrained)[];
    const [before, after] = [
      await session.predict({ which: "before", texts }),
      await session.predict({ which: "after", texts }),
    ];
    expect(before).toEqual(untrained);
    expect(meanwhile).not.toEqual(before);
    expect(after).not.toEqual(meanwhile);
    for (const { label, probability, classes } of after) {
      expect(classes.map((one) => one.label).sort()).toEqual(["ham", "spam"]);
      expect(classes[0]).toEqual({ label, probability });
      expect(classes[0].probability + classes[1].probability).toBeCloseTo(1, 12);
    }
    const end = await session.evaluate({ which: "after" });
    expect(end.confusionMatrix!.flat().reduce((sum, count) => sum + count, 0)).toBe(8);
    const [first] = (await collect(session.start(job))).flatMap((event) =>
      event.type === "evaluation" ? [event.evaluation] : [],
    );
    expect(await session.evaluate({ which: "before" })).toEqual(first);
  });

  it("writes on with a language model, a piece at a time, before and after", async () => {
    const session = await open();
    const job = {
      task: "lm" as const,
      model: { kind: "path" as const, path: MODEL },
      data: { kind: "text" as const, name: "few.txt", text: messages(60) },
      settings: { unfreeze: "h.3", maxLength: 24, batch: 4, maxSteps: 2, lr: 1e-2, warmup: 0 },
    };
    const { examples, classes, train, prompts } = await session.describeData(job);
    expect([examples.length, classes, train > 0, prompts.length]).toEqual([3, [], true, 3]);
    await collect(session.start(job));
    const write = async (which: "before" | "after"): Promise<string[]> => {
      const pieces: string[] = [];
      for await (const piece of session.generate({ which, prompt: "I am", maxNewTokens: 8, greedy: true }))
        pieces.push(piece);
      return pieces;
    };
    const [before, after] = [await write("before"), await write("after")];
    expect(before.length).toBeGreaterThan(3);
    expect(after.join("")).not.toBe(before.join(""));
    for await (const _ of session.generate({ which: "after", prompt: "I am", maxNewTokens: 200 })) break;
    // The report has what a page is given for the same prompt.
    const report = await (await session.save()).files["report.html"].text();
    const [prompt] = prompts;
    const { maximumNewTokens: maxNewTokens, ...sampling } = SHOWN_WRITING;
    const marked = (text: string): string => text.replace(/&#39;|&quot;|&amp;|&lt;|&gt;/g, "_");
    const shown = marked(report).match(/<p class="message">.*?<\/p>/gs)!;
    expect(shown).toHaveLength(9);
    for (const [i, which] of (["before", "after"] as const).entries()) {
      let text = "";
      for await (const piece of session.generate({ which, prompt, maxNewTokens, ...sampling })) text += piece;
      const words = text.replace(/[<>&"']/g, "_").replace(/(?![\n\t])\p{Cc}/gu, "\uFFFD");
      expect(shown[1 + i]).toBe(`<p class="message"><span class="soft">${which} </span><bdi>${words}</bdi></p>`);
    }
    expect(shown[0]).toContain(prompt.replace(/[<>&"']/g, "_"));
    await expect(session.predict({ which: "after", texts: ["a"] })).rejects.toThrow("a language model has no classes");
  });

  it("gives errors back with their names, and goes on", async () => {
    const session = await open();
    const job = smallJob();
    await expect(session.plan({ ...job, settings: { maxLength: 9999 } })).rejects.toMatchObject({
      name: "SettingError",
      message: "maxLength 9999 exceeds the model's 256 positions",
    });
    const failing = session.start({ ...job, data: { kind: "text", name: "few.xml", text: "<a/>" } });
    await expect(collect(failing)).rejects.toThrow("few.xml: expected a file named .tsv");
    await expect(failing.done).rejects.toThrow("few.xml");
    expect(session.state).toBe("idle");
    await expect(session.inspect({ kind: "files", name: "nothing", files: { "a.txt": new Blob([]) } })).rejects.toThrow(
      "there is no config.json",
    );
    const { "tokenizer.json": _one, "vocab.json": _other, ...files } = await filesOf(MODEL);
    await expect(session.inspect({ kind: "files", name: "mute", files })).rejects.toThrow("mute: no tokenizer");
    const two = { kind: "text", name: "two.tsv", text: "ham\thello\nspam\tagain\n" } as const;
    await expect(session.describeData({ ...job, data: two })).rejects.toThrow(
      "two.tsv: 2 examples of 2 classes are too few to keep some for validation; give valid",
    );
    const called = await open({ settingNames: { maxLength: "“Longest text”" } });
    await expect(called.plan({ ...job, settings: { maxLength: 9999 } })).rejects.toThrow("“Longest text” 9999 exceeds");
    await expect(collect(session.pickUp())).rejects.toThrow("there is no run that was kept");
    await expect(session.inspect((() => {}) as never)).rejects.toMatchObject({ name: "DataCloneError" });
    expect(losses(await collect(session.start(job)))).toHaveLength(8);
    await session.close();
    await expect(session.plan(job)).rejects.toThrow("the session is closed");
    await session.close();
  });

  it("frees everything when it is closed, in the middle of a run too", async () => {
    const left: number[] = [];
    const openGpu = async (): Promise<Gpu> => {
      const gpu = await Gpu.open();
      const close = gpu.close.bind(gpu);
      gpu.close = () => {
        left.push(gpu.statistics.liveBuffers, gpu.statistics.rescuedTensors);
        close();
      };
      return gpu;
    };
    const session = await open({ openGpu });
    const job = smallJob({ lora: 2, unfreeze: undefined });
    await collect(session.start(job));
    await session.predict({ which: "before", texts: ["a"] });
    await session.predict({ which: "after", texts: ["a"] });
    await session.evaluate({ which: "after" });
    await session.close();
    const second = await open({ openGpu });
    const run = second.start(smallJob());
    run.done.catch(() => {});
    for await (const event of run) if (event.type === "step") void second.close();
    expect(left).toEqual([0, 0, 0, 0]);
    expect(Gpu).toBeDefined();
  });

  it("keeps its run out of the way of who does not read its events", async () => {
    const session = await open({ storage: new MemoryFolder() });
    await session.start(smallJob({ epochs: 12, evalEvery: 20 })).done;
    expect(await session.stored()).toMatchObject({ step: 48, totalSteps: 48, ended: "finished" });
    expect(session.state).toBe("idle");
  });
});
