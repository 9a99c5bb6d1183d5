import { readdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { definedKernels, Gpu, Kernel, ShaderCompileError, sharedTexts } from "../../../src/gpu/index.ts";

const repository = resolve(import.meta.dirname, "../../..");

// Every file that defines kernels: what it defines is registered when it is imported.
const folder = resolve(repository, "src/kernels");
for (const name of await readdir(folder, { recursive: true })) {
  if (name.endsWith(".ts")) await import(resolve(folder, name));
}
const kernels = definedKernels();

const withoutComments = (source: string): string => source.replace(/\/\/.*$/gm, "").replace(/\/\*[\s\S]*?\*\//g, "");

/** Short forms of vector types, as WGSL predeclares them. */
const spelledOut = (type: string): string =>
  type
    .replace(/\s/g, "")
    .replace(/^vec(\d)([uif])$/, (_, n, t) => `vec${n}<${{ u: "u32", i: "i32", f: "f32" }[t as "u"]}>`);

describe("every kernel", () => {
  it("has a shader of its own, and every shader a kernel, or is a text that kernels share", async () => {
    // Those of the bench belong to its ladders, and have a test of their own.
    const files = (await readdir(resolve(repository, "shaders"), { recursive: true })).filter(
      (name) => name.endsWith(".wgsl") && !name.startsWith("bench"),
    );
    const sources = await Promise.all(files.map((name) => readFile(resolve(repository, "shaders", name), "utf8")));
    const fileOf = (source: string) => files[sources.indexOf(source)];
    const parts = kernels.flatMap(({ definition }) => definition.parts ?? []);
    const shared = new Set([...parts, ...sharedTexts().values()].map(fileOf));
    const own = kernels.map(({ definition }) => fileOf(definition.source));
    expect([...own, ...shared].sort()).toEqual(files.sort());
  });

  it.each(kernels.map((kernel) => [kernel.name, kernel] as const))("%s: parameters as in the shader", (_, kernel) => {
    const struct = /struct Params \{([^}]*)\}/.exec(withoutComments(kernel.source));
    expect(struct, "struct Params").not.toBeNull();
    const fields = struct![1]
      .split(/,(?![^<]*>)/)
      .map((field) => field.trim())
      .filter(Boolean)
      .map((field) => {
        const [name, type] = field.split(":");
        return [name.trim(), spelledOut(type)];
      });
    expect(Object.entries(kernel.definition.params)).toEqual(fields);
  });

  it.each(kernels.map((kernel) => [kernel.name, kernel] as const))("%s: bindings as in the shader", (_, kernel) => {
    const source = withoutComments(kernel.source);
    const declared = [...source.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<storage,\s*(\w+)>\s*(\w+)/g)];
    expect(declared.map(([, index]) => Number(index))).toEqual(declared.map((_match, index) => index));
    const bindings = declared.map(([, , access, name]) => [name, access]);
    expect(Object.entries(kernel.definition.bindings)).toEqual(bindings);
    expect(source.match(/@group\(/g)).toHaveLength(bindings.length + 1);
    expect(source).toMatch(/@group\(1\)\s*@binding\(0\)\s*var<uniform>\s*params:\s*Params;/);
  });

  it.each(kernels.map((kernel) => [kernel.name, kernel] as const))(
    "%s: within WebGPU's default limits",
    (_, kernel) => {
      expect(Object.keys(kernel.definition.bindings).length).toBeLessThanOrEqual(8);
      // A parameter `xOffset` is filled in for a binding `x`: a misspelt one would stay unset.
      for (const name of Object.keys(kernel.definition.params).filter((field) => field.endsWith("Offset"))) {
        const binding = name.slice(0, -"Offset".length);
        expect(["table", ...Object.keys(kernel.definition.bindings)]).toContain(binding);
      }
    },
  );
});

describe("on Dawn's null backend under default limits", () => {
  let gpu: Gpu;
  let unsafe: Gpu;
  beforeAll(async () => {
    gpu = await Gpu.open({ backend: "null", limits: "default" });
    unsafe = await Gpu.open({ backend: "null", limits: "default", subgroupMatrices: true });
  });
  afterAll(() => {
    gpu.close();
    unsafe.close();
  });

  it("a shader that does not compile is reported", async () => {
    const broken = new Kernel({
      name: "broken on purpose",
      source: "@compute @workgroup_size(1)\nfn main() { let x: f32 = 1u; }",
      bindings: {},
      params: {},
    });
    gpu.compile(broken.variant());
    await expect(gpu.finish()).rejects.toThrow(ShaderCompileError);
    const tooLarge = "@compute @workgroup_size(512) fn main() {}";
    gpu.compile(new Kernel({ name: "too large", source: tooLarge, bindings: {}, params: {} }).variant());
    await expect(gpu.finish()).rejects.toThrow(/too large.*512/s);
  });

  it("a shader of an experimental feature is refused where that was not asked for", async () => {
    const kernel = kernels.find(({ definition }) => definition.feature)!;
    const plain = await Gpu.open({ backend: "null", limits: "default" });
    plain.compile(kernel.variant());
    await expect(plain.finish()).rejects.toThrow(/chromium_experimental_subgroup_matrix.*not allowed/s);
    plain.close();
    const transposed = kernel
      .variant()
      .code.replace("subgroup_matrix_left<Operand, MATRIX_K, MATRIX_M>", "subgroup_matrix_left<Operand, 16, MATRIX_M>");
    unsafe.compile({ ...kernel.variant(), key: "of a shape that does not match", code: transposed });
    await expect(unsafe.finish()).rejects.toThrow(/subgroupMatrixMultiplyAccumulate/);
  });

  it("all variants compile, those with f16 and subgroups among them", async () => {
    // The null adapter has both features; without them these variants would be errors.
    expect([...gpu.features]).toEqual(expect.arrayContaining(["shader-f16", "subgroups"]));
    const keys = new Set<string>();
    for (const kernel of kernels) {
      for (const specialization of [{}, ...(kernel.definition.variants?.() ?? [])]) {
        const variant = kernel.variant(specialization);
        keys.add(variant.key);
        const own = kernel.definition.feature ? unsafe : gpu;
        if (kernel.definition.feature) expect(own.features).toContain(kernel.definition.feature);
        own.compile(variant);
        await own.finish();
      }
    }
    console.log(`Compiled ${keys.size} variants of ${kernels.length} kernels`);
    expect([...keys].some((key) => key.includes("enable=f16"))).toBe(true);
    expect([...keys].some((key) => key.includes("enable=subgroups"))).toBe(true);
    expect(keys.size).toBeGreaterThan(kernels.length);
  });
});
