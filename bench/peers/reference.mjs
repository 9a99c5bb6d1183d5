// Answers in double precision, against which every engine's are held before its time counts.
import { seededIntegers, seededValues } from "./workloads.mjs";

/** Elements compared of each result. */
const SAMPLES = 48;
/** Allowed error, as a share of the sum of the magnitudes of what is added up. */
const TOLERANCE = 2e-5;

/** Of a loss, relative: some engines add its hundred thousand terms in one row, in single precision. */
const LOSS_TOLERANCE = 1e-4;

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

/** The index of an element from its position. */
function unravel(position, shape) {
  const index = [];
  let rest = position;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  return index;
}

/** A sum of `count` terms with the sum of their magnitudes. */
function sum(count, term) {
  let [value, magnitude] = [0, 0];
  for (let i = 0; i < count; i++) {
    const x = term(i);
    value += x;
    magnitude += Math.abs(x);
  }
  return { value, magnitude };
}

const GELU = Math.sqrt(2 / Math.PI);
/** gelu(x) ≈ x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))). */
const gelu = (x) => 0.5 * x * (1 + Math.tanh(GELU * (x + 0.044715 * x ** 3)));
function geluDerivative(x) {
  const t = Math.tanh(GELU * (x + 0.044715 * x ** 3));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * GELU * (1 + 3 * 0.044715 * x * x);
}

const EPSILON = 1e-5;

/** Mean and reciprocal standard deviation of a row. */
function moments(x, row, length) {
  const mean = sum(length, (i) => x[row * length + i]).value / length;
  const variance = sum(length, (i) => (x[row * length + i] - mean) ** 2).value / length;
  return { mean, scale: 1 / Math.sqrt(variance + EPSILON) };
}

function softmaxRow(x, row, length) {
  const exponentials = Array.from({ length }, (_, i) => Math.exp(x[row * length + i]));
  const total = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / total);
}

/** A tap of a convolution's sum: the input value at an output place and kernel place, 0 in the padding. */
function inputAt({ channels, size, stride, padding }, x, n, c, y, column, ky, kx) {
  const [row, col] = [y * stride + ky - padding, column * stride + kx - padding];
  if (row < 0 || row >= size || col < 0 || col >= size) return 0;
  return x[((n * channels + c) * size + row) * size + col];
}

