import { afterEach, describe, expect, it } from "vitest";
import { add, backward, capture, type Gradients, mul, sum } from "../../src/autograd/index.ts";
import { restoreSnapshot } from "../../src/finetune/checkpoint.ts";
import { type HostArray, type Tensor, tensor, tidy, zeros } from "../../src/index.ts";
import { GPT2, parseGPT2Config } from "../../src/models/index.ts";
import { AdamW, type Optimizer, type ParameterGroup, SGD } from "../../src/nn/index.ts";
import { useGpu, withLimits } from "../support/gpu.ts";
import { adamwOfOne, sgdOfOne } from "../support/optimizer-of-one.ts";
import { differences } from "../support/split.ts";
import { seeded } from "../support/values.ts";

function draw(shape: number[], seed: number): Tensor {
  const random = seeded(seed);
  const length = shape.reduce((product, n) => product * n, 1);
  return tensor(
    Float32Array.from({ length }, () => 2 * random() - 1),
    shape,
  );
}

/** Odd sizes, a scalar, one of several units and ones of many rates. */
const SHAPES: Record<string, number[]> = {
  a: [7, 5],
  b: [],
  c: [9001],
  d: [64],
  e: [41, 53],
  f: [1],
  g: [2100],
  h: [2100],
  i: [2110],
};

