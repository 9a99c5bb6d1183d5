import { beforeAll, describe, expect, it } from "vitest";
import { backward, conv2d, mean, mul } from "../../src/autograd/index.ts";
import { GPT2, parseGPT2Config, prepareInputs } from "../../src/models/index.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

type Values = Record<string, Float32Array | Int32Array>;
type Inputs = Record<string, { shape: readonly number[]; values(): Float32Array | Int32Array }>;
interface Row {
  id?: string;
  kind: string;
  pass: string;
  inputs: Inputs;
  laterLosses?: readonly number[];
}
interface Peer {
  key: string;
  separatesBackward: boolean;
  engine: { ask(request: string, values: object, row: Row): Promise<object> };
}
interface Summary {
  engine: string;
  status: string;
  reason?: string;
  milliseconds?: number;
  samples?: number;
  counts?: object;
}

// The scripts beside other engines are plain JavaScript with packages of their own; these need none of them.
const scripts = "../../bench/peers";
const { findError } = (await import(`${scripts}/reference.mjs`)) as {
  findError(row: Row, inputs: Values, outputs: Values, isWhole?: boolean): string | null;
};
const { measure, summarize } = (await import(`${scripts}/measure.mjs`)) as {
  measure(peers: Peer[], row: Row): Promise<object[]>;
  summarize(row: Row, part: object): Summary;
};
const { NoAnswer } = (await import(`${scripts}/no-answer.mjs`)) as {
  NoAnswer: new (milliseconds: number) => Error;
};
const { workloads, seededValues, seededIntegers } = (await import(`${scripts}/workloads.mjs`)) as {
  workloads: (Row & { id: string })[];
  seededValues(count: number, seed: number, scale?: number): Float32Array;
  seededIntegers(count: number, limit: number, seed: number): Int32Array;
};

const gpu = useGpu();

const random = (shape: readonly number[], seed: number, scale = 1) => ({
  shape,
  values: () =>
    seededValues(
      shape.reduce((a, b) => a * b),
      seed,
      scale,
    ),
});
const valuesOf = (inputs: Inputs): Values =>
  Object.fromEntries(Object.entries(inputs).map(([name, { values }]) => [name, values()]));
const put = ({ shape, values }: Inputs[string]): Tensor => tensor(values(), shape);

async function read(results: Record<string, Tensor>): Promise<Values> {
  const values: Values = {};
  for (const [name, x] of Object.entries(results)) {
    values[name] = (await x.data()) as Float32Array;
    x.dispose();
  }
  return values;
}

const matmulRow: Row & { m: number; k: number; n: number; batch: number } = {
  ...{ kind: "matmul", pass: "forward", batch: 1, m: 7, k: 5, n: 6 },
  inputs: { a: random([7, 5], 1), b: random([5, 6], 2) },
};

const convolution = { batch: 2, channels: 3, size: 7, filters: 4, kernel: 3, stride: 2, padding: 1, output: 4 };
const convolutionInputs = { x: random([2, 3, 7, 7], 1), weight: random([4, 3, 3, 3], 2) };
const convolutionRows: Row[] = [
  { kind: "convolution", pass: "forward", ...convolution, inputs: convolutionInputs },
  {
    ...{ kind: "convolution", pass: "backward", ...convolution },
    inputs: { ...convolutionInputs, dy: random([2, 4, 4, 4], 3) },
  },
];

async function convolutionAnswer({ pass, inputs }: Row): Promise<Values> {
  const { stride, padding } = convolution;
  const [x, weight] = [put(inputs.x), put(inputs.weight)];
  x.requiresGrad = weight.requiresGrad = pass === "backward";
  const results = tidy((): Record<string, Tensor> => {
    const y = conv2d(x, weight, undefined, { stride, padding });
    if (pass === "forward") return { y };
    const gradients = backward(y, { gradient: put(inputs.dy) });
    return { x: gradients.get(x)!, weight: gradients.get(weight)! };
  });
  for (const one of [x, weight]) one.dispose();
  return read(results);
}

/** Every parameter counts at this size: biases are not 0, gains are not 1, weights are large. */
const blockInputs = (width: number, seed: number): Inputs => ({
  "ln_1.weight": random([width], seed + 1),
  "ln_1.bias": random([width], seed + 2),
  "attn.c_attn.weight": random([width, 3 * width], seed + 3, 0.7),
  "attn.c_attn.bias": random([3 * width], seed + 4),
  "attn.c_proj.weight": random([width, width], seed + 5, 0.7),
  "attn.c_proj.bias": random([width], seed + 6),
  "ln_2.weight": random([width], seed + 7),
  "ln_2.bias": random([width], seed + 8),
  "mlp.c_fc.weight": random([width, 4 * width], seed + 9, 0.7),
  "mlp.c_fc.bias": random([4 * width], seed + 10),
  "mlp.c_proj.weight": random([4 * width, width], seed + 11, 0.7),
  "mlp.c_proj.bias": random([width], seed + 12),
});

