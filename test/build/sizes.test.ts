import { resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

interface Program {
  name: string;
  limit: number;
  source: string;
}
interface Measured {
  name: string;
  compressed: number;
  text: string;
  modules: Map<string, number>;
}
const { CORE, ENGINE, measureCore, measureEngine, measurePrograms, PROGRAMS } = (await import(
  `${resolve(import.meta.dirname, "../../scripts/build")}/sizes.mjs`
)) as {
  CORE: { limit: number };
  ENGINE: { limit: number };
  PROGRAMS: Program[];
  measureCore(): Promise<Measured>;
  measureEngine(): Promise<Measured>;
  measurePrograms(programs: { name: string; source: string }[]): Promise<Measured[]>;
};

describe("the library in a page", () => {
  let core: Measured;
  let engine: Measured;
  let programs: Measured[];
  beforeAll(async () => {
    [core, engine, programs] = await Promise.all([measureCore(), measureEngine(), measurePrograms(PROGRAMS)]);
  });

  it("is no larger than its limits, compressed by gzip", () => {
    const limits = [CORE, ENGINE, ...PROGRAMS].map(({ limit }) => limit);
    for (const [i, { name, compressed }] of [core, engine, ...programs].entries()) {
      expect(compressed / 1000, name).toBeLessThanOrEqual(limits[i]);
      // A limit that is far off says nothing.
      expect(compressed / 1000, name).toBeGreaterThan(limits[i] - 6);
    }
  });

  it("leaves out of a program what it does not use", () => {
    const [matmul, perceptron] = programs;
    const text = (name: string) => programs.find((program) => program.name === name)!.text;
    // What lies in a chunk beside what is used is left out as well.
    expect(text("a perceptron and its training")).not.toMatch(/"(?:einsum|huberError|linearCrossEntropy|cumsum)"/);
    const foldersOf = ({ modules }: Measured) =>
      [...modules.keys()].flatMap((module) => /^(?:src\/\w+|shaders\/[\w-]+)/.exec(module) ?? []);
    for (const measured of programs) {
      const folders = foldersOf(measured);
      for (const room of ["models", "io", "finetune", "bench", "cli", "jobs", "session"]) {
        expect(folders, measured.name).not.toContain(`src/${room}`);
      }
    }
    expect([...matmul.modules.keys()]).toEqual(
      expect.arrayContaining(["shaders/matmul/matmul.wgsl", "src/kernels/matmul/matmul.ts"]),
    );
    for (const family of ["attention", "convolution", "normalization", "losses", "pooling", "optimizer", "sort"]) {
      expect(foldersOf(matmul)).not.toContain(`shaders/${family}`);
    }
    for (const family of ["attention", "convolution", "pooling", "sort"]) {
      expect(foldersOf(perceptron)).not.toContain(`shaders/${family}`);
    }
    expect(matmul.compressed).toBeLessThan(engine.compressed / 3);
    expect(matmul.text).not.toMatch(/gpt2|safetensors|AdamW/i);
  });
});

it("marks calls of functions without effects, and nothing else", async () => {
  const { markCalls } = (await import(`${resolve(import.meta.dirname, "../../scripts/build")}/pure-calls.mjs`)) as {
    markCalls(source: string, names: Iterable<string>): string;
  };
  const comment = "/** Calls make(x) and part(). */\n * make(2)\n// make(3)\n";
  expect(markCalls(comment, ["make", "part"])).toBe(comment);
  const source =
    "const a = make({ b: part<X>(1) }); function make(x) {} x.make(1); remake(2); import { make } from 'm'; const b = /* @__PURE__ */ make(3);";
  expect(markCalls(source, ["make", "part"])).toBe(
    "const a = /* @__PURE__ */ make({ b: /* @__PURE__ */ part<X>(1) }); function make(x) {} x.make(1); remake(2); import { make } from 'm'; const b = /* @__PURE__ */ make(3);",
  );
});

/** The names that a bundle exports. */
const exportsOf = (text: string): string[] =>
  /export\{([^}]*)\};?\s*$/
    .exec(text)![1]
    .split(",")
    .map((each) => each.replace(/^.* as /, ""))
    .sort();

it("the core is a part of the engine: its exports are the same objects under the same names", async () => {
  const { text, modules } = await measureCore();
  const [core, engine, nn] = await Promise.all([
    import("../../src/core.ts"),
    import("../../src/index.ts"),
    import("../../src/nn/index.ts"),
  ]);
  expect(exportsOf(text)).toEqual(Object.keys(core).sort());
  const whole: Record<string, unknown> = { ...engine, ...nn };
  for (const [name, value] of Object.entries(core)) expect(value, name).toBe(whole[name]);
  // What it does without is left out with its shaders.
  const files = [...modules].filter(([, bytes]) => bytes > 0).map(([file]) => file);
  for (const part of [
    "attention",
    "convolution",
    "pooling",
    "sort/",
    "trigonometric",
    "lib/power",
    "lib/extrema",
    "lib/rounding",
    "lib/reciprocal",
    "lib/normal",
    "lib/logarithm-of-one-plus",
    "subgroup-matrix",
  ]) {
    expect(files.filter((file) => file.startsWith("shaders/") && file.includes(part))).toEqual([]);
  }
});

it("names of the two entries of the engine do not clash: one file has them all", async () => {
  const [{ text }] = await measurePrograms([
    { name: "both", source: 'export * from "graft-gpu"; export * from "graft-gpu/nn";' },
  ]);
  const exported = exportsOf(text);
  const [engine, nn] = [await import("../../src/index.ts"), await import("../../src/nn/index.ts")];
  expect(exported).toEqual([...Object.keys(engine), ...Object.keys(nn)].sort());
  const { text: single } = await measureEngine();
  expect(exportsOf(single)).toEqual(exported);
});
