// What every engine is asked to do: shapes, seeded inputs, and how many operations or bytes that is.

const product = (shape) => shape.reduce((a, b) => a * b, 1);

/** Numbers in [-scale, scale) that are the same in every engine and every run: xorshift32. */
export function seededValues(count, seed, scale = 1) {
  const values = new Float32Array(count);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    values[i] = (state / 2 ** 32 - 0.5) * 2 * scale;
  }
  return values;
}

/** Integers in [0, limit). */
export const seededIntegers = (count, limit, seed) =>
  Int32Array.from(seededValues(count, seed), (value) => Math.min(limit - 1, Math.floor((value * 0.5 + 0.5) * limit)));

const random = (shape, seed, scale = 1) => ({ shape, values: () => seededValues(product(shape), seed, scale) });
const constant = (shape, value) => ({ shape, values: () => new Float32Array(product(shape)).fill(value) });

function both(name, kind, details, { inputs, gradient, operations = 0, bytes = [0, 0] }) {
  return [
    { id: `${name}/forward`, kind, pass: "forward", ...details, inputs, operations, bytes: bytes[0] },
    {
      ...{ id: `${name}/backward`, kind, pass: "backward", ...details, operations: 2 * operations, bytes: bytes[1] },
      inputs: { ...inputs, dy: gradient },
    },
  ];
}

const matmul = (name, m, k, n) =>
  both(
    name,
    "matmul",
    { m, k, n, batch: 1 },
    {
      inputs: { a: random([m, k], 1), b: random([k, n], 2) },
      gradient: random([m, n], 3),
      operations: 2 * m * k * n,
    },
  );

const rowwise = (name, kind, shape, inputs) =>
  both(
    name,
    kind,
    { shape },
    {
      inputs,
      gradient: random(shape, 4),
      bytes: [8 * product(shape), 12 * product(shape)],
    },
  );

function convolution(name, batch, channels, size, filters, kernel, stride, padding) {
  const output = Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return both(
    name,
    "convolution",
    { batch, channels, size, filters, kernel, stride, padding, output },
    {
      inputs: {
        x: random([batch, channels, size, size], 1),
        weight: random([filters, channels, kernel, kernel], 2),
      },
      gradient: random([batch, filters, output, output], 3),
      operations: 2 * batch * output * output * filters * channels * kernel * kernel,
    },
  );
}

const ELEMENTS = 4 * 2 ** 20;

/** Parameters of a pre-norm transformer block of width `d`, in the names of GPT-2's checkpoints. */
export const blockParameters = (d, seed) => ({
  "ln_1.weight": constant([d], 1),
  "ln_1.bias": constant([d], 0),
  "attn.c_attn.weight": random([d, 3 * d], seed + 1, 0.03),
  "attn.c_attn.bias": constant([3 * d], 0),
  "attn.c_proj.weight": random([d, d], seed + 2, 0.03),
  "attn.c_proj.bias": constant([d], 0),
  "ln_2.weight": constant([d], 1),
  "ln_2.bias": constant([d], 0),
  "mlp.c_fc.weight": random([d, 4 * d], seed + 3, 0.03),
  "mlp.c_fc.bias": constant([4 * d], 0),
  "mlp.c_proj.weight": random([4 * d, d], seed + 4, 0.03),
  "mlp.c_proj.bias": constant([d], 0),
});

/** Floating-point operations of a block's products: joint projection, scores, values, output, feed-forward. */
const blockOperations = (batch, length, d) => batch * (24 * length * d * d + 4 * length * length * d);

const BLOCK = { batch: 1, length: 128, width: 768, heads: 12 };
const blockInputs = {
  x: random([BLOCK.batch, BLOCK.length, BLOCK.width], 5),
  ...blockParameters(BLOCK.width, 10),
};
const blockCost = blockOperations(BLOCK.batch, BLOCK.length, BLOCK.width);

/** Four layers of GPT-2 with its whole vocabulary, and AdamW with decoupled weight decay on matrices. */
const LANGUAGE_MODEL = {
  ...{ layers: 4, width: 256, heads: 4, length: 64, batch: 4, vocabulary: 50257 },
  ...{ learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
  // The second and the third loss, as PyTorch 1.13 has them.
  laterLosses: [10.29097, 10.05821],
};

function languageModel() {
  const { layers, width, length, batch, vocabulary } = LANGUAGE_MODEL;
  const inputs = {
    "wte.weight": random([vocabulary, width], 1, 0.03),
    "wpe.weight": random([length, width], 2, 0.03),
    "ln_f.weight": constant([width], 1),
    "ln_f.bias": constant([width], 0),
  };
  for (let layer = 0; layer < layers; layer++) {
    for (const [name, parameter] of Object.entries(blockParameters(width, 20 + 10 * layer))) {
      inputs[`h.${layer}.${name}`] = parameter;
    }
  }
  const tokens = batch * length;
  inputs.ids = { shape: [batch, length], values: () => seededIntegers(tokens, vocabulary, 7) };
  inputs.labels = { shape: [tokens], values: () => seededIntegers(tokens, vocabulary, 9) };
  return {
    ...{ id: "training-step", kind: "training-step", pass: "step", ...LANGUAGE_MODEL, inputs, bytes: 0 },
    operations: 3 * (layers * blockOperations(batch, length, width) + 2 * tokens * width * vocabulary),
  };
}

/** Every row of the table. */
export const workloads = [
  ...matmul("matmul-1024", 1024, 1024, 1024),
  ...matmul("matmul-512x768x3072", 512, 768, 3072),
  matmul("matmul-128x768x50257", 128, 768, 50257)[0],
  {
    ...{
      id: "batched-matmul-12x256x64x256/forward",
      kind: "matmul",
      pass: "forward",
      batch: 12,
      m: 256,
      k: 64,
      n: 256,
    },
    inputs: { a: random([12, 256, 64], 1), b: random([12, 64, 256], 2) },
    ...{ operations: 2 * 12 * 256 * 64 * 256, bytes: 0 },
  },
  ...rowwise("softmax-3072x256", "softmax", [3072, 256], { x: random([3072, 256], 1, 4) }),
  ...rowwise("layer-norm-512x768", "layer-norm", [512, 768], {
    ...{ x: random([512, 768], 1), gain: random([768], 2), bias: random([768], 3) },
  }),
  ...rowwise("gelu-512x3072", "gelu", [512, 3072], { x: random([512, 3072], 1) }),
  {
    ...{ id: "add-4m/forward", kind: "add", pass: "forward", operations: 0, bytes: 12 * ELEMENTS },
    inputs: { a: random([ELEMENTS], 1), b: random([ELEMENTS], 2) },
  },
  {
    ...{ id: "sum-4m/forward", kind: "sum", pass: "forward", operations: 0, bytes: 4 * ELEMENTS },
    inputs: { x: random([ELEMENTS], 1) },
  },
  ...convolution("conv-3x3", 4, 64, 56, 64, 3, 1, 1),
  ...convolution("conv-7x7-stride-2", 1, 3, 224, 64, 7, 2, 3),
  ...convolution("conv-1x1", 1, 256, 56, 64, 1, 1, 0),
  {
    ...{ id: "tiny-adds-1000", kind: "tiny-adds", pass: "forward", count: 1000, operations: 0, bytes: 0 },
    inputs: { a: random([16], 1), b: random([16], 2) },
  },
  ...["forward", "forward+backward"].map((pass) => ({
    ...{ id: `transformer-block/${pass}`, kind: "block", pass, ...BLOCK, inputs: blockInputs, bytes: 0 },
    operations: (pass === "forward" ? 1 : 3) * blockCost,
  })),
  languageModel(),
];
