import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  argmax,
  argmin,
  contiguous,
  cumsum,
  max,
  mean,
  min,
  prod,
  sum,
  variance,
} from "../../../src/autograd/index.ts";
import type { Gpu } from "../../../src/gpu/index.ts";
import { permuteView, type Tensor, tensor, tidy } from "../../../src/tensor/index.ts";
import { type NdArray, sizeOf } from "../../reference/nd-array.ts";
import {
  ORDERED,
  ORDERED_INTEGERS,
  type OrderedReduction,
  reduceInOrder,
  scanInOrder,
} from "../../reference/reduce-order.ts";
import { openWith } from "../../support/gpu.ts";
import { type Pending, ReadBatch } from "../../support/read-batch.ts";
import { seeded } from "../../support/values.ts";

const SHAPES = 200;
const LENGTHS = [1, 2, 3, 5, 7, 13, 31, 63, 64, 65, 127, 256, 257, 512, 513, 1031];
const MOST_ELEMENTS = 5000;
/** Longer than a tile of chunks, and than what two stages reduce. */
const LONG = [[8192], [8193], [3, 8200], [9001, 2], [70_001]];

const FLOAT = { sum, mean, max, min, variance };
const ARGUMENT = { argmax, argmin };
const INTEGER = { sum, prod, max };

const namesOf = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[];

/** Shapes of rank 1 to 4 with lengths at the edges of workgroups and chunks, and axes to reduce. */
function drawShape(random: () => number): { shape: number[]; axes: number[] } {
  const shape: number[] = [];
  const rank = 1 + Math.floor(4 * random());
  while (shape.length < rank) {
    const fitting = LENGTHS.filter((length) => length * sizeOf(shape) <= MOST_ELEMENTS);
    shape.push(fitting[Math.floor(fitting.length * random())]);
  }
  shape.sort(() => random() - 0.5);
  const axes = shape.map((_, axis) => axis).filter(() => random() < 0.5);
  return { shape, axes: axes.length > 0 ? axes : [Math.floor(rank * random())] };
}

/** The values, now and then lying in memory in reverse order of the axes. */
function upload(x: NdArray, isReversed: boolean, dtype: "f32" | "i32"): Tensor {
  if (!isReversed) return tensor(x.data, x.shape, { dtype });
  const axes = x.shape.map((_, axis) => axis).reverse();
  const plain = tensor(x.data, x.shape, { dtype });
  const moved = contiguous(permuteView(plain, axes));
  return permuteView(moved, axes);
}

/** Every NaN alike: which one 0 / 0 is, JavaScript leaves to its engines. */
const wordsOf = (values: ArrayLike<number>): Uint32Array =>
  new Uint32Array(Float32Array.from(values, (value) => (Number.isNaN(value) ? Number.NaN : value)).buffer);

describe.each([
  { title: "this machine's adapter", software: false },
  { title: "SwiftShader", software: true },
])("reductions on $title", ({ software }) => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = (await openWith({ software })).use();
  });
  afterAll(() => gpu.close());

  const checks: { what: string; actual: Pending; expected: number[] }[] = [];

  it(`agree in every bit with loops in the same order over ${SHAPES} shapes`, async () => {
    const batch = new ReadBatch(gpu);
    const random = seeded(3);
    const record = (what: string, y: Tensor, expected: number[]): void => {
      checks.push({ what, actual: batch.add(y), expected });
    };
    for (let i = 0; i < SHAPES; i++) {
      const { shape, axes } =
        i < LONG.length ? { shape: LONG[i], axes: [LONG[i].indexOf(Math.max(...LONG[i]))] } : drawShape(random);
      // Products stay near 1, and maxima meet ties.
      const draws = {
        wide: () => Math.fround(20 * random() - 10),
        "near 1": () => Math.fround(0.9 + 0.2 * random()),
        whole: () => Math.floor(20 * random()) - 10,
      };
      const made = (draw: () => number): NdArray => ({
        shape,
        data: Float64Array.from({ length: sizeOf(shape) }, draw),
      });
      tidy(() => {
        const what = `[${shape}] over ${axes}`;
        const isReversed = i % 2 === 1;
        const [wide, near, whole] = Object.values(draws).map(made);
        const x = upload(wide, isReversed, "f32");
        for (const name of namesOf(FLOAT)) {
          record(
            `${name} ${what}`,
            FLOAT[name](x, axes),
            reduceInOrder(wide, axes, ORDERED[name] as OrderedReduction<unknown>),
          );
        }
        record(`prod ${what}`, prod(upload(near, isReversed, "f32"), axes), reduceInOrder(near, axes, ORDERED.prod));
        const ties = upload(whole, isReversed, "f32");
        for (const name of namesOf(ARGUMENT)) {
          record(`${name} ${what}`, ARGUMENT[name](ties, axes[0]), reduceInOrder(whole, [axes[0]], ORDERED[name]));
          const all = shape.map((_, axis) => axis);
          record(`${name} of all of ${what}`, ARGUMENT[name](ties), reduceInOrder(whole, all, ORDERED[name]));
        }
        const integers = upload(whole, isReversed, "i32");
        for (const name of namesOf(INTEGER)) {
          record(
            `${name} of i32 ${what}`,
            INTEGER[name](integers, axes),
            reduceInOrder(whole, axes, ORDERED_INTEGERS[name]),
          );
        }
        const [exclusive, reverse] = [i % 3 === 0, i % 5 === 0];
        record(
          `cumsum ${what} ${exclusive} ${reverse}`,
          cumsum(x, axes[0], { exclusive, reverse }),
          scanInOrder(wide, axes[0], exclusive, reverse),
        );
      });
    }
    await batch.read();
    const wrong = checks.filter(({ actual, expected }) => {
      const [a, b] = [wordsOf(actual()), wordsOf(expected)];
      return a.length !== b.length || a.some((word, k) => word !== b[k]);
    });
    expect(wrong.map(({ what }) => what)).toEqual([]);
    expect(checks.length).toBe(SHAPES * 14);
    expect(gpu.statistics.liveBuffers).toBe(0);
  });
});
