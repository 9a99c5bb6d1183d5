import { resolve } from "node:path";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { definedKernels, Gpu, type Kernel, type Specialization } from "../../src/gpu/index.ts";
import { reworded } from "./every-kernel.ts";

interface Token {
  text: string;
}
interface Minified {
  texts: Map<string, string>;
}
const scripts = resolve(import.meta.dirname, "../../scripts/build/wgsl");
const { minifyShaders } = (await import(`${scripts}/minify.mjs`)) as {
  minifyShaders: (
    sources: Map<string, string>,
    keptIn: (file: string) => Set<string>,
    shared?: Iterable<string>,
    together?: readonly (readonly string[])[],
  ) => Minified;
};
const { tokensOf, isWord, isNumber } = (await import(`${scripts}/tokens.mjs`)) as {
  tokensOf: (source: string) => Token[];
  isWord: (text: string) => boolean;
  isNumber: (text: string) => boolean;
};
const { minifiedShaders } = (await import(`${scripts}/plugin.mjs`)) as {
  minifiedShaders: () => Promise<Minified & { sources: Map<string, string> }>;
};

const minified = (source: string, ...kept: string[]): string =>
  minifyShaders(new Map([["a.wgsl", source]]), () => new Set(kept)).texts.get("a.wgsl")!;

