import type { Gpu, ParamValues, Specialization } from "../../gpu/index.ts";
import { EXPONENTIAL as EXPONENTIAL_FILE, including, THREEFRY } from "../library.ts";
import { seedWords } from "../random/threefry.ts";
import { passingRound } from "../subgroup.ts";
import { fixedSubgroupSize } from "../variants/needs.ts";
import { defineFamily } from "../variants/variants.ts";
import type { Dropping } from "./operands.ts";

/** Sizes of subgroups that operands are passed round in. */
const SUBGROUPS: readonly number[] = [4, 8, 16];

/** Attention and its gradient. The choice never changes bits, only speed. */
const attentionFamily = defineFamily<{ isShared: boolean }>({
  name: "attention",
  candidates: [
    {
      name: "subgroup",
      value: { isShared: false },
    },
    {
      name: "shared",
      value: { isShared: true },
    },
  ],
});

/** What a workgroup makes of a result: so many rows, so many columns. */
export interface Tile {
  rows: number;
  columns: number;
  /** Whether tiles lie in workgroup memory. */
  isShared: boolean;
  spec: Specialization;
}

/**
 * The tile for results of so many rows and columns: four rows where there are no more, as in generation. Scores are made
 * anew for every slice of columns, so that narrow subgroups make up to `mostGroups` of them.
 */
export function tileFor(gpu: Gpu, rows: number, columns: number, mostGroups: 2 | 4 = 2): Tile {
  if (attentionFamily.choose(gpu).value.isShared) return { rows: 32, columns: 64, isShared: true, spec: {} };
  const size = fixedSubgroupSize(gpu)!;
  const own = rows <= 4 ? 4 : 16;
  const needed = columns <= 4 * size ? 1 : columns <= 8 * size ? 2 : 4;
  const groups = Math.min(needed, size === 4 ? mostGroups : 2);
  return { rows: own, columns: 4 * size * groups, isShared: false, spec: subgroupTile(size, own, groups) };
}

/** Rows, and groups of columns, that a subgroup makes. */
const subgroupTile = (size: number, rows: number, groups: number): Specialization => ({
  ...passingRound(size),
  ROWS: rows,
  GROUPS: groups,
  ...(size === 4 ? { WRITTEN_OUT: "true" } : {}),
});

/** Every specialisation `tileFor` can give with two groups at most. */
export const SUBGROUP_TILES: readonly Specialization[] = SUBGROUPS.flatMap((size) =>
  [4, 16].flatMap((rows) => [1, 2].map((groups) => subgroupTile(size, rows, groups))),
);

/** Those with more. */
export const WIDE_TILES: readonly Specialization[] = [4, 16].map((rows) => subgroupTile(4, rows, 4));

/** The exponential of the library, which is alike on all adapters. */
export const EXPONENTIAL: Specialization = {
  nearOne: "return 1.0 + (r + r * r * exponentialTail(r));",
  ...including(EXPONENTIAL_FILE),
};

/** Loads of four elements of arrays by scalars, for operands that do not lie on multiples of four. */
/* @__NO_SIDE_EFFECTS__ */ export const byElements = (...names: string[]): Specialization => ({
  Element: "f32",
  IS_WHOLE: "false",
  UNIT: 1,
  ...Object.fromEntries(
    names.map((name) => {
      const array = name.toLowerCase();
      return [`load${name}`, `return vec4f(${[0, 1, 2, 3].map((i) => `${array}[i + ${i}]`).join(", ")});`];
    }),
  ),
});

/** Dropout of probabilities. */
export const DROPPED: Specialization = {
  DROPPED: "true",
  keeps: "return areKept(i, params.seed0, params.seed1, params.threshold);",
  ...including(EXPONENTIAL_FILE, THREEFRY),
};

/** Parameters of dropout; none drops. */
export const droppingOf = (dropout: Dropping | undefined): ParamValues =>
  dropout
    ? {
        ...seedWords(dropout.seed),
        threshold: Math.round(dropout.p * 2 ** 24),
        keptScale: dropout.p < 1 ? 1 / (1 - dropout.p) : 0,
      }
    : { seed0: 0, seed1: 0, threshold: 0, keptScale: 1 };

/** All choices of masks, and of dropout, which comes without a bias. */
export const maskings: readonly Specialization[] = [
  ...[{}, { MASKED: "true" }, { BIASED: "true" }, { MASKED: "true", BIASED: "true" }],
  ...[DROPPED, { MASKED: "true", ...DROPPED }],
];
