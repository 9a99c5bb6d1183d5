// How large the library is in a page: the engine whole, and programs that use parts of it, minified and compressed.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve, sep } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { coreOptions, engineSource, libraryOptions, repository, singleFileOptions } from "./library.mjs";
import { sourceBytes } from "./source-bytes.mjs";
import { minifiedShaders } from "./wgsl/plugin.mjs";

/** Kilobytes are 1000 bytes here, as for every size of a download. */
const KB = 1000;

/** What is measured, and the kilobytes, compressed by gzip -9, that it may have. */
export const PROGRAMS = [
  {
    name: "matmul",
    limit: 26,
    source: 'export { matmul } from "graft-gpu";',
  },
  {
    name: "a perceptron and its training",
    limit: 54.5,
    source: `export { backward, crossEntropy, Gpu, relu, tensor, tidy } from "graft-gpu";
      export { AdamW, Linear, Module } from "graft-gpu/nn";`,
  },
  {
    name: "a convolutional network and its training",
    limit: 71,
    source: `export { backward, crossEntropy, Gpu, relu, reshape, tensor, tidy } from "graft-gpu";
      export { AdamW, BatchNorm, Conv2d, Linear, MaxPool2d, Module } from "graft-gpu/nn";`,
  },
  {
    name: "a language model and its training",
    limit: 73,
    source: `export { backward, causalSelfAttention, Gpu, linearCrossEntropy, tensor, tidy } from "graft-gpu";
      export { AdamW, Embedding, LayerNorm, Linear, Module } from "graft-gpu/nn";`,
  },
  {
    name: "the core from npm, whole",
    limit: 65,
    source: 'export * from "graft-gpu/core";',
  },
];

/** The core of the engine whole: every export of `graft-gpu/core`, as `dist/graft-core.min.js`. */
export const CORE = { name: "the core whole, dist/graft-core.min.js", limit: 59.3 };

/** The engine whole: every export of `graft-gpu` and `graft-gpu/nn`, as `dist/graft.min.js`. */
export const ENGINE = { name: "the engine whole, dist/graft.min.js", limit: 122 };

/**
 * Builds the package as npm would install it and bundles programs from it.
 *
 * @param {{ name: string, source: string }[]} programs
 * @returns {Promise<{ name: string, bytes: number, compressed: number, brotli: number, text: string, modules: Map<string, number> }[]>}
 *   `modules`: bytes by source file
 */
export async function measurePrograms(programs) {
  const root = await mkdtemp(join(tmpdir(), "graft-size-"));
  try {
    const home = join(root, "node_modules/graft-gpu");
    await mkdir(home, { recursive: true });
    await writeFile(join(home, "package.json"), await readFile(join(repository, "package.json")));
    const options = await libraryOptions();
    await build({ ...options, outdir: join(home, "dist"), sourcemap: true });
    const measured = [];
    for (const { name, source } of programs) {
      const { outputFiles } = await build({
        ...singleFileOptions(source, join(root, "program.js")),
        stdin: { contents: source, resolveDir: root },
        packages: "bundle",
        conditions: ["browser"],
        external: ["@huggingface/tokenizers"],
        plugins: [],
        write: false,
        sourcemap: "external",
      });
      const [map, program] = outputFiles;
      const { text } = program;
      const used = [...(await minifiedShaders()).texts].filter(([, shader]) => text.includes(shader));
      const modules = new Map(used.map(([file, shader]) => [`shaders/${file.split(sep).join("/")}`, shader.length]));
      for (const [path, bytes] of sourceBytes(text, JSON.parse(map.text))) {
        const module = relative(repository, resolve(root, path)).split(sep).join("/");
        if (module.startsWith("src/")) modules.set(module, bytes);
      }
      measured.push({ name, ...sizesOf(program), modules });
    }
    return measured;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const sizesOf = ({ text, contents }) => ({
  text,
  bytes: contents.length,
  compressed: gzipSync(contents, { level: 9 }).length,
  brotli: brotliCompressSync(contents).length,
});

/** The engine whole, and how many bytes of it each source file makes up. */
export const measureEngine = async () => measureFile(ENGINE, singleFileOptions(await engineSource(), "graft.min.js"));

/** The same of the core. */
export const measureCore = async () => measureFile(CORE, await coreOptions("graft-core.min.js"));

async function measureFile({ name }, options) {
  const { outputFiles, metafile } = await build({ ...options, write: false });
  const { inputs } = Object.values(metafile.outputs)[0];
  const modules = new Map(Object.entries(inputs).map(([module, { bytesInOutput }]) => [module, bytesInOutput]));
  return { name, ...sizesOf(outputFiles[0]), modules };
}

/** Kilobytes with one decimal. */
export const kilobytes = (bytes) => (bytes / KB).toFixed(1);

/** Bytes by folder: of shaders by family, of sources by room. */
export function byFolder(modules) {
  const folders = new Map();
  for (const [module, bytes] of modules) {
    const folder = module.replace(/^(shaders\/[\w-]+|src\/[\w-]+(?:\/ops)?).*$/, "$1");
    folders.set(folder, (folders.get(folder) ?? 0) + bytes);
  }
  return [...folders].sort((a, b) => b[1] - a[1]);
}
