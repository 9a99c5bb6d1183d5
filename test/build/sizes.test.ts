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
const { ENGINE, measureEngine, measurePrograms, PROGRAMS } = (await import(
  `${resolve(import.meta.dirname, "../../scripts/build")}/sizes.mjs`
)) as {
  ENGINE: { limit: number };
  PROGRAMS: Program[];
  measureEngine(): Promise<Measured>;
  measurePrograms(programs: { name: string; source: string }[]): Promise<Measured[]>;
};

describe("the library in a page", () => {
  let engine: Measured;
  let programs: Measured[];
  beforeAll(async () => {
    [engine, programs] = await Promise.all([measureEngine(), measurePrograms(PROGRAMS)]);
  });

  it("is no larger than its limits, compressed by gzip", () => {
    const sizes = [engine, ...programs].map(({ compressed }) => compressed / 1000);
    const limits = [ENGINE, ...PROGRAMS].map(({ limit }) => limit);
    for (const [i, size] of sizes.entries()) {
      expect(size, programs[i - 1]?.name ?? "the engine").toBeLessThanOrEqual(limits[i]);
      // A limit that is far off says nothing.
      expect(size, programs[i - 1]?.name ?? "the engine").toBeGreaterThan(limits[i] - 6);
    }
  });

  it("leaves out of a program what it does not use", () => {
    const [matmul, perceptron] = programs;
    const text = (name: string) => programs.find((program) => program.name === name)!.text;
    // What lies in a chunk beside what is used is left out as well.
    expect(text("a perceptron and its training")).not.toMatch(/"(?:einsum|huberError|linearCrossEntropy|cumsum)"/);
    const foldersOf = ({ modules }: Measured) =>
      [...modules.keys()].map((module) => /^(?:src\/\w+|shaders\/[\w-]+)/.exec(module)![0]);
    for (const measured of programs) {
      const folders = foldersOf(measured);
      for (const room of ["models", "io", "finetune", "bench", "cli", "jobs", "session"]) {
        expect(folders, measured.name).not.toContain(`src/${room}`);
      }
    }
    expect([...matmul.modules.keys()]).toEqual(
      expect.arrayContaining(["shaders/matmul.wgsl", "src/kernels/matmul.ts"]),
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

it("names of the two entries of the engine do not clash: one file has them all", async () => {
  const [{ text }] = await measurePrograms([
    { name: "both", source: 'export * from "graft-gpu"; export * from "graft-gpu/nn";' },
  ]);
  const exported = /export\{([^}]*)\};?\s*$/
    .exec(text)![1]
    .split(",")
    .map((each) => each.replace(/^.* as /, ""));
  const [engine, nn] = [await import("../../src/index.ts"), await import("../../src/nn/index.ts")];
  expect(exported.sort()).toEqual([...Object.keys(engine), ...Object.keys(nn)].sort());
  const { text: single } = await measureEngine();
  const inSingle = /export\{([^}]*)\};?\s*$/
    .exec(single)![1]
    .split(",")
    .map((each) => each.replace(/^.* as /, ""));
  expect(inSingle.sort()).toEqual(exported.sort());
});
