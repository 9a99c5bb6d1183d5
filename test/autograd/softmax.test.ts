import { describe, expect, it } from "vitest";
import { backward, logSoftmax, softmax } from "../../src/autograd/index.ts";
import { tensor, tidy } from "../../src/tensor/index.ts";
import { asHardware, useGpu } from "../support/gpu.ts";

const [INF, NAN] = [Number.POSITIVE_INFINITY, Number.NaN];

describe.each([
  { title: "the adapter's kernels", make: undefined },
  { title: "the kernels for GPUs", make: asHardware },
])("softmax with $title", ({ make }) => {
  const gpu = useGpu({}, make);

  it("lets NaN and infinities through as PyTorch does", async () => {
    const poisoned = [
      [1, 2, INF, 0],
      [-INF, -INF, -INF, -INF],
      [NAN, 1, 2, 3],
      [1, 2, 3, NAN],
      [-INF, NAN, -INF, INF],
    ];
    const x = tensor([...poisoned, [0, -INF, 0, -INF]]);
    for (const [fn, last] of [
      [softmax, [0.5, 0, 0.5, 0]],
      [logSoftmax, [Math.fround(-Math.LN2), -INF, Math.fround(-Math.LN2), -INF]],
    ] as const) {
      const y = fn(x);
      const values = [...(await y.data())];
      expect(values.slice(0, 20)).toEqual(new Array(20).fill(NAN));
      values.slice(20).forEach((value, i) => {
        if (Number.isFinite(last[i])) expect(value).toBeCloseTo(last[i], 6);
        else expect(value).toBe(last[i]);
      });
      y.dispose();
    }
    x.dispose();
  });

  it("takes scalars and tensors without elements", async () => {
    const before = gpu().statistics.liveBuffers;
    for (const shape of [[], [0, 5], [3, 0], [2, 0, 3]]) {
      const x = tensor(new Float32Array(shape.length === 0 ? 1 : 0), shape);
      x.requiresGrad = true;
      const [y, log, gradients] = tidy(() => {
        const result = softmax(x);
        const gradient = tensor(new Float32Array(x.size).fill(2), shape);
        return [result, logSoftmax(x), backward(result, { gradient })] as const;
      });
      expect([y.shape, log.shape, gradients.get(x)!.shape]).toEqual([shape, shape, shape]);
      expect([...(await y.data())]).toEqual(shape.length === 0 ? [1] : []);
      expect([...(await log.data()), ...(await gradients.get(x)!.data())]).toEqual(shape.length === 0 ? [0, 0] : []);
      for (const t of [x, y, log, gradients]) t.dispose();
    }
    expect(gpu().statistics.liveBuffers).toBe(before);
  });
});
