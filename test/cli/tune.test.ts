import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { FamilyResult } from "../../src/bench/tune/index.ts";
import { benchCommand } from "../../src/cli/commands/bench.ts";
import { evaluateCommand } from "../../src/cli/commands/eval.ts";
import { finetune } from "../../src/cli/commands/finetune.ts";
import { generateCommand } from "../../src/cli/commands/generate.ts";
import { predict } from "../../src/cli/commands/predict.ts";
import { start } from "../../src/cli/commands/start.ts";
import { tuneCommand } from "../../src/cli/commands/tune.ts";
import { type CommandTable, run } from "../../src/cli/run.ts";
import { renderFamily } from "../../src/cli/tune-text.ts";
import { findTuned, saveTuned, tunedPath, useTuned } from "../../src/cli/tuned.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { cacheFolder } from "../../src/io/node/index.ts";
import { effectiveVariants } from "../../src/kernels/variants/variants.ts";
import { useGpu } from "../support/gpu.ts";
import { MODEL } from "./commands.ts";
import { MemoryOutput, memoryContext } from "./support.ts";

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), "graft-tune-"));
});
afterAll(() => rm(cache, { recursive: true }));

/** The command lines of this file, with a cache folder of their own. */
function graft(...args: string[]): ReturnType<typeof graftWith> {
  return graftWith(cache, args);
}

async function graftWith(XDG_CACHE_HOME: string, args: readonly string[], isTTY = false) {
  const models = { finetune, eval: evaluateCommand, predict, generate: generateCommand, start };
  const commands = { tune: tuneCommand, bench: benchCommand, ...models };
  const table = Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [name, { summary: "", load: async () => command }]),
  ) as CommandTable;
  const context = { ...memoryContext(), env: { XDG_CACHE_HOME }, stderr: new MemoryOutput(isTTY) };
  const code = await run(args, table, context);
  const { stdout, stderr } = context;
  return { code, stdout: stdout.text, stderr: stderr.text, screen: stderr.screen };
}

const result = (family: string, inUse: string, best: string): FamilyResult => ({
  ...{ family, description: "computes", inUse, best, gain: best === inUse ? 1 : 1.5 },
  candidates: [
    { name: inUse, description: "The one in use.", status: "right", hasSameBits: true, speed: 1 },
    { name: "other", description: "Another.", status: "right", hasSameBits: true, speed: 1.5 },
    { name: "odd", description: "An odd one.", status: "wrong", reason: "3×3: y[0] is 1, expected 2" },
    { name: "far", description: "One too many.", status: "unavailable", reason: "needs subgroups" },
  ],
  probes: [{ title: "3×3, forward", median: { [inUse]: 1.5, other: 1 }, least: { [inUse]: 1.5, other: 1 } }],
});

describe("the cache folder", () => {
  it("is where the XDG base directory specification puts it", () => {
    expect(cacheFolder({ XDG_CACHE_HOME: "/var/cache/me" })).toBe("/var/cache/me/graft");
    for (const XDG_CACHE_HOME of [undefined, "", "relative"]) {
      expect(cacheFolder({ XDG_CACHE_HOME, HOME: "/home/me" })).toBe("/home/me/.cache/graft");
    }
    expect(cacheFolder({})).toBe(join(homedir(), ".cache", "graft"));
  });
});

