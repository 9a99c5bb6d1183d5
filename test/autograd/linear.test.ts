import { describe, expect, it } from "vitest";
import {
  type Activation,
  add,
  affine,
  backward,
  dot,
  gelu,
  linear,
  matmul,
  outer,
  relu,
  sigmoid,
  silu,
  tanh,
} from "../../src/autograd/index.ts";
import { matmulInto } from "../../src/kernels/matmul/matmul.ts";
import { type Tensor, tensor, tidy, transposeView } from "../../src/tensor/index.ts";
import { asHardware, useGpu } from "../support/gpu.ts";
import { useSplit } from "../support/split.ts";
import { seeded } from "../support/values.ts";

const ACTIVATIONS: Record<Activation, (x: Tensor) => Tensor> = {
  relu,
  gelu: (x) => gelu(x),
  "gelu-tanh": (x) => gelu(x, { approximate: "tanh" }),
  silu,
  tanh,
  sigmoid,
};
const NAMES = Object.keys(ACTIVATIONS) as Activation[];

const draw = (shape: number[], seed: number): Tensor => {
  const random = seeded(seed);
  const length = shape.reduce((product, n) => product * n, 1);
  return tensor(
    Float32Array.from({ length }, () => 2 * random() - 1),
    shape,
  );
};

describe.each([
  { title: "the adapter's kernel", options: {}, make: undefined },
  { title: "SwiftShader's kernel", options: { software: true }, make: undefined },
  { title: "the kernel for GPUs", options: {}, make: asHardware },
])("linear with $title", ({ options, make }) => {
  const gpu = useGpu(options, make);

  it.each(NAMES)("%s has the bits of the activation by itself, and its gradients", async (activation) => {
    const before = gpu().statistics.liveBuffers;
    const parts = tidy(() => {
      const [x, weight, bias] = [draw([2, 9, 17], 1), draw([5, 17], 2), draw([5], 3)];
      const start = gpu().statistics.dispatches;
      const fused = linear(x, weight, bias, { layout: "out-in", activation });
      expect(gpu().statistics.dispatches - start).toBe(1);
      for (const leaf of [x, weight, bias]) leaf.requiresGrad = true;
      const trained = linear(x, weight, bias, { layout: "out-in", activation });
      expect(gpu().statistics.dispatches - start).toBe(2);
      const apart = ACTIVATIONS[activation](linear(x, weight, bias, "out-in"));
      const gradient = draw([2, 9, 5], 4);
      const gradients = [trained, apart].map((y) => {
        const all = backward(y, { gradient });
        return [x, weight, bias].map((leaf) => all.get(leaf) as Tensor);
      });
      return { values: [fused, trained, apart], gradients };
    });
    const read = (tensors: Tensor[]) => Promise.all(tensors.map((x) => x.data()));
    const [fused, trained, apart] = await read(parts.values);
    expect(fused).toEqual(apart);
    expect(trained).toEqual(apart);
    expect(await read(parts.gradients[0])).toEqual(await read(parts.gradients[1]));
    for (const x of [...parts.values, ...parts.gradients.flat()]) x.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });
});

describe("a residual", () => {
  const gpu = useGpu();

  it.each([undefined, "relu", "gelu"] as const)(
    "is added in place, with the bits of an addition, after %s",
    async (activation) => {
      const before = gpu().statistics.liveBuffers;
      const parts = tidy(() => {
        const leaves = [draw([2, 9, 17], 1), draw([17, 6], 2), draw([6], 3), draw([2, 9, 6], 5)];
        const [x, weight, bias, residual] = leaves;
        for (const leaf of leaves) leaf.requiresGrad = true;
        const start = gpu().statistics.dispatches;
        const fused = linear(x, weight, bias, { residual, activation });
        expect(gpu().statistics.dispatches - start).toBe(activation ? 2 : 1);
        const apart = add(residual, linear(x, weight, bias, { activation }));
        const gradient = draw([2, 9, 6], 4);
        const gradients = [fused, apart].map((y) => {
          const all = backward(y, { gradient });
          return leaves.map((leaf) => all.get(leaf) as Tensor);
        });
        return { values: [fused, apart], gradients };
      });
      const read = (tensors: Tensor[]) => Promise.all(tensors.map((x) => x.data()));
      const [fused, apart] = await read(parts.values);
      expect(fused).toEqual(apart);
      expect(await read(parts.gradients[0])).toEqual(await read(parts.gradients[1]));
      for (const x of [...parts.values, ...parts.gradients.flat()]) x.dispose();
      expect(gpu().statistics.liveBuffers - before).toBe(0);
    },
  );

  it("of another shape is refused", () => {
    tidy(() => {
      const options = { residual: draw([6], 1) };
      expect(() => linear(draw([2, 4], 1), draw([4, 6], 2), undefined, options)).toThrow(
        "linear: expected a residual of shape [2, 6], got [6]",
      );
    });
  });
});

