import { readdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { NagaError, nagaVersion, parseWgsl, validate, writeHlsl, writeMsl, writeSpirv } from "naga-wasm";
import { describe, expect, inject, it } from "vitest";
import { definedKernels, type Kernel, type Specialization } from "../../src/gpu/index.ts";
import { reworded } from "./every-kernel.ts";

/*
 * Firefox and Deno read WGSL with naga, which takes less than Chromium's compiler: what it refuses is told here without
 * either of them. It writes what Vulkan, Direct3D and Metal are given.
 */

const repository = resolve(import.meta.dirname, "../..");
const { minifiedShaders } = (await import(`${repository}/scripts/build/wgsl/plugin.mjs`)) as {
  minifiedShaders: () => Promise<{ sources: Map<string, string>; texts: Map<string, string> }>;
};

/** Naga knows the functions of subgroups, and not yet the line that switches them on; no Firefox offers them so far. */
const forNaga = (code: string): string => code.replace(/^enable subgroups;/m, "");

/** What naga says of a shader; null when it takes it and, unless they are not asked for, writes it for all three systems. */
function complaint(code: string, isWritten = true): string | null {
  try {
    const module = parseWgsl(forNaga(code));
    const info = validate(module);
    const writers = isWritten ? [writeSpirv, writeHlsl, writeMsl] : [];
    const isEmpty = writers.map((write) => write(module, info).length).includes(0);
    info.free();
    module.free();
    return isEmpty ? "nothing was written" : null;
  } catch (error) {
    return error instanceof NagaError ? error.formatted : String(error);
  }
}

/**
 * Of a kernel's specialisations so many that each replaced declaration is met with each of its texts; all of them in the
 * thorough run.
 */
function chosenOf({ definition }: Kernel): Specialization[] {
  const all = [{}, ...(definition.variants?.() ?? [])];
  if (inject("thorough")) return all;
  const seen = new Set<string>();
  return all.filter((specialization, i) => {
    const parts = Object.entries(specialization).map((part) => part.join());
    const isNew = i === 0 || parts.some((part) => !seen.has(part));
    for (const part of parts) seen.add(part);
    return isNew;
  });
}

/** Matrix units are Dawn's own. */
const kernels = definedKernels().filter(({ definition }) => !definition.feature);

function complaintsOf(list: readonly Kernel[], isWritten?: boolean): { compiled: number; complaints: string[] } {
  const complaints: string[] = [];
  let compiled = 0;
  for (const kernel of list) {
    for (const specialization of chosenOf(kernel)) {
      const { key, code } = kernel.variant(specialization);
      const words = complaint(code, isWritten);
      if (words) complaints.push(`${key}: ${words}`);
      compiled++;
    }
  }
  return { compiled, complaints };
}

describe(`naga ${nagaVersion}`, () => {
  it("says where a shader is wrong", () => {
    expect(complaint("@compute @workgroup_size(1)\nfn main() { let x: f32 = 1u; }")).toMatch(/f32[\s\S]*wgsl:2/);
    expect(complaint("enable f16; fn half(v: u32) -> f16 { return bitcast<vec2<f16>>(v).x; }")).toMatch(/accessor/);
    expect(complaint("@compute @workgroup_size(1) fn main() {}")).toBeNull();
  });

  it("takes the engine's kernels, specialised in every way", () => {
    const { compiled, complaints } = complaintsOf(kernels);
    expect(complaints).toEqual([]);
    expect(compiled).toBeGreaterThan(3 * kernels.length);
  });

  it("takes them as they are built, with short names", async () => {
    const { sources, texts } = await minifiedShaders();
    const shortOf = new Map([...sources].map(([file, source]) => [source, texts.get(file)!]));
    const short = kernels.map((kernel) => reworded(kernel, (text) => shortOf.get(text)!));
    expect(complaintsOf(short, false).complaints).toEqual([]);
  });

  it("takes the ladders of the bench", async () => {
    const folder = resolve(repository, "shaders/bench");
    const files = await readdir(folder);
    const complaints = await Promise.all(
      files.map(async (file) => {
        const words = complaint(await readFile(resolve(folder, file), "utf8"));
        return words ? [`${file}: ${words}`] : [];
      }),
    );
    expect(files.length).toBeGreaterThan(20);
    expect(complaints.flat()).toEqual([]);
  });
});
