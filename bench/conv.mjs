// Times conv2d, its input gradient and its weight gradient on the shapes of image classifiers, beside a matrix product
// of as many operations. Elements of every result are first compared with sums in double precision.
// Prints a table, then JSON. Usage: npm run bench:conv [-- --software] [--seconds N] [--only TEXT]
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { Gpu, matmul, ops, tensor, tidy } from "../dist/index.js";

const { version } = createRequire(import.meta.url)("../package.json");

const CASES = [
  { name: "3×3 64→64, 56×56, batch 4", x: [4, 64, 56, 56], weight: [64, 64, 3, 3], stride: 1, padding: 1 },
  { name: "7×7 stride 2 3→64, 224×224", x: [1, 3, 224, 224], weight: [64, 3, 7, 7], stride: 2, padding: 3 },
  { name: "1×1 256→64, 56×56", x: [1, 256, 56, 56], weight: [64, 256, 1, 1], stride: 1, padding: 0 },
  {
    name: "depthwise 3×3 64, 56×56, batch 4",
    ...{ x: [4, 64, 56, 56], weight: [64, 1, 3, 3], stride: 1, padding: 1, groups: 64 },
  },
];

/** Elements of each result that are compared. */
const SAMPLES = 64;

const argument = (name) => {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
};
const secondsPerRow = Number(argument("--seconds") ?? 1);
const only = argument("--only") ?? "";

const size = (shape) => shape.reduce((product, length) => product * length, 1);