/** By kind and pass: each result's shape and its element at an index. */
const results = {
  "matmul/forward": ({ batch, m, k, n }, { a, b }) => ({
    y: {
      shape: [batch, m, n],
      at: ([z, i, j]) => sum(k, (l) => a[(z * m + i) * k + l] * b[(z * k + l) * n + j]),
    },
  }),
  "matmul/backward": ({ m, k, n }, { a, b, dy }) => ({
    a: { shape: [m, k], at: ([i, l]) => sum(n, (j) => dy[i * n + j] * b[l * n + j]) },
    b: { shape: [k, n], at: ([l, j]) => sum(m, (i) => a[i * k + l] * dy[i * n + j]) },
  }),
  "softmax/forward": ({ shape: [rows, length] }, { x }) => ({
    y: { shape: [rows, length], at: ([r, i]) => ({ value: softmaxRow(x, r, length)[i], magnitude: 1 }) },
  }),
  "softmax/backward": ({ shape: [rows, length] }, { x, dy }) => ({
    x: {
      shape: [rows, length],
      at: ([r, i]) => {
        const p = softmaxRow(x, r, length);
        const dot = sum(length, (j) => p[j] * dy[r * length + j]);
        return { value: p[i] * (dy[r * length + i] - dot.value), magnitude: p[i] * (1 + dot.magnitude) };
      },
    },
  }),
  "layer-norm/forward": ({ shape: [rows, length] }, { x, gain, bias }) => ({
    y: {
      shape: [rows, length],
      at: ([r, i]) => {
        const { mean, scale } = moments(x, r, length);
        return { value: (x[r * length + i] - mean) * scale * gain[i] + bias[i], magnitude: 4 };
      },
    },
  }),
  "layer-norm/backward": ({ shape: [rows, length] }, { x, gain, dy }) => {
    const normalized = (r, i) => {
      const { mean, scale } = moments(x, r, length);
      return (x[r * length + i] - mean) * scale;
    };
    return {
      x: {
        shape: [rows, length],
        at: ([r, i]) => {
          const { mean, scale } = moments(x, r, length);
          const g = (j) => dy[r * length + j] * gain[j];
          const average = sum(length, g).value / length;
          const slope = sum(length, (j) => g(j) * (x[r * length + j] - mean) * scale).value / length;
          const value = scale * (g(i) - average - (x[r * length + i] - mean) * scale * slope);
          return { value, magnitude: 4 * scale };
        },
      },
      gain: { shape: [length], at: ([i]) => sum(rows, (r) => dy[r * length + i] * normalized(r, i)) },
      bias: { shape: [length], at: ([i]) => sum(rows, (r) => dy[r * length + i]) },
    };
  },
  "gelu/forward": ({ shape }, { x }) => ({
    y: { shape: [sizeOf(shape)], at: ([i]) => ({ value: gelu(x[i]), magnitude: 1 }) },
  }),
  "gelu/backward": ({ shape }, { x, dy }) => ({
    x: { shape: [sizeOf(shape)], at: ([i]) => ({ value: dy[i] * geluDerivative(x[i]), magnitude: 1 }) },
  }),
  "add/forward": (_row, { a, b }) => ({
    y: { shape: [a.length], at: ([i]) => ({ value: a[i] + b[i], magnitude: 1 }) },
  }),
  "sum/forward": (_row, { x }) => ({ y: { shape: [1], at: () => sum(x.length, (i) => x[i]) } }),
  "tiny-adds/forward": ({ count }, { a, b }) => ({
    y: { shape: [a.length], at: ([i]) => ({ value: a[i] + count * b[i], magnitude: count }) },
  }),
  "convolution/forward": (row, { x, weight }) => {
    const { batch, channels, filters, kernel, output } = row;
    const taps = kernel * kernel;
    return {
      y: {
        shape: [batch, filters, output, output],
        at: ([n, f, y, column]) =>
          sum(channels * taps, (t) => {
            const [c, ky, kx] = [Math.floor(t / taps), Math.floor((t % taps) / kernel), t % kernel];
            return inputAt(row, x, n, c, y, column, ky, kx) * weight[f * channels * taps + t];
          }),
      },
    };
  },
  "convolution/backward": (row, { x, weight, dy }) => {
    const { batch, channels, size, filters, kernel, stride, padding, output } = row;
    const taps = kernel * kernel;
    return {
      x: {
        shape: [batch, channels, size, size],
        at: ([n, c, r, col]) =>
          sum(filters * taps, (t) => {
            const [f, ky, kx] = [Math.floor(t / taps), Math.floor((t % taps) / kernel), t % kernel];
            const [y, column] = [(r + padding - ky) / stride, (col + padding - kx) / stride];
            if (!Number.isInteger(y) || !Number.isInteger(column)) return 0;
            if (y < 0 || y >= output || column < 0 || column >= output) return 0;
            const gradient = dy[((n * filters + f) * output + y) * output + column];
            return gradient * weight[((f * channels + c) * kernel + ky) * kernel + kx];
          }),
      },
      weight: {
        shape: [filters, channels, kernel, kernel],
        at: ([f, c, ky, kx]) =>
          sum(batch * output * output, (t) => {
            const [n, y, column] = unravel(t, [batch, output, output]);
            return dy[((n * filters + f) * output + y) * output + column] * inputAt(row, x, n, c, y, column, ky, kx);
          }),
      },
    };
  },
};

const rounded = (value) => Number(value.toPrecision(6));

/**
 * What is wrong with an engine's results of a row, or null.
 *
 * @param isWhole whether a training step has been run often enough for all losses that are known.
 */
