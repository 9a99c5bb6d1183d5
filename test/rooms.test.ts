import { access, readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { BROWSER_SUITES, NODE_ONLY } from "./support/browser/suites.ts";
import { findBreaches, readImports } from "./support/rooms.ts";

const repository = resolve(import.meta.dirname, "..");

async function readSources(): Promise<Record<string, string>> {
  const sources: Record<string, string> = {};
  for (const entry of await readdir(join(repository, "src"), { recursive: true })) {
    const path = `src/${entry.replaceAll("\\", "/")}`;
    if (path.endsWith(".ts")) sources[path] = await readFile(join(repository, path), "utf8");
  }
  return sources;
}

it("src/ keeps the rules of the house", async () => {
  const sources = await readSources();
  expect(Object.keys(sources)).toContain("src/gpu/adapter/node-adapter.ts");
  expect((await readImports(sources)).length).toBeGreaterThan(Object.keys(sources).length / 2);
  expect(await findBreaches(sources)).toEqual([]);
});

it("the suites that run in a browser as well import nothing of Node's", async () => {
  const isOwn = (path: string): boolean => Object.keys(NODE_ONLY).some((own) => path.startsWith(own));
  const found: string[] = [];
  for (const entry of await readdir(join(repository, "test"), { recursive: true })) {
    const path = entry.replaceAll("\\", "/");
    if (!path.endsWith(".ts") || !BROWSER_SUITES.includes(path.split("/")[0]) || isOwn(path)) continue;
    const text = await readFile(join(repository, "test", path), "utf8");
    const node = /^(?:import|\} from) .*"(?:node:[^"]*|[^"]*\/io\/node\/[^"]*|sharp)";$/m.exec(text)?.[0];
    if (node) found.push(`test/${path}: ${node} (test/support/files.ts reads files in both)`);
  }
  expect(found).toEqual([]);
  for (const path of Object.keys(NODE_ONLY)) await access(join(repository, "test", path));
});