/** Numbers in [-1, 1) that repeat from run to run. */
function values(shape, seed) {
  let state = seed >>> 0;
  return Float32Array.from({ length: size(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The index of an element, from its position. */
function unravel(position, shape) {
  const index = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(position % shape[axis]);
    position = Math.floor(position / shape[axis]);
  }
  return index;
}

const at = ([i, j, k, l], [, b, c, d]) => ((i * b + j) * c + k) * d + l;

/** One element of each of the three operations, in double precision, and the sum of its terms' magnitudes. */
function references({ x, weight, y, stride, padding, groups }, data) {
  const [outputs, perGroup, kernelHeight, kernelWidth] = weight;
  const outputsPerGroup = outputs / groups;
  const sumOf = (visit) => {
    let [sum, magnitude] = [0, 0];
    visit((a, b) => {
      sum += a * b;
      magnitude += Math.abs(a * b);
    });
    return { sum, magnitude };
  };
  const isInside = (row, column) => row >= 0 && row < x[2] && column >= 0 && column < x[3];
  return {
    forward: ([n, o, p, q]) =>
      sumOf((add) => {
        for (let c = 0; c < perGroup; c++)
          for (let i = 0; i < kernelHeight; i++)
            for (let j = 0; j < kernelWidth; j++) {
              const [row, column] = [p * stride + i - padding, q * stride + j - padding];
              const channel = Math.floor(o / outputsPerGroup) * perGroup + c;
              if (isInside(row, column))
                add(data.x[at([n, channel, row, column], x)], data.weight[at([o, c, i, j], weight)]);
            }
      }),
    inputGradient: ([n, channel, row, column]) =>
      sumOf((add) => {
        const group = Math.floor(channel / perGroup);
        for (let o = group * outputsPerGroup; o < (group + 1) * outputsPerGroup; o++)
          for (let i = 0; i < kernelHeight; i++)
            for (let j = 0; j < kernelWidth; j++) {
              const [p, q] = [(row + padding - i) / stride, (column + padding - j) / stride];
              const isWhole = Number.isInteger(p) && Number.isInteger(q);
              if (isWhole && p >= 0 && p < y[2] && q >= 0 && q < y[3])
                add(data.g[at([n, o, p, q], y)], data.weight[at([o, channel % perGroup, i, j], weight)]);
            }
      }),
    weightGradient: ([o, c, i, j]) =>
      sumOf((add) => {
        const channel = Math.floor(o / outputsPerGroup) * perGroup + c;
        for (let n = 0; n < y[0]; n++)
          for (let p = 0; p < y[2]; p++)
            for (let q = 0; q < y[3]; q++) {
              const [row, column] = [p * stride + i - padding, q * stride + j - padding];
              if (isInside(row, column)) add(data.x[at([n, channel, row, column], x)], data.g[at([n, o, p, q], y)]);
            }
      }),
  };
}

/** Compares sampled elements; a sum in single precision is off by at most its length in roundings of its magnitude. */
async function check(name, result, reference) {
  const actual = await result.data();
  let worst = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const position = Math.floor(((i + 0.5) / SAMPLES) * actual.length);
    const { sum, magnitude } = reference(unravel(position, result.shape));
    worst = Math.max(worst, Math.abs(actual[position] - sum) / (magnitude || 1));
  }
  if (!(worst < 1e-5)) throw new Error(`${name}: an element is off by ${worst} of the magnitude of its terms`);
  return worst;
}

/**
 * Times runs, each to its end on the device: the median, and the quartiles as the spread. On a software adapter the
 * processor's time a run, over all cores, tells more when the machine is busy.
 */
async function time(gpu, run) {
  const milliseconds = [];
  const end = performance.now() + 1000 * secondsPerRow;
  const before = process.cpuUsage();
  while (milliseconds.length < 5 || performance.now() < end) {
    const begin = performance.now();
    tidy(() => void run());
    await gpu.finish();
    milliseconds.push(performance.now() - begin);
  }
  const { user, system } = process.cpuUsage(before);
  const processor = Number(((user + system) / 1000 / milliseconds.length).toFixed(3));
  milliseconds.sort((a, b) => a - b);
  const quantile = (q) => Number(milliseconds[Math.floor(q * (milliseconds.length - 1))].toFixed(3));
  return { median: quantile(0.5), lower: quantile(0.25), upper: quantile(0.75), processor, runs: milliseconds.length };
}

const gpu = await Gpu.open(process.argv.includes("--software") ? { software: true } : {});
const rows = [];
for (const { name, x, weight, stride, padding, groups = 1 } of CASES.filter((test) => test.name.includes(only))) {
  const around = [
    [padding, padding],
    [padding, padding],
  ];
  const geometry = { stride: [stride, stride], padding: around, dilation: [1, 1], groups };
  const lengths = [2, 3].map((axis) => Math.floor((x[axis] + 2 * padding - weight[axis]) / stride) + 1);
  const y = [x[0], weight[0], ...lengths];
  const data = { x: values(x, 1), weight: values(weight, 2), g: values(y, 3) };
  const [input, filter, cotangent] = [tensor(data.x, x), tensor(data.weight, weight), tensor(data.g, y)];
  const operations = 2 * size(y) * size(weight.slice(1));
  const [m, n, k] = [weight[0], size(y) / weight[0], size(weight.slice(1))];
  const [a, b] = [tensor(values([m, k], 4), [m, k]), tensor(values([k, n], 5), [k, n])];
  const work = {
    forward: () => ops.conv2d([input, filter], geometry),
    inputGradient: () => ops.conv2dInputGradient([cotangent, filter], { ...geometry, size: x.slice(2) }),
    weightGradient: () => ops.conv2dWeightGradient([input, cotangent], { ...geometry, kernel: weight.slice(2) }),
    matmul: () => matmul(a, b),
  };
  const reference = references({ x, weight, y, stride, padding, groups }, data);
  for (const [operation, run] of Object.entries(work)) {
    const first = performance.now();
    const result = tidy(run);
    await gpu.finish();
    const firstMilliseconds = Number((performance.now() - first).toFixed(1));
    const error = reference[operation] ? await check(`${name} ${operation}`, result, reference[operation]) : null;
    result.dispose();
    const milliseconds = await time(gpu, run);
    const gigaflops = Number((operations / milliseconds.median / 1e6).toFixed(2));
    rows.push({ name, operation, operations, milliseconds, gigaflops, firstMilliseconds, error });
  }
  for (const operand of [input, filter, cotangent, a, b]) operand.dispose();
}

console.log(`${gpu.adapter.name}; ${cpus().length} × ${cpus()[0].model}; node ${process.version}; graft ${version}\n`);
console.log(
  `${"".padEnd(34)}${"operation".padEnd(16)}${"ms".padStart(10)}${"quartiles".padStart(18)}${"processor".padStart(11)}${"GFLOP/s".padStart(10)}`,
);
for (const { name, operation, milliseconds, gigaflops } of rows) {
  const spread = `${milliseconds.lower.toFixed(2)}–${milliseconds.upper.toFixed(2)}`;
  const numbers = [
    milliseconds.median.toFixed(2).padStart(10),
    spread.padStart(18),
    milliseconds.processor.toFixed(2).padStart(11),
    gigaflops.toFixed(2).padStart(10),
  ];
  console.log(`${name.padEnd(34)}${operation.padEnd(16)}${numbers.join("")}`);
}
const { name, class: adapterClass, vendor, architecture, device, description, isSoftware } = gpu.adapter;
const adapter = { name, class: adapterClass, vendor, architecture, device, description, isSoftware };
const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version, graft: version };
console.log(`\n${JSON.stringify({ adapter, machine, samples: SAMPLES, rows })}`);
gpu.close();