export function findError(row, inputs, outputs, isWhole = false) {
  if (row.kind === "block") return blockError(row, inputs, outputs);
  if (row.kind === "training-step") return lossError(row, inputs, outputs, isWhole);
  const expected = results[`${row.kind}/${row.pass}`](row, inputs);
  for (const [name, { shape, at }] of Object.entries(expected)) {
    const got = outputs[name];
    const size = sizeOf(shape);
    if (got?.length !== size) return `${name}: ${got?.length ?? "no"} elements, expected ${size}`;
    // The last element too: an engine that loses a large operand often has the beginning right.
    const positions = seededIntegers(Math.min(SAMPLES, size), size, 11);
    positions[0] = size - 1;
    for (const position of positions) {
      const { value, magnitude } = at(unravel(position, shape));
      // Written so that NaN is an error.
      if (!(Math.abs(got[position] - value) <= TOLERANCE * magnitude)) {
        return `${name}[${position}] is ${rounded(got[position])}, expected ${rounded(value)}`;
      }
    }
  }
  return null;
}

/** a [m, k] · b [k, n] in double precision. */
function multiply(a, b, m, k, n, bias) {
  const c = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    const out = c.subarray(i * n, (i + 1) * n);
    if (bias) out.set(bias);
    for (let l = 0; l < k; l++) {
      const factor = a[i * k + l];
      const line = l * n;
      for (let j = 0; j < n; j++) out[j] += factor * b[line + j];
    }
  }
  return c;
}

function layerNorm(x, gain, bias) {
  const d = gain.length;
  const y = new Float64Array(x.length);
  for (let row = 0; row < x.length / d; row++) {
    const { mean, scale } = moments(x, row, d);
    for (let i = 0; i < d; i++) y[row * d + i] = (x[row * d + i] - mean) * scale * gain[i] + bias[i];
  }
  return y;
}

/** Causal self-attention of one head's columns of a joint projection [length, 3d], added into `out` [length, d]. */
function attend(joint, out, length, d, heads, head) {
  const size = d / heads;
  const at = (part, t, i) => joint[t * 3 * d + part * d + head * size + i];
  for (let t = 0; t < length; t++) {
    const scores = Array.from(
      { length: t + 1 },
      (_, s) => sum(size, (i) => at(0, t, i) * at(1, s, i)).value / Math.sqrt(size),
    );
    const p = softmaxRow(scores, 0, t + 1);
    for (let i = 0; i < size; i++) out[t * d + head * size + i] = sum(t + 1, (s) => p[s] * at(2, s, i)).value;
  }
}

/** A pre-norm block of [batch · length, width] in double precision. */
function block({ batch, length, width: d, heads }, x, p) {
  const rows = batch * length;
  const joint = multiply(
    layerNorm(x, p["ln_1.weight"], p["ln_1.bias"]),
    p["attn.c_attn.weight"],
    ...[rows, d, 3 * d, p["attn.c_attn.bias"]],
  );
  const attended = new Float64Array(rows * d);
  for (let n = 0; n < batch; n++) {
    const [from, to] = [n * length, (n + 1) * length];
    for (let head = 0; head < heads; head++) {
      attend(joint.subarray(from * 3 * d, to * 3 * d), attended.subarray(from * d, to * d), length, d, heads, head);
    }
  }
  const y = multiply(attended, p["attn.c_proj.weight"], rows, d, d, p["attn.c_proj.bias"]);
  for (let i = 0; i < y.length; i++) y[i] += x[i];
  const normed = layerNorm(y, p["ln_2.weight"], p["ln_2.bias"]);
  const inner = multiply(normed, p["mlp.c_fc.weight"], rows, d, 4 * d, p["mlp.c_fc.bias"]).map(gelu);
  const z = multiply(inner, p["mlp.c_proj.weight"], rows, 4 * d, d, p["mlp.c_proj.bias"]);
  for (let i = 0; i < z.length; i++) z[i] += y[i];
  return z;
}

const meanSquare = (x) => sum(x.length, (i) => x[i] * x[i]).value / x.length;

/** What takes a second in double precision is computed once for the inputs of a row, whoever is asked. */
function once(compute) {
  const known = new WeakMap();
  return (row, inputs) => {
    if (!known.has(row.inputs)) known.set(row.inputs, compute(row, inputs));
    return known.get(row.inputs);
  };
}

const blockOutput = once((row, { x, ...parameters }) => block(row, x, parameters));

