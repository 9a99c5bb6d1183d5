import matmulSource from "../../../shaders/matmul/matmul.wgsl";
import epilogueSource from "../../../shaders/matmul/matmul-epilogue.wgsl";
import problemSource from "../../../shaders/matmul/matmul-problem.wgsl";
import matmulSharedSource from "../../../shaders/matmul/matmul-shared.wgsl";
import tileSource from "../../../shaders/tile.wgsl";
import { defineKernel, type Gpu, joined, listVariants, type Specialization } from "../../gpu/index.ts";
import { passingRound, SUBGROUP } from "../subgroup.ts";
import { fixedSubgroupSize, LARGE_WORKGROUPS } from "../variants/needs.ts";
import { defineFamily } from "../variants/variants.ts";
import { layouts, type MatmulProblem, type MatmulVariant, PRODUCT, problemSpecialization } from "./problem.ts";
import { hasMatrices, matrixVariant, NEEDS_MATRICES } from "./subgroup-matrices.ts";

/** How a product reads its operands, as far as that decides which tile is fast. */
type Reading = "plain" | "scattered" | "leftTransposed" | "rightTransposed";

/** A way of dividing a product among invocations. */
interface Tile {
  /** Rows of C that a workgroup makes. */
  readonly rows: number;
  /** Columns of C that an invocation makes. */
  readonly columns: number;
  /** Whether it takes four k a round in every layout, not only where B is transposed. */
  readonly isDeep?: boolean;
  /** Whether it lies in workgroup memory. */
  readonly isShared?: boolean;
  /** Sizes of the subgroups that it is for; all when not given. */
  readonly lanes?: readonly number[];
  /** Invocations side by side along a row of C; as many as a subgroup has, but at least 8, when not given. */
  readonly width?: number;
  /** So many of it there must be to fill the adapter. */
  readonly leastCount?: number;
  /**
   * Time for an element of a full tile, relative to the fastest; absent where the tile cannot do it. Measured on
   * lavapipe, and on its subgroups of 8.
   */
  readonly cost: Readonly<Partial<Record<Reading, number>>>;
}

const FOUR_BY_FOUR: Tile = {
  ...{ rows: 4, columns: 4, isDeep: true },
  cost: { plain: 3.1, scattered: 2.6, leftTransposed: 3, rightTransposed: 2.6 },
};
const FOUR_BY_EIGHT: Tile = { rows: 4, columns: 8, cost: { plain: 2.5, scattered: 2.8, leftTransposed: 2.6 } };
const SIXTEEN_BY_FOUR: Tile = {
  ...{ rows: 16, columns: 4, isDeep: true },
  cost: { plain: 1.4, scattered: 1.1, leftTransposed: 1.4, rightTransposed: 1.2 },
};
const SIXTEEN_BY_EIGHT: Tile = {
  ...{ rows: 16, columns: 8, lanes: [8, 16] },
  cost: { plain: 1, scattered: 1.06, leftTransposed: 1.13 },
};
/** For subgroups of 4, which pass round much beside what they compute: so all of it is used at once. */
const DEEP_SIXTEEN_BY_EIGHT: Tile = {
  ...{ rows: 16, columns: 8, isDeep: true, lanes: [4] },
  cost: { plain: 1, scattered: 1, leftTransposed: 1, rightTransposed: 1 },
};
/** For subgroups of 8 alone: with others it is slower than the tiles of sixteen rows. */
const THIRTY_TWO_BY_FOUR: Tile = {
  ...{ rows: 32, columns: 4, lanes: [8] },
  cost: { plain: 1.12, scattered: 1, leftTransposed: 1, rightTransposed: 1 },
};
/** For GPUs, whose costs are estimates by what a tile reads: none was there to measure. */
/* @__NO_SIDE_EFFECTS__ */ const alike = (cost: number): Tile["cost"] => ({
  ...{ plain: cost, scattered: cost, leftTransposed: cost, rightTransposed: cost },
});
const ROWS_OF_FOUR: Tile = { rows: 4, columns: 4, isDeep: true, width: 64, cost: alike(4) };
const SHARED: Tile = { rows: 64, columns: 4, isShared: true, width: 16, cost: alike(1) };
const SHARED_WIDE: Tile = { rows: 128, columns: 8, isShared: true, width: 16, leastCount: 64, cost: alike(0.6) };

interface Choice {
  /** Whether rows of A are passed round in subgroups. */
  readonly shuffles?: boolean;
  /** Of these the one is used whose copies, with what they hang over C, cost least. */
  readonly tiles: readonly Tile[];
  /** Whether the adapter's matrix units are used where they take the operands, and the tiles only elsewhere. */
  readonly usesMatrices?: boolean;
}

/** Sizes of subgroups that rows of A are passed round in. */
const SUBGROUPS: readonly number[] = [4, 8, 16];

