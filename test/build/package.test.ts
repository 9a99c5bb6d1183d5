import { cp, mkdir, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { builtPackage } from "./built-package.ts";

const repository = resolve(import.meta.dirname, "../..");
const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (state) => state.isFile(),
    () => false,
  );

describe("what package.json names", () => {
  let built: Awaited<ReturnType<typeof builtPackage>>;
  let manifest: {
    exports: Record<string, string | { types: string; default: string }>;
    imports: Record<string, { browser: string; default: string }>;
    bin: Record<string, string>;
    sideEffects: string[];
    jsdelivr: string;
    unpkg: string;
    files: string[];
  };
  beforeAll(async () => {
    built = await builtPackage();
    manifest = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
  });
  afterAll(() => built.remove());

  it("is built: every subpath, the command, the worker and the file for a CDN", async () => {
    const subpaths = Object.values(manifest.exports).map((target) =>
      typeof target === "string" ? target : target.default,
    );
    const { bin, sideEffects, jsdelivr, unpkg } = manifest;
    const own = Object.values(manifest.imports).flatMap((target) => Object.values(target));
    const named = [...subpaths, ...own, ...Object.values(bin), ...sideEffects, jsdelivr, unpkg].filter((path) =>
      path.includes("dist/"),
    );
    expect(named.length).toBeGreaterThan(12);
    for (const path of named) expect(await isFile(join(built.folder, path)), path).toBe(true);
    expect(manifest.files).toContain("dist");
  });

  it("bundles for a browser with nothing said, without what is Node's", async () => {
    const project = await mkdtemp(join(tmpdir(), "graft-bundle-"));
    try {
      const home = join(project, "node_modules/graft-gpu");
      await mkdir(home, { recursive: true });
      await cp(join(built.folder, "dist"), join(home, "dist"), { recursive: true });
      await cp(join(repository, "package.json"), join(home, "package.json"));
      const subpaths = ["", "/core", "/nn", "/models", "/finetune", "/io", "/browser", "/bench"];
      const contents = subpaths.map((subpath, i) => `export * as part${i} from "graft-gpu${subpath}";`).join("\n");
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: project },
        ...{ bundle: true, format: "esm", write: false, logLevel: "silent" },
        // A package that a project installs.
        external: ["@huggingface/tokenizers"],
      });
      expect(outputFiles[0].text).not.toMatch(/["']node:(?!\*)/);
      expect(outputFiles[0].text).toContain("this file is for browsers with WebGPU");
    } finally {
      await rm(project, { recursive: true, force: true });
    }
  });

  it("has the worker beside the module that starts it by a relative address", async () => {
    expect(await readFile(join(built.folder, "dist/session.js"), "utf8")).toContain('new URL("./session-worker.js"');
  });

  it("has types, made from the sources they name", async () => {
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      if (typeof target === "string") continue;
      expect(Object.keys(target), subpath).toEqual(["types", "default"]);
      const source = target.types.replace("./dist/types/", "src/").replace(/\.d\.ts$/, ".ts");
      expect(await isFile(join(repository, source)), target.types).toBe(true);
    }
  });
});
