import type { Gpu } from "../gpu/index.ts";
import { formatBytes } from "../io/index.ts";
import { type Shape, sizeOf } from "../tensor/index.ts";
import type { Candidate, Problem } from "./problem.ts";
import { type ShaderContract, shaderCandidate } from "./shader-candidate.ts";

/** A handwritten shader of `shaders/bench`: a rung of a ladder. */
export interface ShaderRung {
  readonly name: string;
  /** One sentence: what it adds to the rung below. */
  readonly adds: string;
  readonly wgsl: string;
}

/** Lengths by the names of a family's dimensions. */
export type Sizes = Readonly<Record<string, number>>;

/** A computation with ways to do it, from naive to best. */
export interface Family {
  readonly name: string;
  /** The formula, in one line. */
  readonly computes: string;
  readonly dimensions: readonly string[];
  /** Sizes of a run that asks for none, by kind of adapter, as they are written on a command line. */
  readonly defaultSize: { readonly software: string; readonly hardware: string };
  /** A size that takes no time, with lengths that no tile divides. */
  readonly tinySize: string;
  /** Lengths of the dimensions from the numbers given; fewer numbers are allowed where the family says what they mean. */
  expand(numbers: readonly number[]): readonly number[] | undefined;
  /** How a size is written, for errors and help: `N or MxKxN`. */
  readonly sizeForms: string;
  /** Shapes of the problem's tensors by name, known before any of them is made. */
  shapes(sizes: Sizes): Readonly<Record<string, Shape>>;
  problem(sizes: Sizes): Problem;
  contract(sizes: Sizes): ShaderContract;
  readonly rungs: readonly ShaderRung[];
  /** The engine's own kernels. */
  engine(sizes: Sizes): readonly Candidate[];
}

/** A size or a name that a family does not have. */
export class BenchUsageError extends Error {
  override name = "BenchUsageError";
}

/**
 * Lengths from `1024` or `512x768x3072`.
 *
 * @throws BenchUsageError saying how a size of the family is written.
 */
export function parseSizes(family: Family, text: string): Sizes {
  const numbers = text.split(/[x×]/).map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  const valid = numbers.every((number) => Number.isSafeInteger(number) && number >= 1);
  const lengths = valid ? family.expand(numbers) : undefined;
  if (!lengths) {
    throw new BenchUsageError(
      `size ${JSON.stringify(text)} is none of ${family.name}: expected ${family.sizeForms}, each a whole number from 1`,
    );
  }
  return Object.fromEntries(family.dimensions.map((name, i) => [name, lengths[i]]));
}

/** Bytes of an element of any tensor here. */
const ELEMENT_BYTES = 4;

/** Which tensor of a size no buffer of a device holds, in words; null where all have room. */
export function lackOfRoom(family: Family, sizes: Sizes, { maxBufferSize }: Pick<Gpu["limits"], "maxBufferSize">) {
  for (const [name, shape] of Object.entries(family.shapes(sizes))) {
    const bytes = ELEMENT_BYTES * sizeOf(shape);
    if (bytes <= maxBufferSize) continue;
    return `${name} would take ${formatBytes(bytes)}, and a buffer of this adapter holds ${formatBytes(maxBufferSize)} at most`;
  }
  return null;
}

/** `512x768x3072` of the lengths. */
export const formatSizes = (family: Family, sizes: Sizes): string =>
  family.dimensions.map((name) => sizes[name]).join("x");

/** All ways of a family to compute one size, from naive to best. */
export function candidatesOf(family: Family, sizes: Sizes): Candidate[] {
  const contract = family.contract(sizes);
  return [
    ...family.rungs.map(({ name, adds, wgsl }) => shaderCandidate(name, adds, wgsl, contract)),
    ...family.engine(sizes),
  ];
}

/** Names of all ways of a family, from naive to best. */
export const variantNames = (family: Family): string[] =>
  candidatesOf(family, parseSizes(family, family.tinySize)).map(({ name }) => name);

/**
 * How a shader of the family begins: its uniform struct and its bindings, as every shader of the ladder has them. Types of
 * elements may be vectors: buffers are padded to whole vectors of four.
 */
export function shaderHeader(family: Family): string {
  const sizes = parseSizes(family, family.tinySize);
  const { reads, writes, params, scratch } = family.contract(sizes);
  const { inputs } = family.problem(sizes);
  const elementOf = (name: string): string => inputs.find((input) => input.name === name)?.dtype ?? "f32";
  const written = [...writes, ...(scratch ? [scratch.name] : [])];
  const bindings = [
    ...reads.map((name) => `var<storage, read> ${name}: array<${elementOf(name)}>;`),
    ...written.map((name) => `var<storage, read_write> ${name}: array<f32>;`),
  ];
  return [
    "struct Params {",
    ...Object.entries(params).map(([name, type]) => `  ${name}: ${type},`),
    "}",
    "",
    ...bindings.map((text, i) => `@group(0) @binding(${i}) ${text}`),
    "@group(1) @binding(0) var<uniform> params: Params;",
  ].join("\n");
}
