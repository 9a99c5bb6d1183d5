// onnxruntime-web on WebGPU: inference only. Inputs and outputs stay in GPU buffers, so nothing is copied in a run.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { encodeModel, node } from "../onnx.mjs";
import { installWebGPU } from "../webgpu.mjs";

export { counters } from "../webgpu.mjs";
export const name = "onnxruntime";
const require = createRequire(import.meta.url);
const WASM = "onnxruntime-web/ort-wasm-simd-threaded.asyncify";

export let version;
let ort;
let device;

export async function open() {
  const adapter = await installWebGPU();
  ort = await import("onnxruntime-web/webgpu");
  version = ort.env.versions.web;
  // Node's fetch reads no files, so the binary is handed over; threads would need a browser's workers.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = readFileSync(require.resolve(`${WASM}.wasm`));
  ort.env.wasm.wasmPaths = { mjs: pathToFileURL(require.resolve(`${WASM}.mjs`)).href };
  ort.env.logLevel = "error";
  return { adapter: adapter.description };
}

const FLAGS = 0x80 | 4 | 8; // STORAGE | COPY_SRC | COPY_DST

function put({ shape, values }) {
  const data = values();
  const buffer = device.createBuffer({ size: data.byteLength, usage: FLAGS });
  device.queue.writeBuffer(buffer, 0, data);
  return { buffer, tensor: ort.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: shape }) };
}

const int64 = (...values) => ({ shape: [values.length], data: BigInt64Array.from(values, BigInt) });
const float = (data, shape) => ({ shape, data });

/** Nodes, shapes and constants of a row. */
const models = {
  matmul: ({ batch, m, n }) => ({
    nodes: [node("MatMul", ["a", "b"], "y")],
    outputs: { y: batch > 1 ? [batch, m, n] : [m, n] },
  }),
  softmax: ({ shape }) => ({ nodes: [node("Softmax", ["x"], "y", { axis: -1 })], outputs: { y: shape } }),
  "layer-norm": ({ shape }) => ({
    nodes: [node("LayerNormalization", ["x", "gain", "bias"], "y", { axis: -1, epsilon: 1.0000001e-5 })],
    outputs: { y: shape },
  }),
  gelu: ({ shape }) => ({ nodes: [node("Gelu", ["x"], "y", { approximate: "tanh" })], outputs: { y: shape } }),
  add: ({ inputs }) => ({ nodes: [node("Add", ["a", "b"], "y")], outputs: { y: inputs.a.shape } }),
  sum: () => ({ nodes: [node("ReduceSum", ["x"], "y", { keepdims: 0 })], outputs: { y: [] } }),
  convolution: ({ batch, filters, kernel, stride, padding, output }) => ({
    nodes: [
      node("Conv", ["x", "weight"], "y", {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [padding, padding, padding, padding],
      }),
    ],
    outputs: { y: [batch, filters, output, output] },
  }),
  "tiny-adds": ({ count, inputs }) => ({
    nodes: Array.from({ length: count }, (_, i) =>
      node("Add", [i === 0 ? "a" : `t${i}`, "b"], i === count - 1 ? "y" : `t${i + 1}`),
    ),
    outputs: { y: inputs.a.shape },
  }),
  block: blockModel,
};

function blockModel({ batch, length, width: d, heads, inputs }) {
  const head = d / heads;
  const { x, ...parameters } = inputs;
  const constants = Object.fromEntries(
    Object.entries(parameters).map(([name, { shape, values }]) => [name, float(values(), shape)]),
  );
  constants.split = int64(batch, length, heads, head);
  constants.merged = int64(batch, length, d);
  constants.scale = float(Float32Array.of(1 / Math.sqrt(head)), []);
  const mask = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? -1e9 : 0,
  );
  constants.mask = float(mask, [length, length]);
  const norm = (from, name, to) =>
    node("LayerNormalization", [from, `${name}.weight`, `${name}.bias`], to, { axis: -1, epsilon: 1.0000001e-5 });
  const linear = (from, name, to) => [
    node("MatMul", [from, `${name}.weight`], `${to}.product`),
    node("Add", [`${to}.product`, `${name}.bias`], to),
  ];
  const heads3 = ["q", "k", "v"].flatMap((part) => [
    node("Reshape", [part, "split"], `${part}.split`),
    node("Transpose", [`${part}.split`], `${part}.heads`, { perm: part === "k" ? [0, 2, 3, 1] : [0, 2, 1, 3] }),
  ]);
  const nodes = [
    norm("x", "ln_1", "n1"),
    ...linear("n1", "attn.c_attn", "joint"),
    node("Split", ["joint"], ["q", "k", "v"], { axis: -1, num_outputs: 3 }),
    ...heads3,
    node("MatMul", ["q.heads", "k.heads"], "scores"),
    node("Mul", ["scores", "scale"], "scaled"),
    node("Add", ["scaled", "mask"], "masked"),
    node("Softmax", ["masked"], "p", { axis: -1 }),
    node("MatMul", ["p", "v.heads"], "o.heads"),
    node("Transpose", ["o.heads"], "o.split", { perm: [0, 2, 1, 3] }),
    node("Reshape", ["o.split", "merged"], "o"),
    ...linear("o", "attn.c_proj", "projected"),
    node("Add", ["x", "projected"], "residual"),
    norm("residual", "ln_2", "n2"),
    ...linear("n2", "mlp.c_fc", "inner"),
    node("Gelu", ["inner"], "activated", { approximate: "tanh" }),
    ...linear("activated", "mlp.c_proj", "out"),
    node("Add", ["residual", "out"], "y"),
  ];
  return { nodes, constants, inputs: { x }, outputs: { y: [batch, length, d] } };
}

export const canDo = ({ pass }) => pass === "forward";

export async function prepare(row) {
  const { nodes, constants, inputs = row.inputs, outputs } = models[row.kind](row);
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const session = await ort.InferenceSession.create(encodeModel({ nodes, inputs: shapes, outputs, constants }), {
    executionProviders: ["webgpu"],
    preferredOutputLocation: "gpu-buffer",
    // Otherwise the adds of the chain would be folded or fused, and it is them that are timed.
    graphOptimizationLevel: row.kind === "tiny-adds" ? "disabled" : "all",
  });
  device = await ort.env.webgpu.device;
  const given = Object.entries(inputs).map(([name, input]) => [name, put(input)]);
  const feeds = Object.fromEntries(given.map(([name, { tensor }]) => [name, tensor]));
  let last;
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        last?.dispose();
        last = (await session.run(feeds)).y;
        // As in every engine, this row ends with its sixteen numbers on the host.
        if (row.kind === "tiny-adds") await last.getData();
      }
      await device.queue.onSubmittedWorkDone();
      return performance.now() - begin;
    },
    read: async () => ({ y: await last.getData() }),
    async release() {
      last?.dispose();
      for (const [, { buffer }] of given) buffer.destroy();
      await session.release();
    },
  };
}
