import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join, relative, resolve } from "node:path";
import { context } from "esbuild";
import { browserAlias } from "../build/library.mjs";
import { shaderPlugin } from "../build/wgsl/plugin.mjs";
import { POLICY } from "./policy.mjs";

const ROOT = resolve(import.meta.dirname, "../..");
const DEMO = join(ROOT, "demo");
/** What the pages read from the repository's assets; served and kept offline under the same paths. */
const ASSETS = ["assets/gpt2-mini-en", "assets/sms-spam", "assets/resnet20-cifar10", "assets/mnist-cnn"];

const exists = (path) =>
  stat(path).then(
    () => true,
    () => false,
  );

/**
 * Bundles the demo: every `demo/<page>/main.ts` as `app/<page>.js` and its worker, where it has one, the style sheet, the session's worker, the service
 * worker; pages get their common head, top and bottom. Gives `build()`, which makes all of it anew from what is on the
 * disk (quickly, after the first time) as a map from path to bytes, and `dispose()`.
 *
 * @param {{ minify?: boolean }} [options]
 */
export async function demoBuilder({ minify = false } = {}) {
  const common = {
    bundle: true,
    write: false,
    minify,
    absWorkingDir: ROOT,
    outdir: join(ROOT, "app"),
    format: "esm",
    target: "es2022",
    loader: { ".wgsl": "text" },
    // While the demo is worked on, shaders are served as they are written.
    plugins: minify ? [shaderPlugin()] : [],
    logLevel: "warning",
    legalComments: "none",
    // What is for Node stays away: those branches are never taken in a browser.
    external: ["node:*", "webgpu", "sharp", "@sparticuz/chromium"],
    alias: browserAlias,
  };
  const entryPoints = {};
  for (const entry of await readdir(DEMO)) {
    if (await exists(join(DEMO, entry, "main.ts"))) entryPoints[entry] = `demo/${entry}/main.ts`;
    if (await exists(join(DEMO, entry, "worker.ts"))) entryPoints[`${entry}-worker`] = `demo/${entry}/worker.ts`;
  }
  const app = await context({
    ...common,
    entryPoints: { ...entryPoints, "session-worker": "src/session/worker.ts" },
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
  });
  const plain = await context({
    ...common,
    entryPoints: { boot: "demo/shared/boot.ts", style: "demo/shared/style.css" },
    format: "iife",
  });

  async function build() {
    /** @type {Map<string, Uint8Array>} */
    const files = new Map();
    for (const bundle of [app, plain]) {
      const { outputFiles } = await bundle.rebuild();
      for (const { path, contents } of outputFiles) files.set(relative(ROOT, path).replaceAll("\\", "/"), contents);
    }
    const frame = async (name) => (await readFile(join(DEMO, "shared", `frame-${name}.html`), "utf8")).trim();
    const [head, top, bottom] = await Promise.all(["head", "top", "bottom"].map(frame));
    const meta = `<meta http-equiv="Content-Security-Policy" content="${POLICY}" />`;
    for (const entry of await readdir(DEMO)) {
      if (extname(entry) === ".html") {
        const page = (await readFile(join(DEMO, entry), "utf8"))
          .replace("<!-- head -->", () => `${head}\n    ${meta}`)
          .replace("<!-- top -->", () => top)
          .replace("<!-- bottom -->", () => bottom);
        files.set(entry, Buffer.from(page));
      } else if (extname(entry) === ".svg") files.set(entry, await readFile(join(DEMO, entry)));
    }
    for (const folder of ASSETS) {
      for (const name of await readdir(join(ROOT, folder)))
        files.set(`${folder}/${name}`, await readFile(join(ROOT, folder, name)));
    }
    const worker = await serviceWorker(files);
    files.set("service-worker.js", worker);
    return files;
  }

  /** The service worker knows every file by its hash, so that a change of one fetches that one alone. */
  async function serviceWorker(files) {
    const list = Object.fromEntries([...files].map(([path, bytes]) => [path, hashOf(bytes)]));
    const bundle = await context({
      ...common,
      entryPoints: { "service-worker": "demo/service-worker.ts" },
      format: "iife",
      define: { FILES: JSON.stringify(list) },
    });
    try {
      return (await bundle.rebuild()).outputFiles[0].contents;
    } finally {
      await bundle.dispose();
    }
  }

  return {
    build,
    async dispose() {
      await Promise.all([app.dispose(), plain.dispose()]);
    },
  };
}

/** @param {Uint8Array} bytes */
export const hashOf = (bytes) => createHash("sha256").update(bytes).digest("base64url").slice(0, 16);

/** @param {string} path */
export const isPage = (path) => path === "" || basename(path).endsWith(".html");
