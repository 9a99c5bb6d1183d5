// What is built from src: the entry points of the package, and the engine as one file for a page without a bundler.
import { chmod, readdir, rm } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { pureCalls } from "./pure-calls.mjs";
import { minifiedShaders, shaderPlugin } from "./wgsl/plugin.mjs";

export const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** Options that every bundle of the library shares. */
export const common = {
  absWorkingDir: repository,
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  packages: "external",
  external: ["node:*"],
  metafile: true,
  logLevel: "warning",
};

/** What bundles for browsers take of packages whose own choice bundlers do not find. */
export const browserAlias = {
  "@huggingface/hub": resolve(repository, "node_modules/@huggingface/hub/dist/browser/index.mjs"),
};

/** Entry points that are published, by their path in `dist` without `.js`. */
const ENTRY_POINTS = {
  index: "src/index.ts",
  core: "src/core.ts",
  nn: "src/nn/index.ts",
  models: "src/models/index.ts",
  finetune: "src/finetune/index.ts",
  io: "src/io/index.ts",
  browser: "src/io/browser/index.ts",
  hub: "src/io/hub/index.ts",
  node: "src/io/node/index.ts",
  bench: "src/bench/index.ts",
  session: "src/session/index.ts",
  "cli/main": "src/cli/main.ts",
};

/** What is loaded in Node alone, on demand; also the package's own names for it, less "#" (its `imports` in package.json). */
const NODE_ONLY = {
  "node-adapter": "src/gpu/adapter/node-adapter.ts",
  "node-wait": "src/gpu/adapter/node-wait.ts",
  node: "src/io/node/index.ts",
};

const REFUSAL =
  '() => { throw new Error("this file is for browsers with WebGPU; in Node, install graft-gpu from npm"); }';

/** In a file for browsers nothing is found with what only Node has. */
const WITHOUT_NODE = `const refuse = ${REFUSAL};
export { refuse as findNodeAdapter, refuse as waitSparingly, refuse as NodeDirectory, refuse as modelDirectory, refuse as openFile };`;

/** Parts of the bench: kernel ladders need neither the rows of the table nor the models of steps. */
const BENCH_PARTS = ["run", "plan", "steps/index", "table/index", "tune/index", "page/page"];

/**
 * Families of ops, and the parts of `nn` and of the bench, as entry points of their own: what only one of them needs then lies in a file of
 * its own, which every bundler leaves out of a program that does not use it. Else they would lie in one large chunk.
 */
async function parts() {
  const found = {};
  for (const file of await sourcesOf("src/autograd/ops")) {
    const family = /^([\w-]+)(?:\/|\.ts$)/.exec(file)[1];
    if (family === "index" || family === "table") continue;
    found[`parts/${family}`] ??= [];
    found[`parts/${family}`].push(`./src/autograd/ops/${file}`);
  }
  for (const file of await sourcesOf("src/nn")) {
    if (basename(file) !== "index.ts") found[`parts/nn-${basename(file, ".ts")}`] = [`./src/nn/${file}`];
  }
  // The bench shows sizes, and reads no images, which lie where the same programs reach them.
  found["parts/format-bytes"] = ["./src/io/format-bytes.ts"];
  for (const part of BENCH_PARTS) found[`parts/bench-${part.split("/")[0]}`] = [`./src/bench/${part}.ts`];
  return found;
}

const sourcesOf = async (folder) =>
  (await readdir(join(repository, folder), { recursive: true }))
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith(".ts"))
    .sort();

/** Modules that export everything some others do. */
const barrels = (files) => ({
  name: "barrels",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^parts\// }, ({ path, kind }) =>
      kind === "entry-point" ? { path, namespace: "barrels" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "barrels" }, ({ path }) => ({
      contents: files[path].map((file) => `export * from "${file}";`).join("\n"),
      resolveDir: repository,
    }));
  },
});

/**
 * What Node alone loads is asked for by names of the package's own, for which bundlers for browsers take a file that refuses:
 * else they would stop at the modules of Node.
 */
const nodeByName = {
  name: "node-by-name",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.ts$/ }, ({ path, kind, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      const file = relative(repository, resolve(resolveDir, path)).split(sep).join("/");
      const name = Object.keys(NODE_ONLY).find((own) => NODE_ONLY[own] === file);
      return name ? { path: `#${name}`, external: true } : undefined;
    });
    onResolve({ filter: /^without-node$/ }, ({ path }) => ({ path, namespace: "without-node" }));
    onLoad({ filter: /.*/, namespace: "without-node" }, () => ({ contents: WITHOUT_NODE }));
  },
};

/** The subpaths of the package, in shared chunks. */
export async function libraryOptions() {
  const families = await parts();
  return {
    ...common,
    entryPoints: {
      ...ENTRY_POINTS,
      "chunks/node-adapter": NODE_ONLY["node-adapter"],
      "chunks/node-wait": NODE_ONLY["node-wait"],
      "chunks/without-node": "without-node",
      ...Object.fromEntries(Object.keys(families).map((part) => [`chunks/${part}`, part])),
    },
    outdir: "dist",
    splitting: true,
    sourcemap: true,
    chunkNames: "chunks/[name]-[hash]",
    plugins: [shaderPlugin({ sideBySide: true }), pureCalls(join(repository, "src")), barrels(families), nodeByName],
  };
}

