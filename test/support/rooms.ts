import { posix } from "node:path";
import { build } from "esbuild";

/** Source files by their path in the repository, such as `src/gpu/gpu.ts`. */
export type Sources = Readonly<Record<string, string>>;

/** One import that is left after the types are erased. */
export interface Import {
  from: string;
  /** As it is written: `../tensor/tensor.ts`, `node:fs`, `webgpu`. */
  specifier: string;
}

/** From the left to the right: a room imports only what stands to its left, and not its neighbours in one place. */
const PLACES = [
  ...[["gpu"], ["tensor"], ["kernels"], ["autograd"], ["nn"], ["models"], ["finetune"]],
  ...[["bench", "jobs"], ["session"], ["cli"]],
];
const placeOf = (room: string): number => PLACES.findIndex((rooms) => rooms.includes(room));
/** `io` stands aside: it builds on `tensor` alone, and these build on it. */
const IO_MAY_IMPORT = ["tensor"];
const MAY_IMPORT_IO = ["models", "finetune", "bench", "jobs", "session", "cli"];
/** Parts of `io` that are for one place alone: what is for every place imports none of them. */
const IO_EDGES = ["src/io/node/", "src/io/browser/", "src/io/hub/"];
/** What opens a model by its name has to reach the Hub. */
const MAY_IMPORT_HUB = ["src/io/node/"];
/** Where a user's caches lie is one rule, for the driver that is unpacked and for what is downloaded. */
const USER_CACHE = { file: "src/gpu/user-cache.ts", mayImport: ["src/io/node/"] };
const edgeOf = (path: string): string | undefined => IO_EDGES.find((edge) => path.startsWith(edge));
/** Shaders belong to the code that dispatches them. */
const MAY_IMPORT_SHADERS = ["gpu", "tensor", "kernels", "bench"];

/** Everything else runs in a browser as well. */
const NODE_ONLY = [
  "src/io/node/",
  "src/cli/",
  "src/gpu/adapter/node-adapter.ts",
  "src/gpu/adapter/swiftshader.ts",
  "src/gpu/user-cache.ts",
];

/** Packages from npm, and the one place that may import each. */
const PACKAGES: Readonly<Record<string, string>> = {
  webgpu: "src/gpu/adapter/node-adapter.ts",
  "@huggingface/tokenizers": "src/io/",
  "@huggingface/hub": "src/io/hub/",
  sharp: "src/io/node/",
};

const MAX_LINES = 450;

const WEBGPU_NAMES =
  /\bGPU[A-Z]\w*|\bnavigator\s*\??\.\s*gpu\b|\b(?:create(?:Buffer|BindGroup|BindGroupLayout|ShaderModule|PipelineLayout|ComputePipeline|ComputePipelineAsync|CommandEncoder|QuerySet)|requestAdapter|requestDevice|dispatchWorkgroups|mapAsync)\b/;
/** Functions whose last bit differs between JavaScript engines; powers of a written number are not meant. */
const INEXACT_MATH =
  /\bMath\.(?:a?(?:cos|sin|tan)h?|atan2|cbrt|exp|expm1|hypot|log|log10|log1p|pow)\b|[A-Za-z_$)\]]\s*\*\*(?=\s)/;
/** What only people read may be computed with them. */
const FOR_PEOPLE = ["src/bench/", "src/cli/", "src/finetune/report/"];
const NODE_NAMES =
  /(?<![\w.])(?:process|Buffer)\s*\??\.\s*\w+|(?<![\w.])(?:__dirname|__filename)\b|(?<![\w.])require\s*\(/;

/** Every breach of the rules of the house in these sources, one line each; none when they keep them. */
export async function findBreaches(sources: Sources): Promise<string[]> {
  const imports = await readImports(sources);
  return [
    ...imports.flatMap((one) => checkImport(one, sources)),
    ...findCycles(imports, sources).map((files) => `cycle: ${files.join(" -> ")}`),
    ...Object.entries(sources).flatMap(([path, text]) => checkText(path, text)),
  ];
}

/** The imports of every file, static, dynamic and re-exporting, without those of types alone. */
export async function readImports(sources: Sources): Promise<Import[]> {
  const imports: Import[] = [];
  await build({
    entryPoints: Object.keys(sources),
    bundle: true,
    write: false,
    outdir: "unused",
    format: "esm",
    logLevel: "silent",
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
    plugins: [
      {
        name: "read-imports",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /.*/ }, ({ kind, path, importer }) => {
            // esbuild puts "./" before a path that exists on disk as well.
            if (kind === "entry-point") return { path: posix.normalize(path), namespace: "source" };
            imports.push({ from: importer, specifier: path });
            return { path, external: true };
          });
          onLoad({ filter: /.*/, namespace: "source" }, ({ path }) => ({ contents: sources[path], loader: "ts" }));
        },
      },
    ],
  });
  return imports.sort((a, b) => compare(a.from, b.from) || compare(a.specifier, b.specifier));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const isIn = (path: string, places: readonly string[]) => places.some((place) => path.startsWith(place));
