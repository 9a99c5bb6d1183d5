import categoricalSource from "../../../shaders/random/categorical.wgsl";
import randomSource from "../../../shaders/random/random.wgsl";
import { defineKernel, type Gpu, joined, type LiveNumber, listVariants, type Specialization } from "../../gpu/index.ts";
import {
  empty,
  formatShape,
  keep,
  reshapeView,
  type Shape,
  sizeOf,
  sliceView,
  type Tensor,
  tensor,
} from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { chooseElementVariant, inAllRuns, inRuns } from "../elementwise/element-variant.ts";
import { gridOf, launch, output, requireFloat32 } from "../launch.ts";
import { including, NORMAL as NORMAL_FILE } from "../library.ts";
import { forFlatWindows, requireBindable, rowWindows } from "../windows.ts";
import { quantileTable } from "./quantiles.ts";
import { seedWords, threefry } from "./threefry.ts";

const DROPPED = "select(x[params.xOffset + i] * params.scale, 0.0, (bits.x >> 8u) < params.threshold)";
const UNIFORM: Specialization = { generate: "return uniform24(bits) * params.scale;" };
const DROPOUT: Specialization = { generate: `return ${DROPPED};` };
const DROPOUT_ADD: Specialization = { generate: `return residual[params.residualOffset + i] + ${DROPPED};` };
const NORMAL: Specialization = joined(
  {
    generate:
      "let t = bits.x & 0x7fffffffu; let at = params.tableOffset + quantilePlace(t); return normalFrom(t, (bits.y & 1u) != 0u, quantiles[at], u32(quantiles[at + 1u])) * params.scale;",
  },
  including(NORMAL_FILE),
);

const randomKernel = defineKernel({
  name: "random",
  source: randomSource,
  bindings: { x: "read", residual: "read", quantiles: "read", y: "read_write" },
  params: {
    count: "u32",
    first: "u32",
    seed0: "u32",
    seed1: "u32",
    xOffset: "u32",
    residualOffset: "u32",
    tableOffset: "u32",
    yOffset: "u32",
    threshold: "u32",
    scale: "f32",
  },
});
listVariants(randomKernel, () => inAllRuns([UNIFORM, NORMAL, DROPOUT, DROPOUT_ADD]));

const categoricalKernel = defineKernel({
  name: "categorical",
  source: categoricalSource,
  bindings: { weights: "read", uniforms: "read", y: "read_write" },
  params: {
    count: "u32",
    columns: "u32",
    samples: "u32",
    weightsOffset: "u32",
    uniformsOffset: "u32",
    yOffset: "u32",
  },
});

interface Draw {
  seed: LiveNumber;
  scale: number;
  threshold?: number;
}

/** Fills `y` from the generator; the number of an element is its place in the whole tensor, also in windows. */
function draw(
  op: string,
  generator: Specialization,
  y: Tensor,
  inputs: readonly Tensor[],
  table: Tensor | null,
  options: Draw,
): void {
  const { seed, scale, threshold = 0 } = options;
  const { run } = chooseElementVariant(y.gpu);
  const variant = randomKernel.variant(inRuns(generator, run));
  forFlatWindows([y, ...inputs], ([target, source, residual], count, first) => {
    // What a generator does not read is bound all the same: any other buffer will do.
    const spare = table ?? empty(y.gpu, [1], "f32");
    const params = {
      count,
      first,
      ...seedWords(seed),
      threshold,
      scale,
      tableOffset: 0,
      xOffset: 0,
      residualOffset: 0,
    };
    const tensors = [source ?? spare, residual ?? spare, spare, target];
    launch(op, variant, tensors, params, gridOf(Math.ceil(count / run)));
    if (!table) spare.dispose();
  });
}