const block = { batch: 2, length: 5, width: 8, heads: 2 };
const blockRows = ["forward", "forward+backward"].map((pass): Row => {
  return { kind: "block", pass, ...block, inputs: { x: random([2, 5, 8], 5), ...blockInputs(8, 10) } };
});

interface ModelShape {
  layers: number;
  width: number;
  heads: number;
  length: number;
  vocabulary: number;
}

/** A GPT-2 of a row's parameters. */
function modelOf({ layers, width, heads, length, vocabulary }: ModelShape, inputs: Inputs, prefix: string): GPT2 {
  const config = parseGPT2Config({
    ...{ model_type: "gpt2", n_layer: layers, n_embd: width, n_head: heads, n_positions: length },
    ...{ vocab_size: vocabulary, resid_pdrop: 0, embd_pdrop: 0, attn_pdrop: 0 },
  });
  const model = GPT2.random(gpu(), config, 1);
  for (const [name, { storage, offset }] of model.namedParameters()) {
    const given = inputs[name.replace(/^transformer\./, "").replace(prefix, "")];
    if (given) gpu().upload(storage.buffer, 4 * offset, new Uint8Array(given.values().buffer));
  }
  return model;
}

async function blockAnswer({ pass, inputs }: Row): Promise<Values> {
  const model = modelOf({ layers: 1, vocabulary: 8, ...block }, inputs, "h.0.");
  const x = put(inputs.x);
  const layer = model.stages.find(({ name }) => name === "h.0")!.module;
  const stage = layer as unknown as { forward(x: Tensor, mask: undefined): Tensor };
  const results = tidy((): Record<string, Tensor> => {
    const y = stage.forward(x, undefined);
    if (pass === "forward") return { y };
    const loss = mean(mul(y, y));
    const gradients = backward(loss);
    const named = [...layer.namedParameters()].map(([name, parameter]) => [name, gradients.get(parameter)!]);
    return { loss, ...Object.fromEntries(named) };
  });
  x.dispose();
  model.dispose();
  return read(results);
}

const step = { batch: 2, length: 5, width: 8, heads: 2, layers: 2, vocabulary: 13 };
const stepRow: Row = {
  ...{ id: "step", kind: "training-step", pass: "step", ...step, laterLosses: [2.5, 2.25] },
  inputs: {
    "wte.weight": random([13, 8], 1, 0.3),
    "wpe.weight": random([5, 8], 2, 0.3),
    "ln_f.weight": random([8], 3),
    "ln_f.bias": random([8], 4),
    ...Object.fromEntries(
      [0, 1].flatMap((layer) =>
        Object.entries(blockInputs(8, 20 + 20 * layer)).map(([name, input]) => [`h.${layer}.${name}`, input]),
      ),
    ),
    ids: { shape: [2, 5], values: () => seededIntegers(10, 13, 7) },
    labels: { shape: [10], values: () => seededIntegers(10, 13, 9) },
  },
};

/** The loss of the first step alone; what the row says of the next ones is made up. */
async function firstLoss({ inputs }: Row): Promise<number> {
  const model = modelOf(step, inputs, "");
  const inputIds = inputs.ids.values() as Int32Array;
  const batch = prepareInputs(gpu(), { inputIds, batch: 2, length: 5 }, model.config);
  const labels = put(inputs.labels);
  const loss = tidy(() => model.loss(model.features(batch), labels, "mean"));
  const value = await loss.item();
  for (const one of [loss, labels]) one.dispose();
  model.release(batch);
  model.dispose();
  return value;
}

/** Ways in which an engine's numbers are wrong without an error. */
const SPOILED: readonly [string, (values: Float32Array) => Float32Array | undefined][] = [
  ["missing", () => undefined],
  ["empty", () => new Float32Array(0)],
  ["short", (values) => values.slice(1)],
  ["all zeros", (values) => values.map(() => 0)],
  ["not a number", (values) => values.map(() => Number.NaN)],
];

function spoil(answer: Values, name: string, how: (values: Float32Array) => Float32Array | undefined): Values {
  const spoiled = how(answer[name] as Float32Array);
  const { [name]: _, ...rest } = answer;
  return spoiled ? { ...rest, [name]: spoiled } : rest;
}