/** A random direction of all parameters of a block, and the slope of its loss along it by central differences. */
const blockSlope = once((row, { x, ...parameters }) => {
  const named = Object.entries(parameters);
  const direction = Object.fromEntries(
    named.map(([name, { length }], index) => [name, seededValues(length, 100 + index)]),
  );
  const step = 1e-4;
  const lossAt = (distance) => {
    const moved = named.map(([name, values]) => [
      name,
      Float64Array.from(values, (value, i) => value + distance * direction[name][i]),
    ]);
    return meanSquare(block(row, x, Object.fromEntries(moved)));
  };
  return { direction, expected: (lossAt(step) - lossAt(-step)) / (2 * step) };
});

/**
 * Forward: elements of the output. Forward and backward of mean(y²): its value, and the slope of the loss along a random
 * direction of all parameters, which is the inner product of the gradients with it, by central differences.
 */
function blockError(row, inputs, outputs) {
  const output = blockOutput(row, inputs);
  if (row.pass === "forward") {
    const { y } = outputs;
    if (y?.length !== output.length) return `y: ${y?.length ?? "no"} elements, expected ${output.length}`;
    const wrong = output.findIndex((value, i) => !(Math.abs(y[i] - value) <= 1e-4 * (1 + Math.abs(value))));
    return wrong < 0 ? null : `y[${wrong}] is ${rounded(y[wrong])}, expected ${rounded(output[wrong])}`;
  }
  const loss = meanSquare(output);
  const got = outputs.loss?.[0];
  if (!(Math.abs(got - loss) <= LOSS_TOLERANCE * loss)) return `the loss is ${got}, expected ${rounded(loss)}`;
  const { direction, expected } = blockSlope(row, inputs);
  let slope = 0;
  for (const [name, along] of Object.entries(direction)) {
    const gradient = outputs[name];
    slope += gradient?.length === along.length ? sum(along.length, (i) => gradient[i] * along[i]).value : NaN;
  }
  if (Math.abs(slope - expected) <= 1e-3 * Math.abs(expected)) return null;
  return `the gradients' slope is ${rounded(slope)}, expected ${rounded(expected)}`;
}

/** The loss of a language model with its weights as they are given. */
const firstLoss = once((row, inputs) => {
  const { batch, length, width: d, layers, vocabulary } = row;
  const table = inputs["wte.weight"];
  let x = Float64Array.from({ length: batch * length * d }, (_, i) => {
    const [token, column] = [Math.floor(i / d), i % d];
    return table[inputs.ids[token] * d + column] + inputs["wpe.weight"][(token % length) * d + column];
  });
  for (let layer = 0; layer < layers; layer++) {
    const names = Object.keys(inputs).filter((name) => name.startsWith(`h.${layer}.`));
    const own = Object.fromEntries(names.map((name) => [name.slice(`h.${layer}.`.length), inputs[name]]));
    x = block(row, x, own);
  }
  x = layerNorm(x, inputs["ln_f.weight"], inputs["ln_f.bias"]);
  const logits = new Float64Array(vocabulary);
  let total = 0;
  for (let token = 0; token < batch * length; token++) {
    for (let v = 0; v < vocabulary; v++) {
      let logit = 0;
      for (let i = 0; i < d; i++) logit += x[token * d + i] * table[v * d + i];
      logits[v] = logit;
    }
    const largest = logits.reduce((a, b) => Math.max(a, b));
    total += largest + Math.log(sum(vocabulary, (v) => Math.exp(logits[v] - largest)).value);
    total -= logits[inputs.labels[token]];
  }
  return total / (batch * length);
});

/** The first loss in double precision, the next ones as the row has them: what the optimizer made of the gradients. */
function lossError(row, inputs, { losses }, isWhole) {
  const expected = firstLoss(row, inputs);
  if (!(Math.abs(losses?.[0] - expected) <= LOSS_TOLERANCE * expected)) {
    return `the first loss is ${losses?.[0]}, expected ${rounded(expected)}`;
  }
  const known = isWhole ? row.laterLosses : row.laterLosses.slice(0, losses.length - 1);
  const wrong = known.findIndex((loss, i) => !(Math.abs(losses[i + 1] - loss) <= 1e-3 * loss));
  return wrong < 0 ? null : `loss ${wrong + 2} is ${losses[wrong + 1]}, expected ${known[wrong]}`;
}
