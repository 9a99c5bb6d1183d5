import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  backward,
  bernoulli,
  type CapturedStep,
  capture,
  categorical,
  checkpoint,
  crossEntropy,
  dropout,
  type Gradients,
  gelu,
  layerNorm,
  linear,
  mul,
  normal,
  permute,
  sum,
  uniform,
  zeros,
} from "../../src/autograd/index.ts";
import { CaptureError, Gpu, type GpuStatistics } from "../../src/gpu/index.ts";
import { GPT2, parseGPT2Config } from "../../src/models/index.ts";
import { AdamW, Module, parameter, SGD, TrainingPass } from "../../src/nn/index.ts";
import { keep, type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { openWith, withLimits } from "../support/gpu.ts";

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterEach(() => expect(gpu.statistics.rescuedTensors).toBe(0));
afterAll(() => gpu.close());

/** Two layers with dropout between them; the second half may be recomputed. */
class Network extends Module {
  readonly first = parameter(gpu, [12, 20]);
  readonly gain = parameter(gpu, [20]);
  readonly shift = parameter(gpu, [20]);
  readonly second = parameter(gpu, [20, 5]);

  constructor() {
    super();
    this.parameters().forEach((x, i) => {
      using values = uniform(x.shape, { seed: i, low: -0.5, high: 0.5, gpu });
      gpu.copyBuffer(values.storage.buffer, 0, x.storage.buffer, 0, 4 * x.size);
    });
  }

  loss(x: Tensor, labels: Tensor, pass: TrainingPass, recomputes: boolean): Tensor {
    const hidden = gelu(layerNorm(linear(x, this.first, undefined, "in-out"), this.gain, this.shift), {});
    const seed = pass.nextSeed();
    const rest = (h: Tensor): Tensor => linear(dropout(h, 0.3, seed), this.second, undefined, "in-out");
    return crossEntropy(recomputes ? checkpoint(rest, [hidden]) : rest(hidden), labels, {});
  }
}

interface Batch {
  x: number[][];
  labels: number[];
}

/** Batches of differing sizes: 6, 4, 6, 6, 4, … */
const batches = (count: number): Batch[] =>
  Array.from({ length: count }, (_, i) => {
    const rows = i % 3 === 1 ? 4 : 6;
    return {
      x: Array.from({ length: rows }, (_, r) => Array.from({ length: 12 }, (_, c) => Math.sin(i + 5 * r + c * c))),
      labels: Array.from({ length: rows }, (_, r) => (3 * i + r) % 5),
    };
  });

interface Settings {
  optimizer: "adamw" | "sgd";
  accumulate: number;
  clip?: number;
  recomputes: boolean;
}

/** Trains with or without capture and tells all that came of it. */
async function train(captured: boolean, { optimizer: kind, accumulate, clip, recomputes }: Settings, steps = 7) {
  const network = new Network();
  const groups = [{ name: "all", parameters: network.namedParameters(), learningRate: 0.05, weightDecay: 0.1 }];
  const optimizer = kind === "adamw" ? new AdamW(groups) : new SGD(groups, { momentum: 0.9 });
  let count = 0;
  type Inputs = { x: Tensor; labels: Tensor }[];
  const run = (inputs: Inputs) => {
    const losses: Tensor[] = [];
    let gradients: Gradients | undefined;
    for (const [micro, { x, labels }] of inputs.entries()) {
      const loss = network.loss(x, labels, new TrainingPass(() => 100 * count + micro), recomputes);
      const found = backward(loss);
      if (gradients) gradients.accumulate(found);
      else gradients = found;
      losses.push(loss);
    }
    const norm = optimizer.step(gradients!, { factor: () => 1 / (1 + count), clip });
    gpu.hostEffect(() => {
      count++;
    });
    return { losses, norm };
  };
  const step: (inputs: Inputs) => ReturnType<typeof run> = captured
    ? capture(gpu, run)
    : (inputs) => tidy(() => run(inputs));
  const values: number[][] = [];
  const counts: GpuStatistics[] = [gpu.statistics];
  const all = batches(steps * accumulate);
  for (let i = 0; i < steps; i++) {
    const inputs = all.slice(i * accumulate, (i + 1) * accumulate).map(({ x, labels }) => ({
      x: tensor(x, undefined, { gpu }),
      labels: tensor(Int32Array.from(labels), [labels.length], { gpu }),
    }));
    const { losses, norm } = step(inputs);
    for (const { x, labels } of inputs) for (const used of [x, labels]) used.dispose();
    values.push(await Promise.all([...losses, ...(norm ? [norm] : [])].map((value) => value.item())));
    for (const used of [...losses, norm]) used?.dispose();
    counts.push(gpu.statistics);
  }
  const named = [...network.namedParameters(), ...optimizer.getState().tensors];
  const weights = await Promise.all(named.map(async ([name, value]) => [name, [...(await value.data())]]));
  const stepsTaken = [...optimizer.getState().steps];
  if (captured) (step as CapturedStep<Inputs, unknown>).dispose();
  network.dispose();
  optimizer.dispose();
  return { values, weights, stepsTaken, count, counts };
}

/** A few steps of a GPT-2 with dropout. */
async function trainGPT2(handle: Gpu, captured: boolean) {
  const config = { vocab_size: 300, n_positions: 16, n_embd: 32, n_layer: 4, n_head: 4, resid_pdrop: 0.1 };
  handle.trim();
  const model = GPT2.random(handle, parseGPT2Config(config, "test"), 1);
  const parameters = model.namedParameters();
  const optimizer = new AdamW([{ name: "all", parameters, learningRate: 1e-3, weightDecay: 0.01 }]);
  let count = 0;
  const body = ({ ids, positions, labels }: Record<"ids" | "positions" | "labels", Tensor>): Tensor => {
    const pass = new TrainingPass(() => count);
    const inputs = { batch: 3, length: 16, ids, positions, lastTokens: labels };
    const loss = model.loss(model.features(inputs, { pass }), labels, "mean");
    optimizer.step(backward(loss), { clip: 1 })?.dispose();
    handle.hostEffect(() => {
      count++;
    });
    return loss;
  };
  const replayed = capture(handle, body);
  const step: typeof body = captured ? replayed : (inputs) => tidy(() => body(inputs));
  handle.resetPeak();
  const losses: number[] = [];
  const counts: GpuStatistics[] = [];
  for (let i = 0; i < 5; i++) {
    const make = (shape: number[], value: (j: number) => number): Tensor =>
      tensor(
        Int32Array.from({ length: 48 }, (_, j) => value(j)),
        shape,
        { gpu: handle },
      );
    const ids = make([3, 16], (j) => (j * j + i) % 300);
    const positions = make([3, 16], (j) => j % 16);
    const labels = make([48], (j) => (j + i) % 300);
    using loss = step({ ids, positions, labels });
    losses.push(await loss.item());
    for (const used of [ids, positions, labels]) used.dispose();
    counts.push(handle.statistics);
  }
  const { peakBytes } = handle.statistics;
  replayed.dispose();
  model.dispose();
  optimizer.dispose();
  return { losses, counts, peakBytes };
}

describe("capture", () => {
  const settings: Record<string, Settings> = {
    "AdamW, clipped": { optimizer: "adamw", accumulate: 1, clip: 0.5, recomputes: false },
    "AdamW, accumulated over two batches, recomputed": {
      optimizer: "adamw",
      accumulate: 2,
      clip: 0.5,
      recomputes: true,
    },
    "SGD with momentum": { optimizer: "sgd", accumulate: 1, recomputes: false },
  };
  for (const [name, setting] of Object.entries(settings)) {
    it(`gives the same bits as without, with dropout, a schedule and batches of two sizes: ${name}`, async () => {
      const live = gpu.statistics.liveBuffers;
      const eager = await train(false, setting);
      const captured = await train(true, setting);
      expect(captured.values).toEqual(eager.values);
      expect(captured.weights).toEqual(eager.weights);
      expect(captured.stepsTaken).toEqual(eager.stepsTaken);
      expect(captured.count).toBe(7);
      expect(new Set(eager.values.flat()).size).toBeGreaterThanOrEqual(7);
      expect(gpu.statistics.liveBuffers).toBe(live);
    });
  }

  it("creates nothing once each shape was seen twice, and submits once", async () => {
    const { counts } = await train(true, settings["AdamW, clipped"], 12);
    // The sizes are 6, 4, 6, 6, 4, …
    for (let i = 5; i < 12; i++) {
      const [before, after] = [counts[i], counts[i + 1]];
      expect(after.buffersCreated).toBe(before.buffersCreated);
      expect(after.bindGroupsCreated).toBe(before.bindGroupsCreated);
      expect(after.pipelinesCreated).toBe(before.pipelinesCreated);
      expect(after.submits - before.submits).toBe(1);
      expect(after.dispatches - before.dispatches).toBeGreaterThan(20);
    }
  });

  it("of a GPT-2 of four layers creates nothing after two steps, submits at most twice and takes no more memory", async () => {
    const eager = await trainGPT2(gpu, false);
    const captured = await trainGPT2(gpu, true);
    expect(captured.losses).toEqual(eager.losses);
    for (let i = 2; i < 5; i++) {
      const [before, after] = [captured.counts[i - 1], captured.counts[i]];
      expect(after.buffersCreated - before.buffersCreated).toBe(0);
      expect(after.bindGroupsCreated - before.bindGroupsCreated).toBe(0);
      expect(after.pipelinesCreated - before.pipelinesCreated).toBe(0);
      expect(after.submits - before.submits).toBeLessThanOrEqual(2);
    }
    expect(captured.peakBytes).toBeLessThanOrEqual(eager.peakBytes);
    // The same step after step takes the same buffers, so that this holds without a capture too.
    expect(eager.counts[4].buffersCreated).toBe(eager.counts[1].buffersCreated);
    expect(eager.counts[4].bindGroupsCreated).toBe(eager.counts[1].bindGroupsCreated);
  });

  it("is right where tensors exceed the binding limit and pass in windows", async () => {
    const small = await openWith({}, withLimits({ maxStorageBufferBindingSize: 2 ** 14 }));
    const eager = await trainGPT2(small, false);
    const captured = await trainGPT2(small, true);
    expect(captured.losses).toEqual(eager.losses);
    expect(captured.counts[4].bindGroupsCreated).toBe(captured.counts[1].bindGroupsCreated);
    small.close();
  });

  it("leaves its memory to others between two replays, and is right although they write to it", async () => {
    let calls = 0;
    const step = capture(gpu, ({ x }: { x: Tensor }) => {
      calls++;
      return sum(mul(add(x, 1), add(x, 2)));
    });
    const call = async (value: number): Promise<number> => {
      using x = tensor(new Float32Array(5000).fill(value), [5000], { gpu });
      using y = step({ x });
      return y.item();
    };
    expect(await call(1)).toBe(6 * 5000);
    const { liveBytes } = gpu.statistics;
    const others = Array.from({ length: 12 }, () => zeros([5000], { gpu }));
    expect(await call(2)).toBe(12 * 5000);
    for (const other of others) expect(await other.data()).toEqual(new Float32Array(5000));
    for (const other of others) other.dispose();
    gpu.trim();
    expect(await call(3)).toBe(20 * 5000);
    expect(calls).toBe(1);
    expect(gpu.statistics.liveBytes).toBe(liveBytes);
    step.dispose();
  });

  it("draws other random numbers at each replay, by functions for seeds", async () => {
    let count = 0;
    const draw = ({ x }: { x: Tensor }): Tensor[] => {
      const seed = (): number => 2 ** 40 * count + 3;
      const drawn = [
        uniform(x.shape, { seed, gpu }),
        normal(x.shape, { seed, gpu }),
        bernoulli(x, { seed }),
        categorical(x, { seed }),
        dropout(x, 0.5, seed),
      ];
      gpu.hostEffect(() => {
        count++;
      });
      return drawn;
    };
    const step = capture(gpu, draw);
    using x = uniform([7, 9], { seed: 1, gpu });
    for (let i = 0; i < 3; i++) {
      const replayed = step({ x });
      count = i;
      const plain = tidy(() => draw({ x }));
      for (const [place, one] of replayed.entries()) {
        expect(await one.data()).toEqual(await plain[place].data());
        for (const used of [one, plain[place]]) used.dispose();
      }
    }
    step.dispose();
  });

  it("takes views of any strides, and keeps a number of captures", async () => {
    const step = capture(gpu, ({ x, factor }: { x: Tensor; factor: number }) => mul(x, factor), { kept: 2 });
    const live = gpu.statistics.liveBuffers;
    const x = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      undefined,
      { gpu },
    );
    const turned = permute(x, [1, 0]);
    const values: number[][] = [];
    for (const factor of [2, 3, 2, 5]) {
      for (const input of [x, turned]) {
        using y = step({ x: input, factor });
        values.push([...(await y.data())]);
      }
      expect(step.captures).toBe(2);
    }
    expect(values[5]).toEqual([2, 8, 4, 10, 6, 12]);
    expect(values[7]).toEqual([5, 20, 10, 25, 15, 30]);
    for (const used of [x, turned]) used.dispose();
    using one = tensor([1], undefined, { gpu });
    using held = step({ x: one, factor: 7 });
    step.dispose();
    expect(await held.data()).toEqual(Float32Array.of(7));
    held.dispose();
    one.dispose();
    expect(gpu.statistics.liveBuffers).toBeLessThanOrEqual(live + 1);
  });

  it("makes lasting state outside of it once", async () => {
    let total: Tensor | undefined;
    const step = capture(gpu, ({ x }: { x: Tensor }) => {
      total ??= gpu.outsideCapture(() => keep(zeros([2], { gpu })));
      return add(total, x);
    });
    using x = tensor([1, 2], undefined, { gpu });
    for (let i = 0; i < 3; i++) {
      using next = step({ x });
      expect(await next.data()).toEqual(Float32Array.of(1, 2));
    }
    total!.dispose();
    expect(() => step({ x })).toThrow("add: input 1 of 2, a tensor of shape [2], was disposed");
    total = tensor([5, 5], undefined, { gpu });
    using moved = step({ x });
    expect(await moved.data()).toEqual(Float32Array.of(6, 7));
    total.dispose();
    step.dispose();
  });

  it("is made anew when the optimizer gets another state", async () => {
    const run = async (captured: boolean): Promise<number[]> => {
      const weight = keep(uniform([4], { seed: 1, gpu }));
      weight.requiresGrad = true;
      const parameters = new Map([["weight", weight]]);
      const optimizer = new AdamW([{ name: "all", parameters, learningRate: 0.1, weightDecay: 0 }]);
      const body = ({ x }: { x: Tensor }): Tensor => {
        const loss = sum(mul(mul(weight, weight), x));
        optimizer.step(backward(loss));
        return loss;
      };
      const replayed = capture(gpu, body);
      const step: typeof body = captured ? replayed : (inputs) => tidy(() => body(inputs));
      const losses: number[] = [];
      for (let i = 0; i < 6; i++) {
        using x = tensor([1, 2, 3, i], undefined, { gpu });
        using loss = step({ x });
        losses.push(await loss.item());
        if (i !== 2) continue;
        const { tensors } = optimizer.getState();
        const copies = [...tensors].map(([name, value]) => [name, keep(mul(value, 0.5))] as const);
        optimizer.setState({ steps: new Map([["weight", 7]]), tensors: new Map(copies) });
      }
      for (const used of [replayed, weight, optimizer]) used.dispose();
      return losses;
    };
    expect(await run(true)).toEqual(await run(false));
  });

  describe("refuses, without running anything,", () => {
    const cases: Record<string, [(inputs: { x: Tensor }) => unknown, string]> = {
      "a step that reads": [({ x }) => void x.data(), "capture: the step reads a value back"],
      "a step that waits": [() => void gpu.finish(), "capture: the step waits for the device"],
      "a step that is asynchronous": [async () => {}, "capture: the step returned a Promise"],
      "host values": [() => tensor([1, 2], undefined, { gpu }), "the step makes a tensor of host values"],
      "what is no tensor": [
        () => ({ loss: 3 }),
        "the step returns the number 3, which would be the same in every replay",
      ],
      "a step that was captured before": [
        ({ x }) => alone({ x }),
        "capture: a captured step is called inside of another",
      ],
      "a capture inside": [() => capture(gpu, () => null)({}), "capture: a captured step is called inside of another"],
    };
    let alone: (inputs: { x: Tensor }) => Tensor;
    for (const [name, [body, message]] of Object.entries(cases)) {
      it(name, async () => {
        const other = capture(gpu, ({ x }: { x: Tensor }) => add(x, 1));
        alone = other;
        using given = tensor([1, 2, 3], undefined, { gpu });
        alone({ x: given }).dispose();
        const before = gpu.statistics;
        const step = capture(gpu, body);
        using x = tensor([1, 2, 3], undefined, { gpu });
        expect(() => step({ x })).toThrow(message);
        expect(() => step({ x })).toThrow(CaptureError);
        expect(step.captures).toBe(0);
        expect(gpu.statistics.dispatches).toBe(before.dispatches);
        using sum = add(x, 1);
        expect(await sum.data()).toEqual(Float32Array.of(2, 3, 4));
        other.dispose();
      });
    }

    it("tensors that are kept and not returned", () => {
      const keeping: Tensor[] = [];
      const step = capture(gpu, ({ x }: { x: Tensor }) => {
        keeping.push(keep(add(x, 1)));
        return null;
      });
      using x = tensor([1, 2, 3], undefined, { gpu });
      expect(() => step({ x })).toThrow("the step keeps 1 buffers (the first of 256 bytes) that it does not return");
      for (const one of keeping) one.dispose();
    });

    it("inputs that are neither tensors nor plain", () => {
      const step = capture(gpu, () => null);
      expect(() => step({ lengths: new Int32Array(2) })).toThrow("inputs.lengths is a Int32Array; expected tensors");
    });
  });
});
