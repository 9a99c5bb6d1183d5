// What is built from src: the entry points of the package, and the engine as one file for a page without a bundler.
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { shaderPlugin } from "./wgsl/plugin.mjs";

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

/** The subpaths of the package, in shared chunks. */
export const libraryOptions = () => ({
  ...common,
  entryPoints: {
    index: "src/index.ts",
    nn: "src/nn/index.ts",
    models: "src/models/index.ts",
    finetune: "src/finetune/index.ts",
    io: "src/io/index.ts",
    browser: "src/io/browser/index.ts",
    hub: "src/io/hub/index.ts",
    node: "src/io/node/index.ts",
    bench: "src/bench/index.ts",
    "cli/main": "src/cli/main.ts",
  },
  outdir: "dist",
  splitting: true,
  sourcemap: true,
  chunkNames: "chunks/[name]-[hash]",
  plugins: [shaderPlugin()],
});

/** Everything a page needs of the engine: `graft-gpu` and `graft-gpu/nn`. */
const ENGINE = 'export * from "./src/index.ts";\nexport * from "./src/nn/index.ts";\n';

/** In a file for browsers there is nothing to find an adapter with but the browser. */
const withoutNode = {
  name: "without-node",
  setup({ onLoad }) {
    const contents = `const refuse = () => {
      throw new Error("this file is for browsers with WebGPU; in Node, install graft-gpu from npm");
    };
    export { refuse as findNodeAdapter, refuse as waitSparingly };`;
    onLoad({ filter: /[/\\]gpu[/\\]node-(?:adapter|wait)\.ts$/ }, () => ({ contents }));
  },
};

/** The engine in one minified file, for a CDN and for `<script type="module">`. */
export const singleFileOptions = () => ({
  ...common,
  stdin: { contents: ENGINE, resolveDir: repository, sourcefile: "graft.js" },
  outfile: "dist/graft.min.js",
  minify: true,
  sourcemap: true,
  plugins: [withoutNode, shaderPlugin()],
});
