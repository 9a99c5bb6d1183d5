import convolutionSource from "../../../shaders/convolution/convolution.wgsl";
import lanesSource from "../../../shaders/convolution/convolution-lanes.wgsl";
import operandsSource from "../../../shaders/convolution/convolution-operands.wgsl";
import phaseSource from "../../../shaders/convolution/convolution-phase.wgsl";
import productSource from "../../../shaders/convolution/convolution-product.wgsl";
import convolutionRunsSource from "../../../shaders/convolution/convolution-runs.wgsl";
import convolutionSharedSource from "../../../shaders/convolution/convolution-shared.wgsl";
import tileSource from "../../../shaders/tile.wgsl";
import {
  defineKernel,
  type Gpu,
  joined,
  type KernelDefinition,
  type KernelVariant,
  linearGrid,
  listVariants,
  type ParamValues,
  type Specialization,
} from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { launch } from "../launch.ts";
import { passingRound, SUBGROUP } from "../subgroup.ts";
import { fixedSubgroupSize, SUBGROUP_SIZES } from "../variants/needs.ts";
import { convolutionFamily } from "./family.ts";

/** A product and a sum for each element, tap and channel; of a strided input gradient each phase meets its own taps. */
export const convolutionFlops = (params: ParamValues, names: readonly string[]): number =>
  (2 * names.reduce((product, name) => product * Number(params[name]), 1)) /
  (Number(params.phasesY) * Number(params.phasesX));

const common: Pick<KernelDefinition, "bindings" | "flops" | "params"> = {
  bindings: { a: "read", s: "read", bias: "read", y: "read_write" },
  flops: (params) => convolutionFlops(params, ["M", "U", "V", "W", "I", "J", "L", "groupCount"]),
  params: {
    M: "u32",
    U: "u32",
    V: "u32",
    W: "u32",
    I: "u32",
    J: "u32",
    L: "u32",
    aOffset: "u32",
    sOffset: "u32",
    biasOffset: "u32",
    yOffset: "u32",
    aM: "u32",
    aI: "u32",
    aJ: "u32",
    aL: "u32",
    aGroup: "u32",
    sU: "u32",
    sI: "u32",
    sJ: "u32",
    sL: "u32",
    sRow: "u32",
    sColumn: "u32",
    sGroup: "u32",
    yM: "u32",
    yU: "u32",
    yV: "u32",
    yW: "u32",
    yGroup: "u32",
    yPart: "u32",
    height: "u32",
    width: "u32",
    vStep: "i32",
    wStep: "i32",
    iY: "i32",
    jY: "i32",
    jX: "i32",
    lX: "i32",
    shiftY: "i32",
    shiftX: "i32",
    phasesY: "u32",
    phasesX: "u32",
    dilationY: "u32",
    dilationX: "u32",
    tapStepY: "u32",
    tapStepX: "u32",
    partIJ: "u32",
    partL: "u32",
    partsL: "u32",
    rowTiles: "u32",
    columnTiles: "u32",
    groupCount: "u32",
    tiles: "u32",
    hasBias: "u32",
  },
};

/** Rows and columns that a lane makes, and steps a round. */
interface LaneTile {
  readonly ROWS: number;
  readonly COLUMNS: number;
  readonly DEPTH: number;
  /** Time for an element, relative to the fastest; measured on lavapipe. */
  readonly cost: number;
}

const FOUR_BY_FOUR: LaneTile = { ROWS: 4, COLUMNS: 4, DEPTH: 4, cost: 2.5 };

/** Tiles for lanes on their own, for those that pass rows round, and for those that make more elements of fewer steps. */
const TILES = {
  register: [FOUR_BY_FOUR],
  shuffle: [FOUR_BY_FOUR, { ROWS: 16, COLUMNS: 4, DEPTH: 4, cost: 1.25 }],
  "shuffle-wide": [
    FOUR_BY_FOUR,
    { ROWS: 16, COLUMNS: 8, DEPTH: 2, cost: 1.08 },
    { ROWS: 32, COLUMNS: 4, DEPTH: 2, cost: 1 },
  ],
} as const satisfies Record<string, readonly LaneTile[]>;

type TileSet = keyof typeof TILES;

/** Tiles of every set for every subgroup size, each with what it makes of a kernel. */
class TileTable<Own> {
  readonly #tiles = new Map<string, (LaneTile & Own)[]>();

  constructor(specialize: (lanes: Specialization, tile: LaneTile) => Own) {
    for (const set of Object.keys(TILES) as TileSet[]) {
      for (const size of set === "register" ? [1] : SUBGROUP_SIZES) {
        const tiles = TILES[set].filter(({ ROWS }) => ROWS <= 4 * size);
        const own = tiles.map((tile) => ({ ...tile, ...specialize(size === 1 ? {} : passingRound(size), tile) }));
        this.#tiles.set(`${set}${size}`, own);
      }
    }
  }