const ROWS: readonly [string, Row, (row: Row) => Values | Promise<Values>][] = [
  ["a product", matmulRow, ({ inputs }) => ({ y: productOf(valuesOf(inputs)) })],
  ["a convolution forward", convolutionRows[0], convolutionAnswer],
  ["a convolution backward", convolutionRows[1], convolutionAnswer],
  ["a block forward", blockRows[0], blockAnswer],
  ["a block forward and backward", blockRows[1], blockAnswer],
];

describe.each(ROWS)("an answer to %s", (_title, row, answerOf) => {
  const inputs = valuesOf(row.inputs);
  let answer: Values;
  beforeAll(async () => {
    answer = await answerOf(row);
  });

  it("that is right is right", () => {
    expect(findError(row, inputs, answer)).toBeNull();
  });

  it.each(SPOILED)("is wrong when one of its results is %s", (_how, change) => {
    for (const name of Object.keys(answer)) {
      expect(findError(row, inputs, spoil(answer, name, change)), name).toMatch(/ is |expected/);
    }
  });
});

// Gradients of a block are held against a slope, all together.
it.each(ROWS.slice(0, -1))("an answer to %s is wrong when only its last element is", async (_title, row, answerOf) => {
  const answer = await answerOf(row);
  for (const name of Object.keys(answer)) {
    const last = answer[name].length - 1;
    const spoiled = spoil(answer, name, (values) =>
      values.map((x, i) => (i === last ? x + 1e-3 * (1 + Math.abs(x)) : x)),
    );
    expect(findError(row, valuesOf(row.inputs), spoiled)).toContain(`${name}[${last}] is `);
  }
});

function productOf({ a, b }: Values): Float32Array {
  return Float32Array.from({ length: 42 }, (_, position) => {
    const [i, j] = [Math.floor(position / 6), position % 6];
    return Array.from({ length: 5 }, (_, k) => a[i * 5 + k] * b[k * 6 + j]).reduce((x, y) => x + y);
  });
}

describe("the losses of a training step", () => {
  const inputs = valuesOf(stepRow.inputs);
  let first: number;
  beforeAll(async () => {
    first = await firstLoss(stepRow);
  });
  const errorOf = (isWhole: boolean, ...losses: number[]): string | null =>
    findError(stepRow, inputs, { losses: Float32Array.from(losses) }, isWhole);

  it("are right one by one, and right when all are there", () => {
    expect(errorOf(false, first)).toBeNull();
    expect(errorOf(false, first, 2.5)).toBeNull();
    expect(errorOf(true, first, 2.5, 2.25, 2)).toBeNull();
  });

  it("are wrong when one is wrong, is no number or is missing", () => {
    expect(findError(stepRow, inputs, {})).toMatch(/^the first loss is undefined, expected \d/);
    expect(errorOf(false)).toMatch(/^the first loss is undefined, expected \d/);
    expect(errorOf(false, 0)).toMatch(/^the first loss is 0, expected \d/);
    expect(errorOf(false, Number.NaN)).toMatch(/^the first loss is NaN, expected \d/);
    expect(errorOf(false, 1.001 * first)).toMatch(/^the first loss is /);
    expect(errorOf(false, first, 2.4)).toMatch(/^loss 2 is 2\.40\d*, expected 2\.5$/);
    expect(errorOf(true, first, 2.5, Number.NaN)).toBe("loss 3 is NaN, expected 2.25");
    // The later ones tell what the optimizer did, so they must be there.
    expect(errorOf(true, first)).toBe("loss 2 is undefined, expected 2.5");
  });
});