describe("a tuned table", () => {
  const gpu = useGpu();
  const env = () => ({ XDG_CACHE_HOME: join(cache, "table") });

  it("goes to the file and back, family by family", async () => {
    const { rows, depthwise } = effectiveVariants(gpu());
    const otherRows = rows === "tree" ? "lane" : "tree";
    const otherDepthwise = depthwise === "row" ? "strip" : "row";
    const now = new Date(Date.UTC(2026, 0, 2));
    const { path, file } = await saveTuned(env(), gpu(), [result("rows", rows, otherRows)], now);
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual(file);
    expect(file).toMatchObject({ date: "2026-01-02T00:00:00.000Z", families: ["rows"], variants: { rows: otherRows } });
    expect(await findTuned(env(), gpu())).toEqual({ rows: otherRows });
    expect(await useTuned(env(), gpu())).toBe(`Kernel variants: rows ${otherRows} (tuned)`);
    expect(effectiveVariants(gpu())).toMatchObject({ rows: otherRows, depthwise });

    await saveTuned(env(), gpu(), [result("depthwise", depthwise, otherDepthwise)]);
    await useTuned(env(), gpu());
    expect(gpu().variants).toEqual({ rows: otherRows, depthwise: otherDepthwise });
    const again = await saveTuned(env(), gpu(), [
      result("rows", rows, rows),
      result("depthwise", depthwise, depthwise),
    ]);
    expect(again.file).toMatchObject({ families: ["depthwise", "rows"], variants: {} });
    expect(await useTuned(env(), gpu())).toBe("Kernel variants: the defaults, which were the best (tuned)");
    expect(gpu().variants).toEqual({});
    expect(await readdir(dirname(path))).toHaveLength(1);
  });

  it("is one for each adapter and driver", () => {
    const { adapter } = gpu();
    const path = tunedPath(env(), adapter);
    expect(path).toMatch(new RegExp(`/graft/tune/${adapter.class}-[0-9a-f]{16}\\.json$`));
    for (const name of ["vendor", "architecture", "device", "description"] as const) {
      expect(tunedPath(env(), { ...adapter, [name]: "other" })).not.toBe(path);
    }
  });

  it("is refused when it is missing, damaged, of another version, or names what there is not", async () => {
    const path = tunedPath(env(), gpu().adapter);
    const { file } = await saveTuned(env(), gpu(), []);
    const use = async (text: string) => {
      await writeFile(path, text);
      return useTuned(env(), gpu());
    };
    await expect(use("{")).rejects.toThrow(`${path}: not a table of graft tune; delete it, or run: graft tune`);
    await expect(use('{"format": "graft-tune"}')).rejects.toThrow("not a table of graft tune");
    await expect(use(JSON.stringify({ ...file, graft: "0.0.1" }))).rejects.toThrow(
      /is of graft 0\.0\.1, this is .*; run: graft tune$/,
    );
    await expect(use(JSON.stringify({ ...file, variants: { rows: "fastest" } }))).rejects.toThrow(
      `${path}: variants: rows has no candidate "fastest"; it has lane, lane-vectors, tree`,
    );
    await expect(use(JSON.stringify({ ...file, variants: { row: "lane" } }))).rejects.toThrow('no family "row"');
    expect(gpu().variants).toEqual({});
    expect(await findTuned(env(), gpu())).toEqual({ row: "lane" });
    await use("{").catch(() => {});
    expect(await findTuned(env(), gpu())).toBeNull();
    await rm(path);
    await expect(useTuned(env(), gpu())).rejects.toThrow(
      /^--tuned: .* was not tuned \(there is no .*\); run: graft tune$/,
    );
    // A damaged one is replaced.
    await writeFile(path, "{");
    expect((await saveTuned(env(), gpu(), [])).file.variants).toEqual({});
  });
});

describe("graft tune", () => {
  it("measures a family, tells what it found, and keeps it for --tuned", async () => {
    const told = await graft("bench", "softmax", "--size", "8x8", "--variant", "engine", "--repeats", "1", "--tuned");
    expect(told).toMatchObject({ code: 1, stdout: "" });
    expect(told.stderr).toMatch(/^graft bench: --tuned: .* was not tuned/);

    const { code, stdout, stderr } = await graft("tune", "--family", "depthwise", "--repeats", "3");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Adapter: .*\n\ndepthwise: convolutions of one input channel a group\n {2}strip {2}A lane/);
    expect(stdout).toMatch(/\n {2}speed +\d/);
    expect(stdout).toMatch(/\nKept in .*\.json; use it by --tuned, or Gpu\.open\(\{ variants \}\)\.\n$/);
    const used = await graft("bench", "softmax", "--size", "8x8", "--variant", "engine", "--repeats", "1", "--tuned");
    expect(used.stdout).toMatch(/^Kernel variants: .*\(tuned\)\n/);
    expect(used.code).toBe(0);

    const data = join(cache, "data.csv");
    await writeFile(data, "text,label\ngood,1\nbad,0\nfine,1\npoor,0\n");
    const words = ["--model", MODEL, "--task", "classify", "--data", data, "--out", join(cache, "out"), "--plan"];
    const planned = await graft("finetune", ...words, "--valid-fraction", "0.5", "--tuned");
    expect(planned).toMatchObject({ code: 0, stderr: "" });
    expect(planned.stdout).toMatch(/^Adapter: .*\nKernel variants: .*\(tuned\)\n/);
  });

  it("tells on a terminal which family it is at, and takes that away", async () => {
    const words = ["tune", "--family", "depthwise", "--repeats", "3"];
    const { code, stderr, screen } = await graftWith(join(cache, "told"), words, true);
    expect(code).toBe(0);
    expect(stderr).toContain("[1/1] depthwise");
    expect(screen).toEqual([""]);
  });

  it("keeps what was measured when it is stopped", async () => {
    const abort = new AbortController();
    const env = { XDG_CACHE_HOME: join(cache, "stopped") };
    const context = { ...memoryContext(), env };
    context.onInterrupt = () => ({ signal: abort.signal, [Symbol.dispose]: () => {} });
    const write = context.stdout.write.bind(context.stdout);
    context.stdout.write = (text) => {
      write(text);
      if (text.includes("depthwise: ")) abort.abort();
    };
    const table = { tune: { summary: "", load: async () => tuneCommand } };
    const words = ["tune", "--family", "depthwise,reduction", "--repeats", "3"];
    expect(await run(words, table, context)).toBe(1);
    expect(context.stderr.text).toBe("graft tune: stopped on request\n");
    const folder = join(env.XDG_CACHE_HOME, "graft", "tune");
    const files = await readdir(folder);
    expect(files).toHaveLength(1);
    expect(JSON.parse(await readFile(join(folder, files[0]), "utf8"))).toMatchObject({ families: ["depthwise"] });
  });

  it("refuses a family there is not, with the nearest", async () => {
    expect(await graft("tune", "--family", "depth")).toMatchObject({
      code: 2,
      stderr: 'graft tune: --family: unknown value "depth"; did you mean depthwise?\nTry: graft tune --help\n',
    });
  });
});