describe.each([
  { title: "one buffer", make: undefined },
  {
    title: "several, and a parameter over the binding limit",
    make: withLimits({ maxStorageBufferBindingSize: 36_000 }),
  },
])("optimizers of parameters in $title", ({ make }) => {
  const gpu = useGpu({}, make);
  const owned: { dispose(): void }[] = [];
  const own = <T extends { dispose(): void }>(held: T): T => {
    owned.push(held);
    return held;
  };
  afterEach(() => {
    for (const held of owned.splice(0)) held.dispose();
    expect(gpu().statistics.liveBuffers).toBe(0);
  });

  const makeParameters = (): Map<string, Tensor> =>
    new Map(
      Object.entries(SHAPES).map(([name, shape], i) => [
        name,
        own(Object.assign(draw(shape, i + 1), { requiresGrad: true })),
      ]),
    );
  const groupsOf = (all: ReadonlyMap<string, Tensor>): ParameterGroup[] =>
    ["ac", "bdf", "eghi"].map((names, i) => ({
      name: names,
      parameters: new Map([...names].map((name) => [name, all.get(name)!])),
      learningRate: 0.1 / (i + 1),
      weightDecay: i * 0.05,
    }));
  /** Gradients that differ from step to step: 2 p c for made-up c. */
  const gradientsOf = (all: ReadonlyMap<string, Tensor>, step: number, but = ""): Gradients =>
    tidy(() => {
      const terms = [...all].flatMap(([name, p], i) =>
        but.includes(name) ? [] : [sum(mul(mul(p, p), draw([...p.shape], 100 * step + i)))],
      );
      return backward(terms.reduce(add));
    });
  const valuesOf = (all: ReadonlyMap<string, Tensor>): Promise<HostArray[]> =>
    Promise.all([...all.values()].map((p) => p.data()));
  const expectSameBits = (actual: readonly HostArray[], expected: readonly HostArray[]): void =>
    expect(actual.map((values, i) => differences(values, expected[i]))).toEqual(actual.map(() => 0));

  const KINDS = {
    AdamW: { make: (groups: ParameterGroup[]): Optimizer => new AdamW(groups), ofOne: adamwOfOne, states: 2 },
    SGD: {
      make: (groups: ParameterGroup[]): Optimizer => new SGD(groups, { momentum: 0.9 }),
      ofOne: sgdOfOne,
      states: 1,
    },
  };

  it.each(Object.entries(KINDS))("%s gives the bits of a kernel run for each parameter", async (_, kind) => {
    const [packed, apart] = [makeParameters(), makeParameters()];
    const optimizer = own(kind.make(groupsOf(packed)));
    const steps = new Map<string, number>();
    const states = new Map(
      [...apart].map(([name, p]) => [name, Array.from({ length: kind.states }, () => own(zeros(p.shape)))]),
    );
    const one = own(tensor([1]));
    // Once without some gradients, once without others: steps then count apart.
    for (const but of ["", "b", "dg", "", ""]) {
      const step = steps.size === 0 ? 1 : Math.max(...steps.values()) + 1;
      optimizer.step(gradientsOf(packed, step, but));
      const gradients = gradientsOf(apart, step, but);
      for (const { parameters, learningRate, weightDecay } of groupsOf(apart)) {
        for (const [name, p] of parameters) {
          if (but.includes(name)) continue;
          steps.set(name, (steps.get(name) ?? 0) + 1);
          const rates = { rate: learningRate, decay: weightDecay, step: steps.get(name)! };
          if (p.size * 4 < gpu().limits.maxStorageBufferBindingSize) {
            kind.ofOne(p, gradients.get(p)!, states.get(name)!, one, rates);
          }
        }
      }
      gradients.dispose();
    }
    const [got, expected] = [await valuesOf(packed), await valuesOf(apart)];
    const isWhole = [...apart.values()].map((p) => p.size * 4 < gpu().limits.maxStorageBufferBindingSize);
    expectSameBits(
      got.filter((_values, i) => isWhole[i]),
      expected.filter((_values, i) => isWhole[i]),
    );
    expect(Object.fromEntries(optimizer.getState().steps)).toEqual(Object.fromEntries(steps));
  });

  it("clips by the global norm, and leaves a step out when it is no finite number", async () => {
    const all = makeParameters();
    const optimizer = own(new AdamW(groupsOf(all)));
    const gradients = gradientsOf(all, 1);
    const before = await Promise.all([...all.values()].map((p) => gradients.get(p)!.data()));
    const clipped = own(optimizer.step(gradients, { clip: 0.5, factor: 0 })!);
    const squares = before.flatMap((values) => [...values]).reduce((total, g) => total + g * g, 0);
    expect(Math.abs((await clipped.item()) / Math.sqrt(squares) - 1)).toBeLessThan(1e-6);

    const [values, moments] = [await valuesOf(all), await valuesOf(optimizer.getState().tensors)];
    const broken = gradientsOf(all, 2);
    const infinite = own(tensor(Number.POSITIVE_INFINITY));
    broken.accumulate(tidy(() => backward(mul(all.get("b")!, infinite))));
    const norm = own(optimizer.step(broken, { clip: 1, skipNonFinite: true })!);
    expect(await norm.item()).toBe(Number.POSITIVE_INFINITY);
    expectSameBits(await valuesOf(all), values);
    expectSameBits(await valuesOf(optimizer.getState().tensors), moments);
  });

  it("updates its parameters where another optimizer has moved them", async () => {
    const [all, others] = [makeParameters(), makeParameters()];
    const first = own(new SGD(groupsOf(all)));
    const alone = own(new SGD(groupsOf(others)));
    first.step(gradientsOf(all, 1));
    alone.step(gradientsOf(others, 1));
    const backwards = new Map([...all].reverse());
    const second = own(new SGD([{ name: "all", parameters: backwards, learningRate: 0, weightDecay: 0 }]));
    first.step(gradientsOf(all, 2));
    second.step(gradientsOf(all, 3));
    first.step(gradientsOf(all, 3));
    for (const step of [2, 3]) alone.step(gradientsOf(others, step));
    expectSameBits(await valuesOf(all), await valuesOf(others));
  });

  it("has steps captured anew that would go on with parameters where they were", async () => {
    const all = makeParameters();
    own(new SGD(groupsOf(all)));
    const captured = own(capture(gpu(), (x: Tensor) => mul(all.get("e")!, x)));
    const x = own(tensor(2));
    captured(x).dispose();
    // The others of its buffer stay.
    const some = new Map(["a", "e"].map((name) => [name, all.get(name)!]));
    const other = own(new SGD([{ name: "some", parameters: some, learningRate: 1, weightDecay: 0 }]));
    other.step(gradientsOf(all, 1));
    const doubled = own(captured(x));
    const values = (await all.get("e")!.data()) as Float32Array;
    expectSameBits([await doubled.data()], [values.map((value) => 2 * value)]);
  });

  it("goes on from a state by name, beside weights put back", async () => {
    const all = makeParameters();
    const optimizer = own(new AdamW(groupsOf(all)));
    for (const step of [1, 2]) optimizer.step(gradientsOf(all, step), { clip: 1 })?.dispose();
    const module = { namedTensors: () => all } as never;
    const snapshot = await takeSnapshotOf(all);
    const { steps, tensors } = optimizer.getState();
    const kept = new Map<string, Float32Array>();
    for (const [name, x] of tensors) kept.set(name, (await x.data()) as Float32Array);
    const taken = new Map(steps);
    optimizer.step(gradientsOf(all, 3), { clip: 1 })?.dispose();
    const expected = await valuesOf(all);

    restoreSnapshot(module, snapshot);
    const shapes = new Map([...tensors].map(([name, x]) => [name, x.shape]));
    const other = own(new AdamW(groupsOf(all)));
    other.setState({
      steps: taken,
      tensors: new Map([...kept].map(([name, values]) => [name, tensor(values, shapes.get(name)!)])),
    });
    expect([...other.getState().tensors.keys()].sort()).toEqual([...kept.keys()].sort());
    other.step(gradientsOf(all, 3), { clip: 1 })?.dispose();
    expectSameBits(await valuesOf(all), expected);
  });
});