describe("a minified shader", () => {
  it("has no comments and blanks, and short names", () => {
    const source = `
      // y = 2 x
      struct Params { count: u32, /* of vec4 */ offset: u32, }
      const TWICE: f32 = 2.0; // spec: 3
      @group(0) @binding(0) var<storage, read_write> values: array<vec4<f32>>;
      @group(1) @binding(0) var<uniform> params: Params;
      const_assert TWICE > 0.50;
      fn doubled(value: vec4<f32>) -> vec4<f32> { return TWICE * value.xyzw - -0.50 * value; }
      @compute @workgroup_size(64)
      fn main(@builtin(global_invocation_id) id: vec3<u32>) {
        if (id.x >= params.count) { return; }
        values[id.x] = doubled(values[params.offset + id.x]);
      }`;
    expect(minified(source, "TWICE").split("\n")).toEqual([
      "struct e{e:u32,t:u32}",
      "const TWICE:f32=2.;",
      "@group(0)@binding(0)var<storage,read_write>n:array<vec4f>;",
      "@group(1)@binding(0)var<uniform>t:e;",
      "fn r(e:vec4f)->vec4f{return TWICE*e.xyzw- -.5*e;}",
      "@compute@workgroup_size(64)fn main(@builtin(global_invocation_id)e:vec3u){if(e.x>=t.e){return;}n[e.x]=r(n[t.t+e.x]);}",
    ]);
  });

  it("keeps apart what a blank keeps apart", () => {
    expect(
      minified("const A = 1; fn main() { let b = A - -A; let c = b & b; let d = 1.0e-3f; let e = 0.0; }", "A"),
    ).toBe("const A=1;\nfn main(){let t=A- -A;let n=t&t;let r=1.e-3f;let e=0.;}");
    expect(minified("fn main() { var x: array<vec2<u32>, 2>; x[0].y >>= 1u; if (x[0].x >= 2u) { return; } }")).toBe(
      "fn main(){var e:array<vec2u,2>;e[0].y>>=1u;if(e[0].x>=2u){return;}}",
    );
  });

  it("leaves names to components of vectors, attributes and built-in functions", () => {
    const source = `struct Pair { x: f32, other: f32, }
      fn step2(workgroup_id: u32) -> f32 { return step(0.0, f32(workgroup_id)); }
      fn main(@builtin(workgroup_id) other: vec3<u32>) { let p = Pair(step2(other.x), 1.0); let q = p.x + p.other; }`;
    const text = minified(source);
    expect(text).toContain("@builtin(workgroup_id)");
    expect(text).toContain("step(0.,f32(");
    expect(text).toMatch(/struct \w\{x:f32,e:f32\}/);
    expect(text).not.toMatch(/Pair|step2|other/);
  });

  it("gives a name the same short one in every file, and none that shared text has", () => {
    const sources = new Map([
      ["one.wgsl", "const first = 1u; fn helper() -> u32 { return first; } fn main() { let a1 = helper(); }"],
      ["two.wgsl", "const second = 2u; fn main() { let first = second; let helper = first; }"],
      ["lib.wgsl", "fn common(first: u32) -> u32 { return hidden(first); } fn hidden(a: u32) -> u32 { return a; }"],
    ]);
    const { texts } = minifyShaders(sources, () => new Set(["common"]), ["lib.wgsl"]);
    const name = (file: string, pattern: RegExp) => pattern.exec(texts.get(file)!)![1];
    const first = name("one.wgsl", /const (\w+)=1u/);
    expect(name("two.wgsl", /let (\w+)=\w+;let/)).toBe(first);
    expect(name("lib.wgsl", /common\((\w+):/)).toBe(first);
    const hidden = name("lib.wgsl", /return (\w+)\(/);
    expect([first, name("one.wgsl", /fn (\w+)\(\)->u32/), name("two.wgsl", /const (\w+)=2u/)]).not.toContain(hidden);
  });

  it("names what the parts of a shader declare alike in all of them, and what one of them has to leave in none", () => {
    const sources = new Map([
      ["one.wgsl", "fn main() { let height = shared_part(2u) + params.width; }"],
      ["two.wgsl", "fn main() { let other = shared_part(3u) + kept; }"],
      [
        "part.wgsl",
        "struct Params { width: u32, } var<uniform> params: Params; fn shared_part(kept: u32) -> u32 { return kept; }",
      ],
    ]);
    const kept = (file: string) => new Set(file === "two.wgsl" ? ["kept"] : []);
    const { texts } = minifyShaders(
      sources,
      kept,
      [],
      [
        ["one.wgsl", "part.wgsl"],
        ["two.wgsl", "part.wgsl"],
      ],
    );
    const [, field, name, fn] = /struct \w\{(\w):u32\}\nvar<uniform>(\w):\w;\nfn (\w)\(kept:u32\)/.exec(
      texts.get("part.wgsl")!,
    )!;
    expect(texts.get("one.wgsl")).toMatch(
      new RegExp(`^fn main\\(\\)\\{let \\w=${fn}\\(2u\\)\\+${name}\\.${field};\\}$`),
    );
    expect(texts.get("two.wgsl")).toMatch(new RegExp(`^fn main\\(\\)\\{let \\w=${fn}\\(3u\\)\\+kept;\\}$`));
  });
});

/** Tokens by declaration of the module; short forms of types and numbers spelled alike. */
function declarationsOf(source: string): string[][] {
  const plain = source
    .replace(/\/\/.*$/gm, "")
    .replace(/\bconst_assert[^;]*;/g, "")
    .replace(/\b(vec[234]|mat[234]x[234])<([fiu])32>/g, "$1$2")
    .replace(/,(\s*[)}\]])/g, "$1");
  const declarations: string[][] = [[]];
  let depth = 0;
  for (const { text } of tokensOf(plain)) {
    declarations[declarations.length - 1].push(
      isNumber(text) && text.includes(".") ? `${Number.parseFloat(text)}` : text,
    );
    if ("([{".includes(text)) depth++;
    if (")]}".includes(text)) depth--;
    if (depth === 0 && (text === ";" || text === "}")) declarations.push([]);
  }
  return declarations;
}

/** Where a shader is not another under other names; else undefined. Names are one to one in each declaration. */
function difference(before: string[][], after: string[][]): string | undefined {
  if (before.length !== after.length) return `${before.length} declarations became ${after.length}`;
  const globals = new Map<string, string>();
  for (const [i, tokens] of before.entries()) {
    const names = { variable: new Map<string, string>(), member: new Map<string, string>() };
    const isStruct = tokens[0] === "struct";
    for (const [at, token] of tokens.entries()) {
      const other = after[i][at];
      const where = `${tokens.slice(at - 4, at + 5).join(" ")} became ${after[i].slice(at - 4, at + 5).join(" ")}`;
      if (!isWord(token)) {
        if (other !== token) return where;
        continue;
      }
      const isMember = tokens[at - 1] === "." || (isStruct && tokens[at + 1] === ":");
      const known = isMember ? names.member : names.variable;
      if ((known.get(token) ?? other) !== other) return where;
      known.set(token, other);
    }
    if (after[i].length !== tokens.length) return `${tokens.join(" ")} became ${after[i].join(" ")}`;
    // Members of two structs may share a name, and those of one may not.
    for (const known of isStruct ? Object.values(names) : [names.variable]) {
      if (new Set(known.values()).size !== known.size) return `two names became one: ${tokens.join(" ")}`;
    }
    const declared = /^(?:.*? )??(?:fn|const|alias|struct|var(?: <[^>]*>)?) (\w+)/.exec(tokens.join(" "))?.[1];
    if (declared) globals.set(declared, names.variable.get(declared)!);
  }
  if (new Set(globals.values()).size !== globals.size) return "two declarations got one name";
  return undefined;
}