const isRelative = (specifier: string) => specifier.startsWith(".");
const target = ({ from, specifier }: Import) => posix.join(posix.dirname(from), specifier);
/** `gpu` of `src/gpu/gpu.ts`; empty for the library's own entry, `src/index.ts`. */
const roomOf = (path: string) => path.match(/^src\/([^/]+)\//)?.[1] ?? "";

function checkImport(one: Import, sources: Sources): string[] {
  const { from, specifier } = one;
  const room = roomOf(from);
  const breach = (why: string) => [`${from}: imports ${specifier}: ${why}`];
  if (specifier.startsWith("node:")) return isIn(from, NODE_ONLY) ? [] : breach("this file must run in a browser");
  if (!isRelative(specifier)) {
    const place = PACKAGES[specifier];
    if (!place) return breach("not a package that the library may import");
    return from.startsWith(place) ? [] : breach(`only ${place} may`);
  }
  const path = target(one);
  if (path.startsWith("shaders/") && path.endsWith(".wgsl")) {
    return MAY_IMPORT_SHADERS.includes(room) ? [] : breach(`only ${MAY_IMPORT_SHADERS.join(", ")} import shaders`);
  }
  if (!(path in sources)) return breach("no such file in src");
  const imported = roomOf(path);
  if (!imported) return breach("the library's entry is for its users");
  if (imported === room) {
    const edge = edgeOf(path);
    const isAllowed = !edge || edge === edgeOf(from) || (isIn(from, MAY_IMPORT_HUB) && edge === "src/io/hub/");
    return isAllowed ? [] : breach(`${edge} stands at the edge of io`);
  }
  if (isNeighbourAllowed(room, imported)) return [];
  if (path === USER_CACHE.file && isIn(from, USER_CACHE.mayImport)) return [];
  return breach(`${room || "the entry"} may not import ${imported}`);
}

function isNeighbourAllowed(room: string, imported: string): boolean {
  if (room === "") return imported !== "cli";
  if (room === "io") return IO_MAY_IMPORT.includes(imported);
  if (imported === "io") return MAY_IMPORT_IO.includes(room);
  return placeOf(imported) >= 0 && placeOf(imported) < placeOf(room);
}

function checkText(path: string, text: string): string[] {
  const breaches: string[] = [];
  const room = roomOf(path);
  if (room && room !== "io" && placeOf(room) < 0) breaches.push(`${path}: src/${room} is no room of the house`);
  const lines = text.replace(/\n$/, "").split("\n").length;
  if (lines > MAX_LINES) breaches.push(`${path}: ${lines} lines, at most ${MAX_LINES}`);
  const code = withoutCommentsAndStrings(text);
  if (room !== "gpu") {
    const name = code.match(WEBGPU_NAMES)?.[0];
    if (name) breaches.push(`${path}: names ${name}, which only src/gpu may`);
  }
  if (!isIn(path, FOR_PEOPLE)) {
    const name = code.match(INEXACT_MATH)?.[0];
    if (name) breaches.push(`${path}: computes with ${name}, which engines round differently: see portable-math.ts`);
  }
  if (!isIn(path, NODE_ONLY)) {
    const name = code.match(NODE_NAMES)?.[0];
    if (name) breaches.push(`${path}: uses ${name}, which a browser does not have`);
  }
  return breaches;
}

/** Template literals go with their expressions, so a name that stands in one alone is not seen. */
function withoutCommentsAndStrings(text: string): string {
  return text.replace(
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (match) => (match.startsWith("/") ? " " : '""'),
  );
}

/** The rings of files that import one another (Tarjan's strongly connected components), each from its first name. */
export function findCycles(imports: readonly Import[], sources: Sources): string[][] {
  const edges = new Map<string, string[]>(Object.keys(sources).map((path) => [path, []]));
  for (const one of imports) {
    if (isRelative(one.specifier) && target(one) in sources) edges.get(one.from)!.push(target(one));
  }
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    stack.push(file);
    for (const next of edges.get(file)!) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const members = stack.splice(stack.indexOf(file)).sort(compare);
    if (members.length > 1 || edges.get(file)!.includes(file)) cycles.push(members);
  };
  for (const file of edges.keys()) if (!order.has(file)) visit(file);
  return cycles;
}