/** Products of matrices. The choice never changes bits, only speed, but for `subgroup-matrix`, which no class prefers. */
export const matmulFamily = defineFamily<Choice>({
  name: "matmul",
  candidates: [
    {
      name: "register",
      value: { tiles: [FOUR_BY_FOUR, FOUR_BY_EIGHT] },
    },
    {
      name: "shuffle",
      value: { shuffles: true, tiles: [FOUR_BY_FOUR, SIXTEEN_BY_FOUR] },
    },
    {
      name: "shuffle-wide",
      value: {
        shuffles: true,
        tiles: [
          FOUR_BY_FOUR,
          FOUR_BY_EIGHT,
          SIXTEEN_BY_FOUR,
          SIXTEEN_BY_EIGHT,
          DEEP_SIXTEEN_BY_EIGHT,
          THIRTY_TWO_BY_FOUR,
        ],
      },
    },
    {
      name: "shared",
      value: { tiles: [ROWS_OF_FOUR, SHARED] },
    },
    {
      name: "shared-wide",
      value: { tiles: [ROWS_OF_FOUR, SHARED, SHARED_WIDE] },
    },
    {
      name: "subgroup-matrix",
      needs: NEEDS_MATRICES,
      isAvailable: (gpu) => hasMatrices(gpu) && LARGE_WORKGROUPS.isAvailable(gpu),
      sums: "matrix units",
      value: { usesMatrices: true, tiles: [ROWS_OF_FOUR, SHARED] },
    },
  ],
});

function readingOf({ a, b }: Pick<MatmulProblem, "a" | "b">): Reading {
  if (b.isTransposed) return "rightTransposed";
  if (a.isTransposed) return "leftTransposed";
  return b.reads === "elements" ? "scattered" : "plain";
}

/** Whether a tile can do a product on subgroups of `lanes`, 1 when lanes are on their own. */
const canMake = (tile: Tile, lanes: number, problem: Pick<MatmulProblem, "a" | "b">): boolean =>
  tile.cost[readingOf(problem)] !== undefined && (tile.lanes?.includes(lanes) ?? true);

/** The specialisation that makes a product in a tile, for a subgroup size. */
function specializationOf(
  { rows, columns, isDeep, isShared, width }: Tile,
  lanes: number,
  { a, b, isActivated }: Pick<MatmulProblem, "a" | "b" | "isActivated">,
): Specialization {
  const operands = problemSpecialization({ a, b, isActivated });
  if (isShared) return { TILE: rows, ...operands };
  const fewest = a.isTransposed ? 1 : 2;
  return {
    ...(lanes > 1 ? passingRound(lanes) : {}),
    ...(width ? { WIDTH: width } : {}),
    ROWS: rows,
    COLUMNS: columns,
    DEPTH: isDeep || b.isTransposed ? 4 : fewest,
    ...operands,
  };
}

/** Every specialisation that can come into use, of tiles in workgroup memory or of the others. */
function variantsOf(isShared: boolean): Specialization[] {
  const found = new Map<string, Specialization>();
  for (const { tiles, shuffles } of matmulFamily.candidates.map(({ value }) => value)) {
    for (const tile of tiles.filter((own) => (own.isShared ?? false) === isShared)) {
      for (const lanes of shuffles ? SUBGROUPS : [1]) {
        for (const [a, b] of layouts().flatMap((left) => layouts().map((right) => [left, right]))) {
          if (!canMake(tile, lanes, { a, b })) continue;
          for (const isActivated of [false, true]) {
            const specialization = specializationOf(tile, lanes, { a, b, isActivated });
            found.set(JSON.stringify(specialization), specialization);
          }
        }
      }
    }
  }
  return [...found.values()];
}

/** Barrier-free register tiles, for adapters that run lanes as SIMD on a CPU, and for few rows. */
const registerKernel = defineKernel(
  joined(PRODUCT, {
    name: "matmul",
    source: matmulSource,
    parts: [problemSource, epilogueSource, SUBGROUP, tileSource],
  }),
);
listVariants(registerKernel, () => variantsOf(false));

/** Tiles in workgroup memory, for GPUs. */
const sharedKernel = defineKernel(
  joined(PRODUCT, {
    name: "matmul-shared",
    source: matmulSharedSource,
    parts: [problemSource, epilogueSource, tileSource],
  }),
);
listVariants(sharedKernel, () => variantsOf(true));

/** The kernel for a product on a device, and the rows and columns of C that one of its workgroups makes. */
export function chooseVariant(gpu: Gpu, problem: MatmulProblem): MatmulVariant {
  const { tiles, shuffles, usesMatrices } = matmulFamily.choose(gpu).value;
  const byMatrices = usesMatrices ? matrixVariant(gpu, problem) : undefined;
  if (byMatrices) return byMatrices;
  const lanes = shuffles ? fixedSubgroupSize(gpu)! : 1;
  const columnsOf = ({ columns, width = Math.max(8, lanes) }: Tile): number => columns * width;
  const countOf = (tile: Tile): number => Math.ceil(problem.m / tile.rows) * Math.ceil(problem.n / columnsOf(tile));
  const costOf = (tile: Tile): number => countOf(tile) * tile.rows * columnsOf(tile) * tile.cost[readingOf(problem)]!;
  const possible = tiles.filter(
    (tile) => canMake(tile, lanes, problem) && countOf(tile) * problem.count >= (tile.leastCount ?? 0),
  );
  const tile = possible.reduce((best, other) => (costOf(other) < costOf(best) ? other : best));
  const specialization = specializationOf(tile, lanes, problem);
  const variant = (tile.isShared ? sharedKernel : registerKernel).variant(specialization);
  return { variant, rows: tile.rows, columns: columnsOf(tile) };
}