describe("the engine's minified shaders", () => {
  let sources: Map<string, string>;
  let texts: Map<string, string>;
  let kernels: { plain: Kernel; short: Kernel }[];
  beforeAll(async () => {
    ({ sources, texts } = await minifiedShaders());
    const fileOf = new Map([...sources].map(([file, source]) => [source, file]));
    const short = (source: string): string => texts.get(fileOf.get(source)!)!;
    kernels = definedKernels().map((plain) => ({ plain, short: reworded(plain, short) }));
  });

  const variantsOf = ({ definition }: Kernel): readonly Specialization[] => [{}, ...(definition.variants?.() ?? [])];

  it("are the plain ones under other names, in every variant of every kernel", () => {
    let compared = 0;
    for (const { plain, short } of kernels) {
      const declared = variantsOf(plain);
      const library = [...new Set(declared.flatMap(({ include }) => include?.toString().split(" ") ?? []))].join(" ");
      const specializations: Specialization[] = [library ? { include: library } : {}, ...declared];
      // What is put in place of one declaration says nothing of the others: each is compared once. Numbers and their types
      // say nothing of names, and of the library all is included once.
      const seen = new Set<string>();
      for (const { enable: _, ...given } of specializations) {
        const { include, ...rest } = given;
        const isFirst = seen.size === 0;
        const parts = Object.entries(rest).map((part) =>
          part
            .join()
            .replace(/\d+/g, "0")
            .replace(/\b[fiu]0\b/g, "number"),
        );
        if (!isFirst && parts.every((part) => seen.has(part))) continue;
        for (const part of ["", ...parts]) seen.add(part);
        const specialization = isFirst && include ? given : rest;
        const [before, after] = [plain, short].map((kernel) => declarationsOf(kernel.variant(specialization).code));
        expect(difference(before, after), plain.variant(specialization).key).toBeUndefined();
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(200);
  });

  it("would be told from others", () => {
    const of = (source: string) => declarationsOf(source);
    const source = of("const a = 1u; fn f(x: f32) -> f32 { let y = x; return y + x; }");
    expect(difference(source, of("const b = 1u; fn g(y: f32) -> f32 { let z = y; return z + y; }"))).toBeUndefined();
    expect(difference(source, of("const b = 1u; fn g(y: f32) -> f32 { let z = y; return z - y; }"))).toContain(
      "became",
    );
    expect(difference(source, of("const b = 1u; fn g(y: f32) -> f32 { let y = y; return y + y; }"))).toContain("one");
    expect(difference(source, of("const b = 1u; fn g(y: f32) -> f32 { let z = y; return z + z; }"))).toContain(
      "became",
    );
    expect(difference(source, of("const b = 1u; fn b(y: f32) -> f32 { let z = y; return z + y; }"))).toContain(
      "one name",
    );
    expect(difference(source, of("fn g(y: f32) -> f32 { let z = y; return z + y; }"))).toContain("declarations");
  });

  it("are less than half of the plain text, before any compression", () => {
    const length = (of: Map<string, string>) => [...of.values()].reduce((sum, { length }) => sum + length, 0);
    expect(length(texts)).toBeLessThan(0.45 * length(sources));
  });

  it("compile on Dawn's null backend under default limits", async () => {
    // A compiler's word on what the comparison says already: every variant in the thorough run, some of each kernel here.
    const stride = inject("thorough") ? 1 : 64;
    const gpu = await Gpu.open({ backend: "null", limits: "default", subgroupMatrices: true });
    let compiled = 0;
    for (const { short } of kernels) {
      for (const [i, specialization] of variantsOf(short).entries()) {
        if (i % stride !== 0) continue;
        gpu.compile(short.variant(specialization));
        compiled++;
      }
      await gpu.finish();
    }
    gpu.close();
    expect(compiled).toBeGreaterThanOrEqual(kernels.length);
  });
});
