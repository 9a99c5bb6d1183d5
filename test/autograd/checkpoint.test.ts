import { describe, expect, it } from "vitest";
import {
  backward,
  batchNorm,
  checkpoint,
  dropout,
  grad,
  isRecomputing,
  linear,
  mul,
  noGrad,
  normal,
  ones,
  square,
  sum,
  tanh,
  zeros,
} from "../../src/autograd/index.ts";
import { type Tensor, tidy } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

type Run = (fn: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]) => Tensor;
const plainly: Run = (fn, inputs) => fn(...inputs);

/** A chain of layers, each run by `run`; its loss, gradients and the bytes alive before the backward pass. */
async function train(run: Run, layers = 6): Promise<{ loss: number; gradients: number[][]; bytes: number }> {
  const before = gpu().statistics;
  const weights = Array.from({ length: layers }, (_, i) => normal([32, 32], { seed: i, deviation: 0.2 }));
  const x = normal([64, 32], { seed: 99 });
  for (const leaf of [...weights, x]) leaf.requiresGrad = true;
  let bytes = 0;
  const [loss, gradients] = tidy(() => {
    let y = x;
    weights.forEach((weight, i) => {
      // The weight is not among the inputs: it is found.
      y = run((h) => tidy(() => dropout(tanh(linear(tanh(linear(h, weight)), weight)), 0.1, i)), [y]);
    });
    const loss = sum(square(y));
    bytes = gpu().statistics.liveBytes - before.liveBytes;
    return [loss, backward(loss)];
  });
  const value = await loss.item();
  const all = await Promise.all([...weights, x].map(async (leaf) => [...(await gradients.get(leaf)!.data())]));
  for (const tensor of [loss, gradients, x, ...weights]) tensor.dispose();
  expect(gpu().statistics.liveBuffers).toBe(before.liveBuffers);
  return { loss: value, gradients: all, bytes };
}

describe("checkpoint", () => {
  it("gives the bits of the plain run, for less memory", async () => {
    const plain = await train(plainly);
    const saving = await train(checkpoint);
    expect(saving.loss).toBe(plain.loss);
    expect(saving.gradients).toEqual(plain.gradients);
    expect(saving.bytes).toBeLessThan(0.6 * plain.bytes);
    const nested = await train((fn, inputs) => checkpoint((...h) => checkpoint(fn, h), inputs));
    expect(nested.gradients).toEqual(plain.gradients);
  });

  it("takes several inputs, with and without gradients, and reaches what came before it", async () => {
    const [a, b] = [normal([5], { seed: 1 }), normal([5], { seed: 2 })];
    a.requiresGrad = true;
    const gradientOf = async (run: Run): Promise<number[]> => {
      const [, gradients] = tidy(() => {
        const early = square(a);
        const y = run((p, q, r) => mul(mul(p, q), tanh(r)), [early, b, a]);
        const loss = sum(mul(y, early));
        return [loss, backward(loss)];
      });
      expect(gradients.size).toBe(1);
      const values = [...(await gradients.get(a)!.data())];
      gradients.dispose();
      return values;
    };
    expect(await gradientOf(checkpoint)).toEqual(await gradientOf(plainly));
    a.dispose();
    b.dispose();
  });

  it("can be differentiated twice", async () => {
    const x = normal([4], { seed: 3 });
    const second = (run: Run): Promise<number[]> => {
      const result = tidy(() => {
        const first = (v: Tensor): Tensor =>
          grad((u) => sum(run((h) => mul(square(h), h), [u])), [v], { createGraph: true })[0]!;
        return grad((v) => sum(first(v)), [x])[0]!;
      });
      return result.data().then((values) => {
        result.dispose();
        return [...values];
      });
    };
    const [actual, expected] = [await second(checkpoint), await second(plainly)];
    expect(actual).toEqual(expected.map((value) => expect.closeTo(value, 5)));
    x.dispose();
  });

  it("records nothing where no gradient is wanted, and frees a graph that is never run", () => {
    const before = gpu().statistics.liveBuffers;
    const x = normal([3], { seed: 4 });
    const y = checkpoint((h) => square(h), [x]);
    expect(y.node).toBeNull();
    x.requiresGrad = true;
    const silent = noGrad(() => checkpoint((h) => square(h), [x]));
    expect(silent.node).toBeNull();
    const recorded = checkpoint((h) => square(h), [x]);
    expect(recorded.node!.op).toBe("checkpoint");
    for (const tensor of [y, silent, recorded, x]) tensor.dispose();
    expect(gpu().statistics.liveBuffers).toBe(before);
  });

  it("moves running statistics once", async () => {
    const x = normal([6, 3], { seed: 8 });
    x.requiresGrad = true;
    const statisticsOf = async (run: Run): Promise<number[]> => {
      const [runningMean, runningVariance] = [zeros([3]), ones([3])];
      tidy(() =>
        backward(sum(square(run((h) => batchNorm(h, { runningMean, runningVariance, training: true }), [x])))),
      );
      const values = [...(await runningMean.data()), ...(await runningVariance.data())];
      runningMean.dispose();
      runningVariance.dispose();
      return values;
    };
    expect(await statisticsOf(checkpoint)).toEqual(await statisticsOf(plainly));
    x.dispose();
  });

  it("tells the function when it runs again, and notices another graph", () => {
    const x = normal([3], { seed: 5 });
    x.requiresGrad = true;
    const runs: boolean[] = [];
    tidy(() =>
      backward(
        sum(
          checkpoint(
            (h) => {
              runs.push(isRecomputing());
              return square(h);
            },
            [x],
          ),
        ),
      ),
    );
    expect(runs).toEqual([false, true]);
    const other = normal([3], { seed: 6 });
    other.requiresGrad = true;
    expect(() => tidy(() => backward(sum(checkpoint((h) => square(isRecomputing() ? other : h), [x]))))).toThrow(
      "checkpoint: the function gave another graph when it was run again",
    );
    x.dispose();
    other.dispose();
  });
});