/** Uniform numbers in [0, scale) with 24 bits, one per element and seed. */
export function randomUniform(gpu: Gpu, shape: Shape, seed: LiveNumber, scale = 1): Tensor {
  const y = empty(gpu, shape, "f32", "uniform");
  draw("uniform", UNIFORM, y, [], null, { seed, scale });
  return y;
}

/** Quantiles on the devices where captured steps draw from them: these cannot upload. */
const capturedTables = new WeakMap<Gpu, Tensor>();

/** The table of quantiles, and whether it is the caller's to dispose. */
function quantilesOn(gpu: Gpu): [Tensor, boolean] {
  if (!gpu.isCapturing) return [tensor(quantileTable(), undefined, { gpu }), true];
  const kept = capturedTables.get(gpu) ?? gpu.outsideCapture(() => keep(tensor(quantileTable(), undefined, { gpu })));
  capturedTables.set(gpu, kept);
  return [kept, false];
}

/** Normal numbers with mean 0 and the given deviation. */
export function randomNormal(gpu: Gpu, shape: Shape, seed: LiveNumber, deviation = 1): Tensor {
  const y = empty(gpu, shape, "f32", "normal");
  const [table, isOwn] = quantilesOn(gpu);
  draw("normal", NORMAL, y, [], table, { seed, scale: deviation });
  if (isOwn) table.dispose();
  return y;
}

/** x / (1 - p) where kept, 0 where dropped; which is which depends on (seed, element) alone. */
export function dropoutKernel(x: Tensor, p: number, seed: LiveNumber): Tensor {
  requireFloat32("dropout", x);
  const y = output("dropout", x, x.shape);
  draw("dropout", DROPOUT, y, [contiguous(x)], null, dropping(p, seed));
  return y;
}

const dropping = (p: number, seed: LiveNumber): Draw => ({
  seed,
  scale: p < 1 ? 1 / (1 - p) : 0,
  threshold: Math.round(p * 2 ** 24),
});

/** residual + dropout(x), with the bits of the sum of the two. */
export function dropoutAddKernel(x: Tensor, residual: Tensor, p: number, seed: LiveNumber): Tensor {
  requireFloat32("dropoutAdd", x, residual);
  const y = output("dropoutAdd", x, x.shape);
  draw("dropoutAdd", DROPOUT_ADD, y, [contiguous(x), contiguous(residual)], null, dropping(p, seed));
  return y;
}

/** Draws `samples` columns from each row of weights [..., columns]: i32 [..., samples]. */
export function randomCategorical(weights: Tensor, seed: LiveNumber, samples: number): Tensor {
  requireFloat32("categorical", weights);
  const columns = weights.shape[weights.rank - 1];
  if (weights.rank < 1 || columns === 0) {
    throw new Error(`categorical: expected weights [..., classes], got ${formatShape(weights.shape)}`);
  }
  const batch = weights.shape.slice(0, -1);
  const rows = sizeOf(batch);
  const y = output("categorical", weights, [...batch, samples], "i32");
  if (y.size === 0) return y;
  const uniforms = randomUniform(weights.gpu, [rows, samples], seed);
  requireBindable("categorical", uniforms, y);
  const matrix = reshapeView(contiguous(weights), [rows, columns])!;
  const flat = reshapeView(y, [rows, samples])!;
  for (const [begin, end] of rowWindows(matrix)) {
    const windows = [matrix, uniforms, flat].map((x) => sliceView(x, 0, begin, end));
    const count = (end - begin) * samples;
    launch("categorical", categoricalKernel.variant(), windows, { count, columns, samples }, gridOf(count));
  }
  return y;
}

/** The numbers 0 … n − 1 in random order (Fisher–Yates on the host, 53 random bits a place). */
export function randomPermutation(gpu: Gpu, n: number, seed: number): Tensor {
  const places = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const [high, low] = threefry(i, seed);
    const j = Math.floor((((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53) * (i + 1));
    [places[i], places[j]] = [places[j], places[i]];
  }
  return tensor(places, [n], { gpu });
}