describe("the check of the rules", () => {
  const ok = "export const a = 1;\n";

  it("reads static, dynamic and re-exporting imports and nothing that is erased", async () => {
    const imports = await readImports({
      "src/nn/a.ts": `
        import type { T } from "./type.ts";
        import { b } from "./static.ts";
        import "./effect.ts";
        import { type U } from "./kept.ts";
        export * from "./star.ts";
        export { c } from "./named.ts";
        export type { V } from "./type.ts";
        export const lazy = () => import("./dynamic.ts");
        // import "./comment.ts";
        export const text = 'import "./text.ts"';`,
    });
    expect(imports.map(({ specifier }) => specifier)).toEqual(
      ["./dynamic.ts", "./effect.ts", "./kept.ts", "./named.ts", "./star.ts", "./static.ts"].sort(),
    );
  });

  it("lets a room import to its left, and types from anywhere", async () => {
    expect(
      await findBreaches({
        "src/gpu/gpu.ts": `import type { T } from "../tensor/tensor.ts"; export const a: T = 1;`,
        "src/tensor/tensor.ts": `import { a } from "../gpu/gpu.ts"; export type T = number; export const t = a;`,
        "src/kernels/fill.ts": `import fill from "../../shaders/fill.wgsl"; export const f = fill;`,
        "src/io/files.ts": `export { t } from "../tensor/tensor.ts";`,
        "src/io/node/files.ts": `import "node:fs"; export const home = process.cwd();`,
        "src/io/node/models.ts": `export { a } from "../hub/hub.ts";`,
        "src/io/node/cache.ts": `export { a } from "../../gpu/user-cache.ts";`,
        "src/gpu/user-cache.ts": `import "node:os"; export const a = 1;`,
        "src/io/hub/hub.ts": `export { a } from "../remote/url.ts";`,
        "src/io/remote/url.ts": `import { t } from "../files.ts"; export const a = t;`,
        "src/models/gpt2.ts": `export { t } from "../io/files.ts"; export { f } from "../kernels/fill.ts";`,
        "src/cli/main.ts": `export * from "../models/gpt2.ts";`,
        "src/index.ts": `export * from "./gpu/gpu.ts"; export * from "./io/files.ts";`,
      }),
    ).toEqual([]);
  });

  it.each([
    ["src/gpu/a.ts", "src/tensor/b.ts", "gpu may not import tensor"],
    ["src/kernels/a.ts", "src/autograd/b.ts", "kernels may not import autograd"],
    ["src/nn/a.ts", "src/models/b.ts", "nn may not import models"],
    ["src/finetune/a.ts", "src/cli/b.ts", "finetune may not import cli"],
    ["src/finetune/a.ts", "src/bench/b.ts", "finetune may not import bench"],
    ["src/bench/a.ts", "src/cli/b.ts", "bench may not import cli"],
    ["src/bench/a.ts", "src/jobs/b.ts", "bench may not import jobs"],
    ["src/jobs/a.ts", "src/bench/b.ts", "jobs may not import bench"],
    ["src/jobs/a.ts", "src/session/b.ts", "jobs may not import session"],
    ["src/session/a.ts", "src/cli/b.ts", "session may not import cli"],
    ["src/io/a.ts", "src/gpu/b.ts", "io may not import gpu"],
    ["src/io/a.ts", "src/kernels/b.ts", "io may not import kernels"],
    ["src/nn/a.ts", "src/io/b.ts", "nn may not import io"],
    ["src/index.ts", "src/cli/b.ts", "the entry may not import cli"],
    ["src/cli/a.ts", "src/index.ts", "the library's entry is for its users"],
  ])("refuses that %s imports %s", async (from, path, why) => {
    const specifier = `${from === "src/index.ts" ? "." : "../.."}/${from === "src/index.ts" ? path.slice(4) : path}`;
    const written = specifier.replace("../../src/", "../");
    for (const code of [
      `import { a } from "${written}"; export const b = a;`,
      `export * from "${written}";`,
      `export const b = () => import("${written}");`,
      `import { type A } from "${written}"; export type B = A;`,
    ]) {
      expect(await findBreaches({ [from]: code, [path]: ok })).toEqual([`${from}: imports ${written}: ${why}`]);
    }
  });

  it("lets what is for every place import nothing that is for one alone", async () => {
    expect(
      await findBreaches({
        "src/io/a.ts": `export const later = () => import("./browser/b.ts");`,
        "src/io/browser/b.ts": ok,
        "src/io/browser/c.ts": `export * from "../hub/d.ts";`,
        "src/io/hub/c.ts": `export * from "../browser/b.ts";`,
        "src/io/hub/d.ts": `export * from "../node/e.ts";`,
        "src/io/node/e.ts": ok,
        "src/io/f.ts": `export * from "../gpu/user-cache.ts";`,
        "src/gpu/user-cache.ts": ok,
      }),
    ).toEqual([
      "src/io/a.ts: imports ./browser/b.ts: src/io/browser/ stands at the edge of io",
      "src/io/browser/c.ts: imports ../hub/d.ts: src/io/hub/ stands at the edge of io",
      "src/io/f.ts: imports ../gpu/user-cache.ts: io may not import gpu",
      "src/io/hub/c.ts: imports ../browser/b.ts: src/io/browser/ stands at the edge of io",
      "src/io/hub/d.ts: imports ../node/e.ts: src/io/node/ stands at the edge of io",
    ]);
  });

  it("refuses cycles, of two files, of three, and of a file with itself", async () => {
    expect(
      await findBreaches({
        "src/nn/a.ts": `export * from "./b.ts";`,
        "src/nn/b.ts": `export const b = () => import("./c.ts");`,
        "src/nn/c.ts": `import "./a.ts"; import "./d.ts";`,
        "src/nn/d.ts": ok,
        "src/nn/self.ts": `import "./self.ts";`,
        "src/gpu/x.ts": `import "./y.ts";`,
        "src/gpu/y.ts": `import "./x.ts";`,
        "src/gpu/typed.ts": `import type { T } from "./other.ts"; export type U = T;`,
        "src/gpu/other.ts": `import "./typed.ts"; export type T = number;`,
      }),
    ).toEqual([
      "cycle: src/nn/a.ts -> src/nn/b.ts -> src/nn/c.ts",
      "cycle: src/nn/self.ts",
      "cycle: src/gpu/x.ts -> src/gpu/y.ts",
    ]);
  });

  it("refuses Node's modules and names outside their places", async () => {
    expect(
      await findBreaches({
        "src/gpu/adapter/node-adapter.ts": `export const fs = () => import("node:fs");`,
        "src/gpu/gpu.ts": `export const fs = () => import("node:fs");`,
        "src/io/files.ts": `import "node:fs";`,
        "src/nn/a.ts": `export const bytes = Buffer.from([1]);`,
        "src/nn/b.ts": `export const home = process.env.HOME;`,
        "src/nn/c.ts": `const own = { process: { env: 1 } }; export const d = own.process.env; // process.env, Buffer.from`,
        "src/nn/d.ts": `export const e = "process.env" + new ArrayBuffer(4).byteLength;`,
      }),
    ).toEqual([
      "src/gpu/gpu.ts: imports node:fs: this file must run in a browser",
      "src/io/files.ts: imports node:fs: this file must run in a browser",
      "src/nn/a.ts: uses Buffer.from, which a browser does not have",
      "src/nn/b.ts: uses process.env, which a browser does not have",
    ]);
  });

  it("refuses packages and shaders outside their places, and files that are not there", async () => {
    expect(
      await findBreaches({
        "src/gpu/adapter/node-adapter.ts": `export const dawn = () => import("webgpu");`,
        "src/io/tokenizer.ts": `import "@huggingface/tokenizers";`,
        "src/cli/a.ts": `import "webgpu";`,
        "src/cli/b.ts": `import "chalk";`,
        "src/nn/a.ts": `import "../../shaders/fill.wgsl";`,
        "src/nn/b.ts": `import "./missing.ts";`,
        "src/attic/c.ts": ok,
      }),
    ).toEqual([
      "src/cli/a.ts: imports webgpu: only src/gpu/adapter/node-adapter.ts may",
      "src/cli/b.ts: imports chalk: not a package that the library may import",
      "src/nn/a.ts: imports ../../shaders/fill.wgsl: only gpu, tensor, kernels, bench import shaders",
      "src/nn/b.ts: imports ./missing.ts: no such file in src",
      "src/attic/c.ts: src/attic is no room of the house",
    ]);
  });

  it("refuses WebGPU's names outside src/gpu", async () => {
    expect(
      await findBreaches({
        "src/gpu/a.ts": `export const make = (device: GPUDevice) => device.createBuffer({ size: 4, usage: 8 });`,
        "src/tensor/a.ts": `export const make = (device: GPUDevice) => device;`,
        "src/kernels/a.ts": `export const make = (device: { createBuffer(): void }) => device.createBuffer();`,
        "src/cli/a.ts": `export const found = navigator.gpu;`,
        "src/nn/a.ts": `/** A GPUDevice is not named here. */ export const text = "GPUDevice /*";`,
        "src/nn/b.ts": `export class GpuError extends Error {} // createBuffer`,
      }),
    ).toEqual([
      "src/tensor/a.ts: names GPUDevice, which only src/gpu may",
      "src/kernels/a.ts: names createBuffer, which only src/gpu may",
      "src/cli/a.ts: names navigator.gpu, which only src/gpu may",
    ]);
  });

  it("refuses functions that JavaScript engines round differently", async () => {
    expect(
      await findBreaches({
        "src/nn/a.ts": `export const a = (x: number) => Math.cos(x); // Math.sin`,
        "src/nn/b.ts": `export const b = (x: number) => (x + 1) ** 3;`,
        "src/nn/c.ts": `export const c = (x: number) => 2 ** 24 * Math.sqrt(x) + Math.floor(Math.log2(x)); /** x ** 2 */`,
        "src/cli/d.ts": `export const d = (x: number) => Math.log10(x);`,
      }),
    ).toEqual([
      "src/nn/a.ts: computes with Math.cos, which engines round differently: see portable-math.ts",
      "src/nn/b.ts: computes with ) **, which engines round differently: see portable-math.ts",
    ]);
  });

  it("refuses a file of more than 450 lines", async () => {
    expect(
      await findBreaches({
        "src/nn/long.ts": "export {};\n".repeat(451),
        "src/nn/just.ts": "export {};\n".repeat(450),
      }),
    ).toEqual(["src/nn/long.ts: 451 lines, at most 450"]);
  });
});