describe("gradients of several layers at one input", () => {
  const gpu = useGpu();

  it("are added where they lie, with the bits of a sum", async () => {
    const before = gpu().statistics.liveBuffers;
    const results = tidy(() => {
      const x = draw([3, 5, 9], 1);
      x.requiresGrad = true;
      const weights = [draw([9, 7], 2), draw([9, 7], 3)];
      const g = draw([3, 5, 7], 4);
      const start = gpu().statistics.dispatches;
      const trunk = affine(x, 1, 0); // no leaf: what arrives at it is nobody else's
      const ys = weights.map((weight) => linear(trunk, weight));
      const both = backward(add(ys[0], ys[1]), { gradient: g }).get(x)!;
      const dispatches = gpu().statistics.dispatches - start;
      const apart = weights.map((weight) => backward(linear(x, weight), { gradient: g }).get(x)!);
      return { dispatches, tensors: [both, add(apart[0], apart[1])] };
    });
    const [both, expected] = await Promise.all(results.tensors.map((t) => t.data()));
    expect(both).toEqual(expected);
    expect(results.dispatches).toBe(3 + 1 + 2 + 1); // forward; the sum's none, two products, that of affine
    for (const t of results.tensors) t.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });
});

describe("linear over the binding limit", () => {
  const { expectClose, expectSameBits } = useSplit();

  it("keeps the product in a buffer of its own where two do not fit into a binding", async () => {
    await expectSameBits((make) => {
      const [x, weight] = [make([900, 8]), make([8, 10], { seed: 2 })];
      x.requiresGrad = true;
      const y = linear(x, weight, undefined, { activation: "gelu" });
      const gradient = backward(y, { gradient: make([900, 10], { seed: 3 }) }).get(x)!;
      return [y, gradient];
    });
  });

  it("applies the activation once, when all of a product is there", async () => {
    await expectClose((make) => {
      const c = make([20, 120]);
      matmulInto("linear", make([20, 200]), make([200, 120], { seed: 2 }), c, {
        bias: make([120]),
        activation: "silu",
      });
      return [c];
    }, 1e-6); // split along k
    await expectSameBits((make) => {
      const c = make([700, 10]);
      matmulInto("linear", make([700, 40]), make([40, 10], { seed: 2 }), c, { activation: "gelu" });
      return [c];
    });
  });
});

describe("products of vectors", () => {
  const gpu = useGpu();

  it("are dot and outer, as torch has them", async () => {
    const results = tidy(() => {
      const [a, b] = [tensor([1, 2, 3]), tensor([4, 5, 6])];
      return [dot(a, b), outer(a, tensor([1, 10])), matmul(a, b, 0.5)];
    });
    expect(results.map(({ shape }) => shape)).toEqual([[], [3, 2], []]);
    expect(await Promise.all(results.map(async (x) => [...(await x.data())]))).toEqual([
      [32],
      [1, 10, 2, 20, 3, 30],
      [16],
    ]);
    for (const x of results) x.dispose();
  });

  it("of great length are summed in parts", async () => {
    const before = gpu().statistics.liveBuffers;
    const length = 100_003;
    const { y, gradients, leaves } = tidy(() => {
      const leaves = [tensor(new Float32Array(length).fill(0.5)), tensor(new Float32Array(length).fill(0.25))];
      for (const leaf of leaves) leaf.requiresGrad = true;
      const y = dot(leaves[0], leaves[1]);
      return { y, leaves, gradients: backward(y) };
    });
    expect(await y.item()).toBe(length / 8); // every partial sum is exact
    expect((await gradients.get(leaves[0])!.data()).every((value) => value === 0.25)).toBe(true);
    for (const x of [y, gradients, ...leaves]) x.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(0);
  });

  it("are refused by name where shapes or types do not fit", () => {
    tidy(() => {
      const [a, b, m] = [tensor([1, 2, 3]), tensor([1, 2]), draw([2, 3], 1)];
      const whole = tensor([1, 2, 3], [3], { dtype: "i32" });
      expect(() => matmul(a, b)).toThrow("matmul: inner lengths of [3] and [2] differ (3 and 2)");
      expect(() => matmul(m, b)).toThrow("matmul: inner lengths of [2, 3] and [2] differ (3 and 2)");
      expect(() => matmul(whole, whole)).toThrow("matmul: expected a float type, got i32[3]; use cast");
      expect(() => matmul(tensor(1), a)).toThrow("got a scalar");
      expect(() => dot(m, a)).toThrow("dot: expected two vectors, got [2, 3]");
      expect(() => outer(a, m)).toThrow("outer: expected two vectors, got [2, 3]");
      expect(() => linear(a, m, undefined, { activation: "elu" as "relu" })).toThrow(
        "linear: expected an activation of relu, gelu, gelu-tanh, silu, tanh, sigmoid, got elu",
      );
      expect(() => linear(a, transposeView(m), b)).not.toThrow();
    });
  });
});