/**
 * What some entries export, as one module. All shaders that it uses come first, side by side, as compressors find what is
 * alike only a little way back.
 */
async function singleSource(...entries) {
  const shaders = [...(await minifiedShaders()).texts.keys()].map(
    (file) => `import "./shaders/${file.split(sep).join("/")}";`,
  );
  return [...shaders, ...entries.map((entry) => `export * from "./${entry}";`)].join("\n");
}

/** The engine whole: `graft-gpu` and `graft-gpu/nn`. */
export const engineSource = () => singleSource(ENTRY_POINTS.index, ENTRY_POINTS.nn);

/** Files for browsers alone. */
const withoutNode = {
  name: "without-node",
  setup({ onLoad }) {
    onLoad({ filter: /[/\\]adapter[/\\]node-(?:adapter|wait)\.ts$|[/\\]io[/\\]node[/\\]index\.ts$/ }, () => ({
      contents: WITHOUT_NODE,
    }));
    // Matrix units are an experiment of Dawn's, and need an option that only Node can give it.
    const noMatrices = `export const SUBGROUP_MATRIX_FEATURE = "";
    export const NEEDS_MATRICES = "Node";
    export const [usableConfigs, hasMatrices, matrixVariant] = [() => [], () => false, () => undefined];
    export const requireSubgroupMatrices = () => {
      throw new Error("Gpu.open: subgroupMatrices are for Node");
    };`;
    onLoad({ filter: /[/\\](?:adapter|matmul)[/\\]subgroup-matrices\.ts$/ }, () => ({ contents: noMatrices }));
  },
};

/**
 * What the file of the core has in place of some modules: advice that holds in any browser, not for each; and lines of
 * indices cut to where comparing each with all is quick, not sorted, which gives the same bits.
 */
const smallerParts = {
  name: "smaller-parts",
  setup({ onLoad }) {
    const replace = (filter, contents) => onLoad({ filter }, () => ({ contents }));
    replace(
      /[/\\]adapter[/\\]browser-advice\.ts$/,
      `export const browserOf = () => {};
      export const stepsWithout = () => [
        "Open the page in Chrome or Edge 113 or newer, Safari 26 or newer, or Firefox 141 or newer (on a Mac 145 or newer).",
      ];
      export const stepsWithoutAdapter = () => [
        "Switch on hardware acceleration in the browser's settings, and restart it.",
        "Update the graphics driver.",
      ];`,
    );
    replace(
      /[/\\]indexing[/\\]sorted-links\.ts$/,
      `export const LONGEST_LINE = 4096;
      export const isSorted = () => false;
      export const sortLinks = isSorted;`,
    );
  },
};

/** Where it would be loaded on demand: a module of its own, even one that refuses, would need to be started by others. */
const withoutDemand = (source) =>
  source.replace(/await import\("[^"]*\/(?:node-adapter|node-wait|io\/node\/index)\.ts"\)/g, `(${REFUSAL})()`);

/** Programs for browsers, each in one minified file: {@link engineSource} or what a program imports. */
export const singleFileOptions = (contents, outfile) => ({
  ...common,
  stdin: { contents, resolveDir: repository, sourcefile: "graft.js", loader: "ts" },
  outfile,
  minify: true,
  plugins: [withoutNode, shaderPlugin(), pureCalls(join(repository, "src"), withoutDemand)],
});

/** The core of the engine whole, `graft-gpu/core`, in one file. */
export async function coreOptions(outfile) {
  const options = singleFileOptions(await singleSource(ENTRY_POINTS.core), outfile);
  return { ...options, plugins: [smallerParts, ...options.plugins] };
}

/**
 * The worker of a session, with all that it needs in one file: workers have no import maps, so no package can be found by its
 * name there.
 */
export const workerOptions = () => ({
  ...common,
  entryPoints: { "session-worker": "src/session/worker.ts" },
  outdir: "dist",
  platform: "browser",
  packages: "bundle",
  external: ["node:*", "webgpu", "sharp", "@sparticuz/chromium"],
  alias: browserAlias,
  minify: true,
  sourcemap: true,
  plugins: [withoutNode, shaderPlugin()],
});

/**
 * Builds everything that is published into a folder: entry points with their chunks, the engine and its core in one file
 * each, the worker.
 *
 * @returns {Promise<Record<string, { bytes: number }>>} the files, by path
 */
export async function buildLibrary(outdir, { sourcemap = true } = {}) {
  const singleFiles = [
    singleFileOptions(await engineSource(), join(outdir, "graft.min.js")),
    await coreOptions(join(outdir, "graft-core.min.js")),
  ];
  const results = await Promise.all([
    build({ ...(await libraryOptions()), outdir, sourcemap }),
    ...singleFiles.map((options) => build({ ...options, sourcemap })),
    build({ ...workerOptions(), outdir, sourcemap }),
  ]);
  await chmod(join(outdir, "cli/main.js"), 0o755);
  // They drew the lines between chunks, and nobody imports them.
  await rm(join(outdir, "chunks/parts"), { recursive: true });
  return Object.assign({}, ...results.map(({ metafile }) => metafile.outputs));
}
