import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reshaped } from "../../src/kernels/copy.ts";
import {
  type DType,
  expandView,
  permuteView,
  reshapeView,
  resolveReshape,
  sliceView,
  type Tensor,
  tensor,
  tidy,
  transposeView,
} from "../../src/tensor/index.ts";
import { references } from "../reference/index.ts";
import { type NdArray, sizeOf } from "../reference/nd-array.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

type Step =
  | { kind: "permute"; order: number[] }
  | { kind: "slice"; axis: number; begin: number; end: number }
  | { kind: "expand"; lengths: number[] }
  | { kind: "reshape"; cuts: number[] };

const unit = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("permute" as const), order: fc.array(unit, { minLength: 6, maxLength: 6 }) }),
    fc.record({ kind: fc.constant("slice" as const), axis: unit, begin: unit, end: unit }),
    fc.record({ kind: fc.constant("expand" as const), lengths: fc.array(unit, { minLength: 6, maxLength: 6 }) }),
    fc.record({ kind: fc.constant("reshape" as const), cuts: fc.array(unit, { minLength: 6, maxLength: 6 }) }),
  ),
  { maxLength: 5 },
);

/** One step on a tensor and on the reference alike; numbers in [0, 1) choose axes and lengths. */
function apply(step: Step, x: Tensor, expected: NdArray): [Tensor, NdArray] {
  const { shape } = x;
  if (step.kind === "permute") {
    const axes = shape.map((_, axis) => axis).sort((a, b) => step.order[a % 6] - step.order[b % 6]);
    return [permuteView(x, axes), references.permute([expected], { axes })];
  }
  if (step.kind === "slice") {
    if (x.rank === 0) return [x.view(x.shape, x.strides), expected];
    const axis = Math.floor(step.axis * x.rank);
    const begin = Math.floor(step.begin * shape[axis]);
    const end = begin + 1 + Math.floor(step.end * (shape[axis] - begin));
    return [sliceView(x, axis - x.rank, begin, end), references.slice([expected], { axis, begin, end })];
  }
  if (step.kind === "expand") {
    const wanted = shape.map((length, i) => (length === 1 ? 1 + Math.floor(3 * step.lengths[i % 6]) : length));
    const all = x.rank < 4 ? [1 + Math.floor(2 * step.lengths[0]), ...wanted] : wanted;
    return [expandView(x, all), references.expand([expected], { shape: all })];
  }
  const target = [1, 1];
  let rest = x.size;
  for (let i = 0; rest > 1; i++) {
    const factor = [2, 3, 5].find((prime) => rest % prime === 0) ?? rest;
    target[step.cuts[i % 6] < 0.5 ? 0 : 1] *= factor;
    rest /= factor;
  }
  return [reshaped(x, target), references.reshape([expected], { shape: target })];
}

describe("views", () => {
  it("of views hold the elements that NumPy's rules give, without moving them", async () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
    const dtypes = fc.constantFrom<DType>("f32", "i32", "u32", "bool", "f16");
    await fc.assert(
      fc.asyncProperty(shapes, dtypes, steps, async (shape, dtype, list) => {
        const before = gpu().statistics.liveBuffers;
        const values = Float64Array.from({ length: sizeOf(shape) }, (_, i) => (dtype === "bool" ? i % 2 : i));
        const needsKernel = dtype === "f16" && !gpu().features.has("shader-f16");
        let expected: NdArray = { shape, data: values };
        const view = tidy(() => {
          let x = tensor(values, shape, { dtype });
          for (const step of list) {
            if (step.kind === "reshape" && needsKernel) continue; // may copy
            [x, expected] = apply(step, x, expected);
          }
          return x;
        });
        expect(view.shape).toEqual(expected.shape);
        expect([...(await view.data())]).toEqual([...expected.data]);
        view.dispose();
        expect(gpu().statistics.liveBuffers).toBe(before);
      }),
      { numRuns: 300 },
    );
  });

  it("share one storage, which lives until the last is gone", async () => {
    const before = gpu().statistics;
    const x = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
    const y = transposeView(x);
    const z = sliceView(y, 0, 1, 2);
    expect(gpu().statistics.liveBuffers - before.liveBuffers).toBe(1);
    x.dispose();
    y.dispose();
    expect([...(await z.data())]).toEqual([2, 5]);
    z.dispose();
    expect(gpu().statistics.liveBuffers - before.liveBuffers).toBe(0);
    expect(gpu().statistics.dispatches).toBe(before.dispatches);
  });

  it("read a single element, and nothing of an empty tensor", async () => {
    const x = tensor([1, 2, 3, 4], [2, 2]);
    const element = sliceView(sliceView(x, 0, 1, 2), 1, 0, 1);
    expect(await element.item()).toBe(3);
    await expect(x.item()).rejects.toThrow("item: expected one element, the tensor has shape [2, 2]");
    const none = sliceView(x, 0, 1, 1);
    expect(await none.data()).toHaveLength(0);
    for (const t of [x, element, none]) t.dispose();
  });

  it("are refused with the op, the shapes and what was asked for", () => {
    tidy(() => {
      const x = tensor([1, 2, 3, 4, 5, 6], [2, 3]);
      expect(() => resolveReshape(x.shape, [4])).toThrow("reshape: [2, 3] has 6 elements and cannot become [4]");
      expect(() => resolveReshape(x.shape, [-1, -1])).toThrow("cannot become [-1, -1]");
      expect(() => resolveReshape(x.shape, [4, -1])).toThrow("cannot become [4, -1]");
      expect(() => resolveReshape(x.shape, [-2, -3])).toThrow("cannot become [-2, -3]");
      expect(() => permuteView(x, [0, 0])).toThrow("permute: axes [0, 0] do not name each axis of [2, 3] once");
      expect(() => permuteView(x, [0])).toThrow("permute: axes [0] do not name each axis of [2, 3] once");
      expect(() => sliceView(x, 1, 2, 4)).toThrow("slice: 2 to 4 lies outside axis 1 of [2, 3]");
      expect(() => sliceView(x, 2, 0, 1)).toThrow("slice: axis 2 is out of range for rank 2");
      expect(() => expandView(x, [2, 6])).toThrow("expand: [2, 3] does not expand to [2, 6]");
      expect(() => expandView(x, [3])).toThrow("expand: [2, 3] does not expand to [3]");
      expect(reshapeView(transposeView(x), [6])).toBeNull();
    });
    expect(resolveReshape([2, 3], [3, -1])).toEqual([3, 2]);
    expect(resolveReshape([0, 3], [3, 0])).toEqual([3, 0]);
  });
});