describe("an engine's turn at a row", () => {
  const right = { y: productOf(valuesOf(matmulRow.inputs)) };

  /** An engine that answers as told, and remembers what it was asked. */
  function engine(key: string, answers: Record<string, object>, separatesBackward = true) {
    const asked: string[] = [];
    const ask = async (request: string): Promise<object> => {
      asked.push(request);
      const answer = answers[request] ?? {};
      if (answer instanceof Error) throw answer;
      return answer;
    };
    return { key, separatesBackward, engine: { ask }, asked };
  }
  const prepared = (outputs: Values, errors: string[] = []) => ({ firstMilliseconds: 5, outputs, errors });
  const run = { milliseconds: 3000, errors: [] };

  it("is timed when the answer is right, and only then", async () => {
    const zeros = { y: new Float32Array(42) };
    const peers = [
      engine("graft", { prepare: prepared(right), run, count: { dispatches: 1 } }),
      engine("zeros", { prepare: prepared(zeros), run }),
      engine("empty", { prepare: prepared({ y: new Float32Array(0) }), run }),
      engine("nothing", { prepare: prepared({}), run }),
      engine("no number", { prepare: prepared({ y: right.y.map(() => Number.NaN) }), run }),
      engine("error", { prepare: prepared(right, ["Buffer is too large"]), run }),
      engine("late error", { prepare: prepared(right), run: { milliseconds: 1, errors: ["Out of memory"] } }),
      engine("throws", { prepare: new Error("no such op"), run }),
      engine("cannot", { prepare: { skipped: true }, run }),
    ];
    const parts = await measure(peers, { ...matmulRow, id: "product" });
    const lines = parts.map((part) => summarize(matmulRow, part));
    expect(lines.map(({ engine, status, reason }) => [engine, status, reason])).toEqual([
      ["graft", "right", undefined],
      ["zeros", "wrong", expect.stringMatching(/^y\[41\] is 0, expected -?\d/)],
      ["empty", "wrong", "y: 0 elements, expected 42"],
      ["nothing", "wrong", "y: no elements, expected 42"],
      ["no number", "wrong", expect.stringMatching(/^y\[41\] is NaN, expected/)],
      ["error", "failed", "GPU error: Buffer is too large"],
      ["late error", "failed", "GPU error: Out of memory"],
      ["throws", "failed", "no such op"],
      ["cannot", "cannot", undefined],
    ]);
    // Three samples of what takes seconds, after the run that told how long one takes.
    expect(lines[0]).toMatchObject({ milliseconds: 3000, samples: 3, counts: { dispatches: 1 } });
    expect(peers[0].asked).toEqual(["prepare", "run", "run", "run", "run", "count", "release"]);
    for (const line of lines.slice(1)) expect(line.milliseconds).toBeUndefined();
    for (const peer of [...peers.slice(1, 6), ...peers.slice(7)]) expect(peer.asked, peer.key).not.toContain("run");
  });

  it("is not repeated when it takes many seconds, and is no failure when it does not end", async () => {
    const long = { milliseconds: 5000, errors: [] };
    const peers = [
      engine("graft", { prepare: prepared(right), run: long }),
      engine("slow", { prepare: prepared(right), run: long }),
      engine("slow and failing", { prepare: prepared(right), run: { milliseconds: 5000, errors: ["Device lost"] } }),
      engine("slower", { prepare: new NoAnswer(60_000) }),
      engine("later slower", { prepare: prepared(right), run: new NoAnswer(60_000) }),
    ];
    const lines = (await measure(peers, matmulRow)).map((part) => summarize(matmulRow, part));
    expect(lines.map(({ status, reason, samples }) => [status, reason, samples])).toEqual([
      ["right", undefined, 3],
      ["right", undefined, 1],
      ["failed", "GPU error: Device lost", undefined],
      ["no answer", "no answer in 60 s", undefined],
      ["no answer", "no answer in 60 s", undefined],
    ]);
    expect(lines[1].milliseconds).toBe(5000);
    expect(peers[1].asked).toEqual(["prepare", "run", "release"]);
    for (const line of lines.slice(2)) expect(line.milliseconds).toBeUndefined();
  });

  it("has no time when a later step of the training turns out wrong", async () => {
    const first = await firstLoss(stepRow);
    const losses = (...later: number[]) => ({ losses: Float32Array.of(first, ...later) });
    const start = { prepare: prepared({ losses: Float32Array.of(first) }), run };
    const peers = [
      engine("right", { ...start, losses: losses(2.5, 2.25, 2) }),
      engine("stands still", { ...start, losses: losses(first, first) }),
      engine("forgets", { ...start, losses: losses() }),
      engine("dies", { ...start, losses: new Error("its process ended (SIGKILL)") }),
    ];
    const lines = (await measure(peers, stepRow)).map((part) => summarize(stepRow, part));
    expect(lines.map(({ status, reason, milliseconds }) => [status, reason, milliseconds])).toEqual([
      ["right", undefined, 3000],
      ["wrong", expect.stringMatching(/^loss 2 is \d\.\d+, expected 2\.5$/), undefined],
      ["wrong", "loss 2 is undefined, expected 2.5", undefined],
      ["failed", "its process ended (SIGKILL)", undefined],
    ]);
  });
});

it("rows have names of their own", () => {
  const names = workloads.map(({ id }) => id);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain("matmul-128x768x50257/forward");
});
