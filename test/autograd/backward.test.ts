import { beforeEach, describe, expect, it } from "vitest";
import {
  add,
  backward,
  crossEntropy,
  exp,
  gelu,
  grad,
  layerNorm,
  linear,
  matmul,
  mul,
  noGrad,
  normal,
  square,
  sub,
  sum,
  tanh,
  transpose,
} from "../../src/autograd/index.ts";
import { contiguous } from "../../src/kernels/copy.ts";
import { full } from "../../src/kernels/create.ts";
import { adamwStep } from "../../src/kernels/optimizer/steps.ts";
import { singleRun } from "../../src/kernels/optimizer/units.ts";
import { type HostArray, type NestedNumbers, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { garbageCollector } from "../support/collect-garbage.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

let before: number;
const leaves: Tensor[] = [];
beforeEach(() => {
  for (const x of leaves.splice(0)) x.dispose();
  before = gpu().statistics.liveBuffers;
});

/** A leaf that wants a gradient. */
function leaf(values: NestedNumbers, requiresGrad = true): Tensor {
  const x = tensor(values);
  x.requiresGrad = requiresGrad;
  leaves.push(x);
  return x;
}

/** Nothing but the leaves is alive. */
function expectNoLeak(): void {
  expect(gpu().statistics.liveBuffers - before).toBe(leaves.length);
}

/** The gradients of a scalar made in a tidy block, by leaf. */
async function gradientsOf(make: () => Tensor, ...of: Tensor[]): Promise<(number[] | undefined)[]> {
  const gradients = tidy(() => backward(make()));
  const values = await Promise.all(of.map((x) => gradients.get(x)?.data()));
  gradients.dispose();
  expectNoLeak();
  return values.map((value) => value && [...value]);
}

describe("backward", () => {
  it("sums over all ways to a leaf: shared inputs and diamonds", async () => {
    const x = leaf([1, 2, 3]);
    expect(await gradientsOf(() => sum(add(x, x)), x)).toEqual([[2, 2, 2]]);
    expect(await gradientsOf(() => sum(mul(x, x)), x)).toEqual([[2, 4, 6]]);
    expect(await gradientsOf(() => sum(sub(x, x)), x)).toEqual([[0, 0, 0]]);
    // y = x², z = y · y + 3 y: dz/dx = 4 x³ + 6 x
    const diamond = () => {
      const y = square(x);
      return sum(add(mul(y, y), mul(y, 3)));
    };
    expect(await gradientsOf(diamond, x)).toEqual([[10, 44, 126]]);
    // The leaf on two levels: x (x + x²) = x² + x³
    expect(await gradientsOf(() => sum(mul(x, add(x, mul(x, x)))), x)).toEqual([[5, 16, 33]]);
  });

  it("sums gradients over the axes an operand was broadcast along", async () => {
    const [matrix, row, scalar] = [
      leaf([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      leaf([1, 10, 100]),
      leaf(2),
    ];
    expect(await gradientsOf(() => sum(mul(mul(matrix, row), scalar)), matrix, row, scalar)).toEqual([
      [2, 20, 200, 2, 20, 200],
      [10, 14, 18],
      [975],
    ]);
  });

  it("gives no gradient to leaves the root does not depend on, and 1 to a leaf that is the root", async () => {
    const [x, y] = [leaf([1, 2]), leaf(3)];
    expect(await gradientsOf(() => sum(x), x, y)).toEqual([[1, 1], undefined]);
    const gradients = backward(y);
    expect(await gradients.get(y)!.item()).toBe(1);
    gradients.dispose();
  });

  it("takes the cotangent of a root that is no scalar, and demands it", async () => {
    const x = leaf([1, 2, 3]);
    const y = square(x);
    expect(() => backward(y)).toThrow("backward: a root of shape [3] is no scalar and needs options.gradient");
    using wrong = tensor([1, 2]);
    expect(() => backward(y, { gradient: wrong })).toThrow("backward: gradient [2] does not fit root [3]");
    using cotangent = tensor([1, 10, 100]);
    using gradients = backward(y, { gradient: cotangent });
    expect([...(await gradients.get(x)!.data())]).toEqual([2, 40, 600]);
    expect([...(await cotangent.data())]).toEqual([1, 10, 100]);
    y.dispose();
  });

  it("frees the graph as it goes: a second use is an error unless it is kept", async () => {
    const x = leaf([1, 2]);
    const y = tidy(() => sum(exp(x)));
    const live = gpu().statistics.liveBuffers;
    backward(y).dispose();
    expect(gpu().statistics.liveBuffers).toBe(live - 1); // the saved output of exp
    expect(() => backward(y)).toThrow(
      "backward: the graph through sum was already used; pass { retainGraph: true } the first time",
    );
    y.dispose();
    expectNoLeak();

    const z = tidy(() => sum(mul(x, x)));
    for (const retainGraph of [true, true, false]) {
      const gradients = backward(z, { retainGraph });
      expect([...(await gradients.get(x)!.data())]).toEqual([2, 4]);
      gradients.dispose();
    }
    expect(() => backward(z)).toThrow("was already used");
    z.dispose();
    expectNoLeak();
  });

  it("says when nothing wants a gradient", () => {
    const x = leaf([1, 2], false);
    tidy(() => {
      expect(() => backward(sum(x))).toThrow("backward: no input of this tensor requires a gradient");
    });
    expectNoLeak();
  });

  it("frees a graph that is never run backward", () => {
    const x = leaf([1, 2]);
    tidy(() => {
      let y = x;
      for (let i = 0; i < 20; i++) y = tanh(mul(y, y));
    });
    expectNoLeak();
    // Also when intermediate results go before the last one, by hand.
    const a = exp(x);
    const b = mul(a, a);
    a.dispose();
    expect(gpu().statistics.liveBuffers - before).toBe(leaves.length + 2); // b, and a as b's graph needs it
    b.dispose();
    expectNoLeak();
  });

  it("runs, and frees, graphs deeper than the call stack", async () => {
    const [x, one] = [leaf(1), leaf(1, false)];
    const chain = () => {
      let y = x;
      for (let i = 0; i < 12_000; i++) {
        const next = mul(y, one); // saves y with its history
        if (y !== x) y.dispose();
        y = next;
      }
      return y;
    };
    tidy(chain).dispose();
    expectNoLeak();
    expect(await gradientsOf(chain, x)).toEqual([[1]]);
  });

  it("gives the same bits over ten runs", async () => {
    const weights = tidy(() => [
      normal([33, 65], { seed: 1 }),
      normal([65, 7], { seed: 2 }),
      normal([65], { seed: 3 }),
    ]);
    for (const x of weights) {
      x.requiresGrad = true;
      leaves.push(x);
    }
    const x = normal([50, 33], { seed: 4 });
    const labels = tensor(Int32Array.from({ length: 50 }, (_, i) => i % 7));
    leaves.push(x, labels);
    const run = async (): Promise<(HostArray | undefined)[]> => {
      const gradients = tidy(() =>
        backward(crossEntropy(matmul(gelu(linear(x, weights[0], weights[2])), weights[1]), labels)),
      );
      const values = await Promise.all(weights.map((weight) => gradients.get(weight)?.data()));
      gradients.dispose();
      return values;
    };
    const first = await run();
    expect(first.every((values) => values?.some((value) => value !== 0))).toBe(true);
    for (let i = 0; i < 9; i++) expect(await run()).toEqual(first);
    expectNoLeak();
  });
});

describe("freezing", () => {
  it("records nothing under noGrad, nor for frozen inputs", () => {
    const [x, frozen] = [leaf([1, 2]), leaf([3, 4], false)];
    tidy(() => {
      expect(noGrad(() => mul(x, x)).node).toBeNull();
      expect(mul(frozen, frozen).node).toBeNull();
      expect(mul(x, frozen).node).not.toBeNull();
      expect(() =>
        noGrad(() => {
          throw new Error("on purpose");
        }),
      ).toThrow("on purpose");
      expect(mul(x, x).node, "recording goes on after an error").not.toBeNull();
    });
    expectNoLeak();
  });

  it("keeps no activations and computes no gradient for what is frozen", () => {
    const count = (frozen: boolean) => {
      const x = leaf(
        [
          [1, 2],
          [3, 4],
        ],
        false,
      );
      const [first, second] = [
        leaf(
          [
            [1, 2],
            [3, 4],
          ],
          !frozen,
        ),
        leaf([
          [5, 6],
          [7, 8],
        ]),
      ];
      const { dispatches, liveBuffers } = gpu().statistics;
      const hidden = tidy(() => tanh(matmul(x, first)));
      const kept = gpu().statistics.liveBuffers - liveBuffers;
      const loss = tidy(() => sum(matmul(hidden, second)));
      const forward = gpu().statistics.dispatches - dispatches;
      const gradients = backward(loss);
      const result = {
        kept,
        forward,
        backward: gpu().statistics.dispatches - dispatches - forward,
        size: gradients.size,
      };
      for (const t of [hidden, loss, gradients]) t.dispose();
      return result;
    };
    // Frozen: the cotangent of the sum, expanded, times hiddenᵀ; no gradient of tanh, nor of the first product.
    const trained = count(false);
    const frozen = count(true);
    expect(frozen).toMatchObject({ kept: 1, forward: trained.forward, size: 1 });
    expect(trained.size).toBe(2);
    // Trained: the gradient of the hidden layer, that of tanh, and that of the first weight.
    expect(trained.backward - frozen.backward).toBe(3);
    expectNoLeak();
  });

  it("holds for a leaf that was frozen after it was used", async () => {
    const [x, y] = [leaf([1, 2]), leaf([3, 4])];
    expect(await gradientsOf(() => sum(mul(x, y)), x)).toEqual([[3, 4]]);
    x.requiresGrad = false;
    expect(await gradientsOf(() => sum(mul(x, y)), x, y)).toEqual([undefined, [1, 2]]);
    x.requiresGrad = true;
    expect(await gradientsOf(() => sum(mul(x, y)), x, y)).toEqual([
      [3, 4],
      [1, 2],
    ]);
  });
});

describe("gradients", () => {
  it("accumulate over micro-batches", async () => {
    const [x, y] = [leaf([1, 2]), leaf([10, 20])];
    const total = tidy(() => backward(sum(mul(x, x))));
    total.accumulate(tidy(() => backward(sum(mul(x, y)))));
    expect(total.size).toBe(2);
    expect([...(await total.get(x)!.data())]).toEqual([12, 24]);
    expect([...(await total.get(y)!.data())]).toEqual([1, 2]);
    expect([...total.entries()].map(([of]) => of)).toEqual([x, y]);
    total.dispose();
    expect(total.size).toBe(0);
    expectNoLeak();
  });
});

describe("grad", () => {
  it("differentiates again and again: derivatives of x⁴", async () => {
    const x = leaf([1, 2, -3], false);
    const power = (t: Tensor) => sum(mul(square(t), square(t)));
    const derivative = (fn: (t: Tensor) => Tensor) => (t: Tensor) => sum(grad(fn, [t], { createGraph: true })[0]!);
    const first = derivative(power);
    const second = derivative(first);
    const expected: [(t: Tensor) => Tensor, (v: number) => number][] = [
      [power, (v) => 4 * v ** 3],
      [first, (v) => 12 * v ** 2],
      [second, (v) => 24 * v],
      [derivative(second), () => 24],
    ];
    for (const [fn, value] of expected) {
      const [gradient] = grad(fn, [x]);
      expect([...(await gradient!.data())]).toEqual([1, 2, -3].map(value));
      gradient!.dispose();
      expectNoLeak();
    }
  });

  it("gives undefined for an input that does not matter, and leaves no flag behind", async () => {
    const [x, y] = [leaf([1, 2], false), leaf([3, 4], false)];
    const [dx, dy] = grad((a) => sum(square(a)), [x, y]);
    expect([...(await dx!.data())]).toEqual([2, 4]);
    expect(dy).toBeUndefined();
    expect([x.requiresGrad, x.node]).toEqual([false, null]);
    dx!.dispose();
    expectNoLeak();
  });

  it("mixes with backward: the gradient of a squared gradient norm", async () => {
    const x = leaf([1, 2, 3]);
    // |∇ Σ x³|² = Σ 9 x⁴, its gradient 36 x³
    const penalty = () => sum(square(grad((t) => sum(mul(t, square(t))), [x], { createGraph: true })[0]!));
    expect(await gradientsOf(penalty, x)).toEqual([[36, 288, 972]]);
  });
});

describe("training", () => {
  it("holds the same bytes after every step, and the garbage collector finds nothing", async () => {
    const shapes = { w1: [8, 32], b1: [32], g: [32], w2: [32, 3] };
    const parameters = Object.values(shapes).map((shape, i) => {
      const x = normal(shape, { seed: i, deviation: 0.3 });
      x.requiresGrad = true;
      return x;
    });
    const [w1, b1, g, w2] = parameters;
    const moments = parameters.map((x) => [full(x.shape, 0), full(x.shape, 0)]);
    const one = tensor([1, 0, 0]);
    const x = normal([64, 8], { seed: 9 });
    const labels = tensor(Int32Array.from({ length: 64 }, (_, i) => (i * 5) % 3));
    leaves.push(...parameters, ...moments.flat(), one, x, labels);

    const losses: number[] = [];
    const states: string[] = [];
    for (let step = 1; step <= 50; step++) {
      const loss = tidy(() => {
        const hidden = layerNorm(gelu(linear(x, w1, b1)), g, b1);
        const value = crossEntropy(matmul(hidden, transpose(transpose(w2))), labels);
        const gradients = backward(value);
        parameters.forEach((parameter, i) => {
          const run = singleRun(parameter, contiguous(gradients.get(parameter)!), moments[i]);
          const rates = { rate: () => 0.02, decay: 0, step: () => step };
          adamwStep(run, one, [rates], { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 });
        });
        return value;
      });
      losses.push(await loss.item());
      loss.dispose();
      const { liveBytes, liveBuffers, pooledBytes, buffersCreated } = gpu().statistics;
      states.push(JSON.stringify({ liveBytes, liveBuffers, pooledBytes, buffersCreated }));
    }
    expect(losses[49]).toBeLessThan(losses[0] / 2);
    expect(new Set(states.slice(1)).size, states.slice(0, 4).join("\n")).toBe(1);
    expectNoLeak();

    // Collect, so that forgotten tensors would be found and counted.
    const collect = await garbageCollector();
    for (let i = 0; i < 3; i++) {
      collect();
      await new Promise((done) => setTimeout(done, 10));
    }
    expect(gpu().statistics.rescuedTensors).toBe(0);
  });

  it("has its forgotten tensors freed by the garbage collector, and counted", async () => {
    const collect = await garbageCollector();
    const { rescuedTensors } = gpu().statistics;
    (() => tensor([1, 2, 3]))();
    for (let i = 0; i < 20 && gpu().statistics.rescuedTensors === rescuedTensors; i++) {
      collect();
      await new Promise((done) => setTimeout(done, 10));
    }
    expect(gpu().statistics.rescuedTensors).toBe(rescuedTensors + 1);
    expectNoLeak();
  });
});
