import { beforeEach, describe, expect, it } from "vitest";
import { backward, mul, sum } from "../../src/autograd/index.ts";
import { keep, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { garbageCollector } from "../support/collect-garbage.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();
const live = () => gpu().statistics.liveBuffers;
let before: number;
beforeEach(() => {
  before = live();
});

describe("tidy", () => {
  it("frees what was made and not returned", () => {
    const kept = tidy(() => {
      const x = tensor([1, 2]);
      return mul(mul(x, x), x);
    });
    expect(live() - before).toBe(1);
    kept.dispose();
    expect(live() - before).toBe(0);
  });

  it("finds returned tensors in arrays, maps, objects and gradients, at any depth", () => {
    const made: Tensor[] = [];
    const make = () => {
      const x = tensor([1]);
      made.push(x);
      return x;
    };
    const result = tidy(() => {
      make();
      const leaf = make();
      leaf.requiresGrad = true;
      return {
        list: [make(), [make()]],
        map: new Map([["a", { deep: make() }]]),
        gradients: backward(sum(mul(leaf, leaf))),
        leaf,
        other: [1, "text", null, undefined, new Date(0)],
      };
    });
    expect(made.map((x) => x.isDisposed)).toEqual([true, false, false, false, false]);
    expect(result.gradients.get(result.leaf)!.isDisposed).toBe(false);
    result.gradients.dispose();
    for (const x of made) x.dispose();
    expect(live() - before).toBe(0);
  });

  it("hands what an inner tidy returns to the outer one", () => {
    let inner: Tensor | undefined;
    tidy(() => {
      inner = tidy(() => tensor([1]));
      expect(inner.isDisposed).toBe(false);
    });
    expect(inner!.isDisposed).toBe(true);
  });

  it("frees what is left after others were disposed of in any order", () => {
    const kept = tidy(() => {
      const made = Array.from({ length: 9 }, (_, i) => tensor([i]));
      for (const place of [8, 3, 7, 0]) made[place].dispose();
      expect(live() - before).toBe(5);
      const late = tensor([9]);
      made[5].dispose();
      return [late, made[2]];
    });
    expect(live() - before).toBe(2);
    for (const x of kept) x.dispose();
    expect(live() - before).toBe(0);
  });

  it("frees everything when the function throws", () => {
    expect(() =>
      tidy(() => {
        tensor([1]);
        tidy(() => tensor([2]));
        throw new Error("on purpose");
      }),
    ).toThrow("on purpose");
    expect(live() - before).toBe(0);
    // The scope is closed: what is made now is nobody's.
    const x = tensor([1]);
    expect(x.isDisposed).toBe(false);
    x.dispose();
  });

  it("throws on a Promise, and frees what was made", () => {
    let x: Tensor | undefined;
    expect(() =>
      tidy(async () => {
        x = tensor([1]);
      }),
    ).toThrow("tidy: the function returned a Promise; tidy is synchronous, read data after it");
    expect(x!.isDisposed).toBe(true);
    expect(live() - before).toBe(0);
  });

  it("leaves what is kept, and what was there before", () => {
    const outside = tensor([1]);
    let kept: Tensor | undefined;
    tidy(() => {
      kept = keep(tensor([3]));
      mul(outside, kept);
    });
    expect([outside.isDisposed, kept!.isDisposed]).toEqual([false, false]);
    expect(live() - before).toBe(2);
    for (const x of [outside, kept!]) x.dispose();
  });

  it("accepts the return of a tensor that is already disposed", () => {
    const x = tidy(() => {
      const y = tensor([1]);
      y.dispose();
      return y;
    });
    expect(x.isDisposed).toBe(true);
    expect(live() - before).toBe(0);
  });
});

describe("what nobody disposes of", () => {
  it("is freed and counted by the net: made outside of a tidy, kept, and returned by the outermost one", async () => {
    // In functions of their own, so that nothing on the stack refers to what they made.
    const forget = (): void => {
      tensor([1]);
      tidy(() => void keep(tensor([2])));
      tidy(() => tidy(() => ({ deep: [tensor([3])] })));
      // These are disposed of: no business of the net.
      tensor([4]).dispose();
      tidy(() => void tensor([5]));
      const kept = tidy(() => keep(tensor([6])));
      kept.dispose();
    };
    const collectGarbage = await garbageCollector();
    const rescued = gpu().rescuedTensors;
    forget();
    const caught = (): number => {
      collectGarbage();
      return gpu().rescuedTensors - rescued;
    };
    await expect.poll(caught, { timeout: 20_000 }).toBe(3);
    expect(live() - before).toBe(0);
    gpu().rescuedTensors = rescued;
  });
});

describe("a tensor", () => {
  it("may be disposed twice, or by `using`", () => {
    const x = tensor([1]);
    x.dispose();
    x.dispose();
    {
      using y = tensor([2]);
      expect(y.isDisposed).toBe(false);
    }
    expect(live() - before).toBe(0);
  });

  it("throws when it is used after that", async () => {
    const x = tensor([1, 2]);
    x.dispose();
    const message = "a disposed tensor of shape [2] was used";
    expect(() => mul(x, x)).toThrow("mul: input 1 of 2, a tensor of shape [2], was disposed");
    await expect(x.data()).rejects.toThrow(message);
    expect(() => x.view([2], [1])).toThrow(message);
    expect(live() - before).toBe(0);
  });

  it("is given back to the pool and used again", () => {
    const x = tensor([1, 2, 3]);
    const { buffer } = x.storage;
    x.dispose();
    const y = tensor([4, 5]);
    expect(y.storage.buffer).toBe(buffer);
    y.dispose();
  });
});