  all(): (LaneTile & Own)[] {
    return [...this.#tiles.values()].flat();
  }

  /** The tile whose rows, with those that hang over M, cost least. */
  cheapest(set: TileSet, size: number, M: number): LaneTile & Own {
    const costOf = ({ ROWS, cost }: LaneTile): number => Math.ceil(M / ROWS) * ROWS * cost;
    return this.#tiles.get(`${set}${size}`)!.reduce((best, other) => (costOf(other) < costOf(best) ? other : best));
  }
}

const runTiles = /* @__PURE__ */ new TileTable((own, { ROWS, COLUMNS, DEPTH }) => ({
  still: Object.freeze({ ...own, ROWS, COLUMNS, DEPTH, SLIDES: false }),
  sliding: Object.freeze({ ...own, ROWS, COLUMNS, DEPTH, SLIDES: true }),
}));

/** Register tiles with a loop of its own for the steps of l, four at a time. */
const runsKernel = defineKernel(
  joined(common, {
    name: "convolution-runs",
    source: convolutionRunsSource,
    parts: [productSource, phaseSource, operandsSource, lanesSource, SUBGROUP, tileSource],
  }),
);
listVariants(runsKernel, () => runTiles.all().flatMap(({ still, sliding }) => [still, sliding]));

const registerTiles = /* @__PURE__ */ new TileTable((own, { ROWS, DEPTH }) => ({
  specialization: Object.freeze({ ...own, ROWS, DEPTH }),
}));

/** Barrier-free register tiles, for adapters that run lanes as SIMD on a CPU: four columns a lane. */
const registerKernel = defineKernel(
  joined(common, {
    name: "convolution",
    source: convolutionSource,
    parts: [productSource, phaseSource, operandsSource, lanesSource, SUBGROUP, tileSource],
  }),
);
listVariants(registerKernel, () => registerTiles.all().map(({ specialization }) => specialization));

/** What steps of l past the end of a part may add to the work before they are counted through all of the part. */
const MOST_WASTE = 1.15;

/** Tiles in workgroup memory, for GPUs. */
const sharedKernel = defineKernel(
  joined(common, {
    name: "convolution-shared",
    source: convolutionSharedSource,
    parts: [productSource, phaseSource, operandsSource, tileSource],
  }),
);

/** The kernel and its tile for an adapter. The choice never changes bits, only speed. */
function chooseVariant(gpu: Gpu, { M, lX, partL }: Params): { variant: KernelVariant; rows: number; columns: number } {
  const { kernel } = convolutionFamily.choose(gpu).value;
  if (kernel === "shared") return { variant: sharedKernel.variant(), rows: 64, columns: 64 };
  const size = kernel === "register" ? 1 : fixedSubgroupSize(gpu)!;
  const width = Math.max(8, size);
  if (4 * Math.ceil(partL / 4) <= MOST_WASTE * partL) {
    const tile = runTiles.cheapest(kernel, size, M);
    const variant = runsKernel.variant(lX !== 0 || partL % 4 !== 0 ? tile.sliding : tile.still);
    return { variant, rows: tile.ROWS, columns: tile.COLUMNS * width };
  }
  const tile = registerTiles.cheapest(kernel, size, M);
  return { variant: registerKernel.variant(tile.specialization), rows: tile.ROWS, columns: 4 * width };
}

type Params = Record<string, number>;

/** What the operations have in common: everything else is left at the values of an unphased, undivided product. */
const DEFAULTS: Params = {
  ...{ iY: 0, jY: 0, jX: 0, lX: 0, yPart: 0 },
  ...{ phasesY: 1, phasesX: 1, dilationY: 1, dilationX: 1, tapStepY: 1, tapStepX: 1 },
};

/** Records a product: A and S into Y. */
export function runProduct(op: string, [a, s, y]: Tensor[], bias: Tensor | undefined, given: Params): void {
  const params: Params = { ...DEFAULTS, ...given };
  const { M, U, V, W, I, J, L, phasesY, phasesX, groupCount } = params;
  const { partIJ = Math.max(1, I * J), partL = Math.max(1, L) } = params;
  const { variant, rows, columns } = chooseVariant(y.gpu, { ...params, partL });
  const rowTiles = Math.ceil(M / rows);
  // The first phase is the largest.
  const columnTiles = Math.ceil((U * Math.ceil(V / phasesY) * Math.ceil(W / phasesX)) / columns);
  const partsL = Math.max(1, Math.ceil(L / partL));
  const parts = Math.max(1, Math.ceil((I * J) / partIJ)) * partsL;
  const tiles = rowTiles * columnTiles * phasesY * phasesX * groupCount * parts;
  launch(
    op,
    variant,
    [a, s, bias ? contiguous(bias) : a, y],
    { ...params, partIJ, partL, partsL, rowTiles, columnTiles, tiles, hasBias: bias ? 1 : 0 },
    linearGrid(tiles),
  );
}
