// Shaders for esbuild: minified as a whole, so that names agree from file to file.
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minifyShaders } from "./minify.mjs";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
const folder = join(repository, "shaders");
const WORD = /[\p{XID_Start}_]\p{XID_Continue}*/gu;

/** The files of the engine's shaders, relative to `shaders`; those of the bench are read by people and stay. */
async function engineShaders() {
  const files = await readdir(folder, { recursive: true });
  return files.filter((file) => file.endsWith(".wgsl") && !file.startsWith("bench")).sort();
}

/**
 * The names that specialisations replace or put there, of every variant of every kernel: by text of a shader; and the texts
 * that make one shader.
 */
async function namesInUse() {
  const kernels = (await readdir(join(repository, "src/kernels"), { recursive: true }))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => `import "./src/kernels/${file.split(sep).join("/")}";`);
  const { outputFiles } = await build({
    stdin: {
      contents: `${kernels.join("\n")} export { definedKernels, sharedTexts } from "./src/gpu/index.ts";`,
      resolveDir: repository,
    },
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    packages: "external",
    external: ["node:*"],
    treeShaking: false,
    ignoreAnnotations: true,
    loader: { ".wgsl": "text" },
  });
  const code = Buffer.from(outputFiles[0].contents).toString("base64");
  const { definedKernels, sharedTexts } = await import(`data:text/javascript;base64,${code}`);
  const names = new Map();
  const note = (text, words) => {
    if (!names.has(text)) names.set(text, new Set());
    for (const word of words) names.get(text).add(word);
  };
  const together = [];
  for (const { definition } of definedKernels()) {
    const { source, parts = [] } = definition;
    if (parts.length > 0) together.push([source, ...parts]);
    for (const spec of definition.variants?.() ?? []) {
      const words = Object.entries(spec).flatMap(([name, value]) => [name, ...(String(value).match(WORD) ?? [])]);
      for (const text of [source, ...parts]) note(text, words);
      // Shared texts call one another: a name that stays in one stays in all.
      if (spec.include) for (const text of sharedTexts().values()) note(text, words);
    }
  }
  return { names, together };
}

let minified;

/** Every shader of the engine, minified, once: file relative to `shaders` -> text; and which name became which. */
export function minifiedShaders() {
  minified ??= minifyAll();
  return minified;
}

async function minifyAll() {
  const files = await engineShaders();
  const sources = new Map();
  for (const file of files) sources.set(file, await readFile(join(folder, file), "utf8"));
  const library = files.filter((file) => file.startsWith(`lib${sep}`));
  const { names, together } = await namesInUse();
  const fileOf = new Map([...sources].map(([file, text]) => [text, file]));
  const groups = together.map((texts) => texts.map((text) => fileOf.get(text)));
  return { sources, ...minifyShaders(sources, (file) => names.get(sources.get(file)) ?? new Set(), library, groups) };
}

/** What it calls a shader. */
const nameOf = (file) => file.replace(/\.wgsl$/, "").replace(/\W/g, "_");

/**
 * Shaders are imported as text: those of the engine minified, others as they stand.
 *
 * @param {{ sideBySide?: boolean }} [options] whether those of the engine lie in one module, an export each: what bundlers
 *   make of it then has all that a program uses side by side, where compressors find what is alike
 */
export function shaderPlugin({ sideBySide = false } = {}) {
  return {
    name: "shaders",
    setup({ onResolve, onLoad }) {
      onLoad({ filter: /\.wgsl$/ }, async ({ path }) => {
        const file = relative(folder, path);
        const text = (await minifiedShaders()).texts.get(file);
        if (sideBySide && text !== undefined) {
          return { contents: `export { ${nameOf(file)} as default } from "every-shader";`, loader: "js" };
        }
        return { contents: text ?? (await readFile(path, "utf8")), loader: "text" };
      });
      onResolve({ filter: /^every-shader$/ }, ({ path }) => ({ path, namespace: "shaders" }));
      onLoad({ filter: /.*/, namespace: "shaders" }, async () => ({
        contents: [...(await minifiedShaders()).texts]
          .map(([file, text]) => `export const ${nameOf(file)} = ${JSON.stringify(text)};`)
          .join("\n"),
      }));
    },
  };
}