async function takeSnapshotOf(all: ReadonlyMap<string, Tensor>): Promise<Map<string, Float32Array>> {
  const snapshot = new Map<string, Float32Array>();
  for (const [name, x] of all) snapshot.set(name, (await x.data()) as Float32Array);
  return snapshot;
}

describe("an optimizer of a language model", () => {
  const gpu = useGpu();
  const config = parseGPT2Config({
    ...{ model_type: "gpt2", n_embd: 32, n_layer: 4, n_head: 2, n_positions: 16, vocab_size: 300 },
    ...{ resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0, eos_token_id: 0 },
  });

  it("steps the whole model in at most ten dispatches, norm and clipping among them, and makes nothing new", async () => {
    const model = GPT2.random(gpu(), config, 1);
    for (const parameter of model.parameters()) parameter.requiresGrad = true;
    const named = [...model.namedParameters()];
    const group = (name: string, weightDecay: number, isOf: (rank: number) => boolean): ParameterGroup => ({
      ...{ name, weightDecay, learningRate: 1e-3 },
      parameters: new Map(named.filter(([, p]) => isOf(p.rank))),
    });
    const groups = [group("matrices", 0.01, (rank) => rank > 1), group("vectors", 0, (rank) => rank < 2)];
    const optimizer = new AdamW(groups);
    const ids = Int32Array.from({ length: 32 }, (_, i) => (i * 7) % 300);
    const counts: number[] = [];
    const losses: number[] = [];
    let made = 0;
    for (let step = 0; step < 5; step++) {
      const { buffersCreated } = gpu().statistics;
      const inputs = model.prepare({ inputIds: ids, batch: 2, length: 16 });
      const { loss, gradients } = tidy(() => {
        const loss = model.loss(model.features(inputs), tensor(ids), "mean");
        return { loss, gradients: backward(loss) };
      });
      const { dispatches } = gpu().statistics;
      const norm = optimizer.step(gradients, { clip: 1 });
      counts.push(gpu().statistics.dispatches - dispatches);
      losses.push(await loss.item());
      for (const held of [loss, norm]) held?.dispose();
      model.release(inputs);
      made = gpu().statistics.buffersCreated - buffersCreated;
    }
    expect(Math.max(...counts.slice(1))).toBeLessThanOrEqual(10);
    expect(losses[4]).toBeLessThan(losses[0]);
    expect(made).toBe(0);
    model.dispose();
    optimizer.dispose();
    expect(gpu().statistics.liveBuffers).toBe(0);
  });
});