describe("a command that runs a model", () => {
  const gpu = useGpu();
  const SMALL = ["--train", "16", "--valid", "8", "--head-epochs", "1", "--epochs", "1"];
  const image = join("test", "fixtures", "pillow", "color.png");
  const resnet = "assets/resnet20-cifar10";

  it.each([
    ["generate", ["--model", MODEL, "--prompt", "Once", "--greedy", "--max-new-tokens", "3"]],
    ["predict", ["--model", resnet, "--image", image]],
    ["eval", ["--model", MODEL, "--data", "TEXT", "--max-length", "8"]],
    ["start", [...SMALL, "--out", "OUT"]],
  ])("%s uses the table with --tuned, says so, and wants one to be there", async (name, words) => {
    const folder = join(cache, name);
    const paths: Record<string, string> = { OUT: join(folder, "out"), TEXT: join(cache, "few.txt") };
    const args = words.map((word) => paths[word] ?? word);
    await writeFile(
      paths.TEXT,
      "Once upon a time there was a kernel that was measured, and it was the fastest of all.\n",
    );
    const missing = await graftWith(folder, [name, ...args, "--tuned"]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(new RegExp(`graft ${name}: --tuned: .* was not tuned .*; run: graft tune\\n$`));
    // Not the default of any class of adapter, and right on all.
    await saveTuned({ XDG_CACHE_HOME: folder }, gpu(), [result("rows", "lane-vectors", "lane")]);
    const tables: object[] = [];
    const { set } = Object.getOwnPropertyDescriptor(Gpu.prototype, "variants")!;
    const spy = vi.spyOn(Gpu.prototype, "variants", "set").mockImplementation(function (this: Gpu, table) {
      tables.push(table);
      set!.call(this, table);
    });
    const tuned = await graftWith(folder, [name, ...args, "--tuned"]);
    spy.mockRestore();
    expect(tuned.code).toBe(0);
    expect(`${tuned.stdout}${tuned.stderr}`).toMatch(/^Adapter: .*\nKernel variants: rows lane \(tuned\)$/m);
    expect(tables).toContainEqual({ rows: "lane" });
  });
});

describe("what is told of a family", () => {
  it("names what is better and by how much, and what was refused and why", () => {
    expect(renderFamily(result("rows", "lane", "other"), 80).split("\n")).toEqual([
      "rows: computes",
      "  lane   The one in use.",
      "  other  Another.",
      "  odd    REFUSED, wrong: 3×3: y[0] is 1, expected 2",
      "  far    unavailable: needs subgroups",
      "",
      "                lane (in use)    other",
      "  3×3, forward        1.50 ms  1.00 ms",
      "  speed                 1.00×    1.50×",
      "",
      "  other is 1.50× as fast as lane: better here.",
    ]);
    expect(renderFamily(result("rows", "lane", "lane"))).toMatch(/lane stays: nothing is clearly faster\.$/);
  });
});
