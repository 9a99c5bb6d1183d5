import randomSource from "../../shaders/random.wgsl";
import { defineKernel, type Gpu } from "../gpu/index.ts";
import { empty, type Shape, type Tensor, tensor } from "../tensor/index.ts";
import { contiguous } from "./copy.ts";
import { gridOf, launch, output, requireFloat32 } from "./launch.ts";
import { quantileTable } from "./quantiles.ts";
import { forFlatWindows } from "./windows.ts";

const GENERATORS = {
  uniform: "return uniform24(bits) * params.scale;",
  normal: "return normal(bits) * params.scale;",
  dropout: "return select(x[params.xOffset + i] * params.scale, 0.0, (bits.x >> 8u) < params.threshold);",
} as const;

const randomKernel = defineKernel({
  name: "random",
  source: randomSource,
  bindings: { x: "read", quantiles: "read", y: "read_write" },
  params: {
    count: "u32",
    first: "u32",
    seed0: "u32",
    seed1: "u32",
    xOffset: "u32",
    tableOffset: "u32",
    yOffset: "u32",
    threshold: "u32",
    scale: "f32",
  },
  variants: () => Object.values(GENERATORS).map((generate) => ({ generate })),
});

/** A seed of a generator: 53 bits, split in two words. */
const seedWords = (seed: number): { seed0: number; seed1: number } => {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`random: seed ${seed} is not a non-negative safe integer`);
  return { seed0: seed >>> 0, seed1: Math.floor(seed / 2 ** 32) };
};

interface Draw {
  seed: number;
  scale: number;
  threshold?: number;
}

/** Fills `y` from the generator; the number of an element is its place in the whole tensor, also in windows. */
function draw(op: keyof typeof GENERATORS, y: Tensor, x: Tensor | null, table: Tensor | null, options: Draw): void {
  const { seed, scale, threshold = 0 } = options;
  const variant = randomKernel.variant({ generate: GENERATORS[op] });
  forFlatWindows(x ? [y, x] : [y], ([target, source], count, first) => {
    // What a generator does not read is bound all the same: any other buffer will do.
    const spare = table ?? empty(y.gpu, [1], "f32");
    const params = { count, first, ...seedWords(seed), threshold, scale, tableOffset: 0, xOffset: 0 };
    launch(op, variant, [source ?? spare, spare, target], params, gridOf(count));
    if (!table) spare.dispose();
  });
}

/** Uniform numbers in [0, scale) with 24 bits, one per element and seed. */
export function randomUniform(gpu: Gpu, shape: Shape, seed: number, scale = 1): Tensor {
  const y = empty(gpu, shape, "f32", "uniform");
  draw("uniform", y, null, null, { seed, scale });
  return y;
}

/** Normal numbers with mean 0 and the given deviation. */
export function randomNormal(gpu: Gpu, shape: Shape, seed: number, deviation = 1): Tensor {
  const y = empty(gpu, shape, "f32", "normal");
  const table = tensor(quantileTable(), undefined, { gpu });
  draw("normal", y, null, table, { seed, scale: deviation });
  table.dispose();
  return y;
}

/** x / (1 - p) where kept, 0 where dropped; which is which depends on (seed, element) alone. */
export function dropoutKernel(x: Tensor, p: number, seed: number): Tensor {
  requireFloat32("dropout", x);
  const y = output("dropout", x, x.shape);
  draw("dropout", y, contiguous(x), null, { seed, scale: p < 1 ? 1 / (1 - p) : 0, threshold: Math.round(p * 2 ** 24) });
  return y;
}
