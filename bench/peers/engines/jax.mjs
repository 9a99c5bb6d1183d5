// jax-js on WebGPU, traced and compiled (`jit`) or op by op.
import { createRequire } from "node:module";
import { installWebGPU } from "../webgpu.mjs";

export { counters } from "../webgpu.mjs";

const isJit = !process.argv.includes("eager");
export const name = isJit ? "jax-js jit" : "jax-js eager";
const manifest = new URL("../node_modules/@jax-js/jax/package.json", import.meta.url);
export const { version } = createRequire(import.meta.url)(manifest.pathname);

/** A compiled function leaves out the forward pass where the gradients do not need its result. */
export const separatesBackward = isJit;

let jax;
let np;
const compiled = (f) => (isJit ? jax.jit(f) : f);

export async function open() {
  const adapter = await installWebGPU();
  jax = await import("@jax-js/jax");
  np = jax.numpy;
  if (!(await jax.init()).includes("webgpu")) throw new Error("its WebGPU device does not start");
  jax.defaultDevice("webgpu");
  return { adapter: adapter.description };
}

const put = ({ shape, values }) => {
  const data = values();
  return np.array(data, data instanceof Int32Array ? { dtype: np.int32 } : {}).reshape(shape);
};
const putAll = (inputs) => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, put(input)]));

async function ready(value) {
  await jax.blockUntilReady(jax.tree.leaves(value));
  return value;
}

async function readAll(tensors) {
  const entries = [];
  for (const [name, x] of Object.entries(tensors)) entries.push([name, await x.ref.data()]);
  return Object.fromEntries(entries);
}

const layerNorm = (x, gain, bias) => jax.nn.standardize(x, -1).mul(gain).add(bias);

const operations = {
  matmul: () => (a, b) => np.matmul(a, b),
  softmax: () => (x) => jax.nn.softmax(x, -1),
  "layer-norm": () => layerNorm,
  gelu: () => (x) => jax.nn.gelu(x),
  add: () => (a, b) => a.add(b),
  sum: () => (x) => np.sum(x),
  convolution:
    ({ stride, padding }) =>
    (x, weight) =>
      jax.lax.convGeneralDilated(
        x,
        weight,
        [stride, stride],
        [
          [padding, padding],
          [padding, padding],
        ],
      ),
};

/** The gradients of f's operands for the cotangent that comes last. */
const gradients =
  (f) =>
  (...values) => {
    const dy = values.pop();
    const [y, pullback] = jax.vjp(f, values);
    const result = pullback(dy);
    jax.tree.dispose(y);
    pullback.dispose?.();
    return result;
  };

async function operation(row) {
  const { dy, ...operands } = await ready(putAll(row.inputs));
  const names = Object.keys(operands);
  const apply = operations[row.kind](row);
  const isBackward = row.pass === "backward";
  const f = compiled(isBackward ? gradients(apply) : apply);
  const values = [...Object.values(operands), ...(isBackward ? [dy] : [])];
  let last;
  return {
    async run(count) {
      if (last) jax.tree.dispose(last);
      const begin = performance.now();
      const results = [];
      for (let i = 0; i < count; i++) results.push(f(...values.map((x) => x.ref)));
      for (const result of results) await ready(result);
      const elapsed = performance.now() - begin;
      last = results.pop();
      jax.tree.dispose(results);
      return elapsed;
    },
    read: () => readAll(isBackward ? Object.fromEntries(names.map((name, i) => [name, last[i]])) : { y: last }),
    release() {
      jax.tree.dispose([last, ...Object.values(operands), ...(dy ? [dy] : [])]);
    },
  };
}

/** A pre-norm block of x [batch, length, d]; consumes its parameters and x. */
function transformerBlock(p, x, batch, length, d, heads) {
  const joint = np.matmul(layerNorm(x.ref, p["ln_1.weight"], p["ln_1.bias"]), p["attn.c_attn.weight"]);
  const [q, k, v] = np
    .split(joint.add(p["attn.c_attn.bias"]), 3, -1)
    .map((part) => part.reshape([batch, length, heads, d / heads]));
  const attended = jax.nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([batch, length, d]);
  const y = x.add(np.matmul(attended, p["attn.c_proj.weight"]).add(p["attn.c_proj.bias"]));
  const normed = layerNorm(y.ref, p["ln_2.weight"], p["ln_2.bias"]);
  const inner = jax.nn.gelu(np.matmul(normed, p["mlp.c_fc.weight"]).add(p["mlp.c_fc.bias"]));
  return y.add(np.matmul(inner, p["mlp.c_proj.weight"]).add(p["mlp.c_proj.bias"]));
}

async function block({ batch, length, width, heads, pass, inputs }) {
  const { x, ...p } = await ready(putAll(inputs));
  const output = (p, x) => transformerBlock(p, x, batch, length, width, heads);
  const f = compiled(pass === "forward" ? output : jax.valueAndGrad((p, x) => np.mean(np.square(output(p, x)))));
  let last;
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        if (last) jax.tree.dispose(last);
        last = f(jax.tree.ref(p), x.ref);
      }
      await ready(last);
      return performance.now() - begin;
    },
    read: () => readAll(pass === "forward" ? { y: last } : { loss: last[0], ...last[1] }),
    release: () => jax.tree.dispose([last, p, x]),
  };
}

async function trainingStep(row) {
  const { batch, length, width, heads, layers, vocabulary, learningRate, beta1, beta2, epsilon, weightDecay } = row;
  const { ids, labels, ...weights } = row.inputs;
  let parameters = await ready(putAll(weights));
  const tokens = put(ids);
  const targets = put(labels);
  const loss = (p, tokens, targets) => {
    let x = np.take(p["wte.weight"].ref, tokens, 0).add(p["wpe.weight"]);
    for (let layer = 0; layer < layers; layer++) {
      const prefix = `h.${layer}.`;
      const names = Object.keys(p).filter((name) => name.startsWith(prefix));
      const own = Object.fromEntries(names.map((name) => [name.slice(prefix.length), p[name]]));
      x = transformerBlock(own, x, batch, length, width, heads);
    }
    const rows = layerNorm(x, p["ln_f.weight"], p["ln_f.bias"]).reshape([batch * length, width]);
    const logits = np.matmul(rows, np.transpose(p["wte.weight"]));
    // Its oneHot makes an identity matrix of the whole vocabulary, 10 GB, so the label is found by comparison.
    const isLabel = np.equal(targets.reshape([-1, 1]), np.arange(vocabulary));
    return np.mean(np.sum(np.where(isLabel, jax.nn.logSoftmax(logits, -1), 0), -1)).mul(-1);
  };
  const valueAndGrad = jax.valueAndGrad(loss);
  const update = (p, m, v, t, tokens, targets) => {
    const [value, g] = valueAndGrad(jax.tree.ref(p), tokens, targets);
    m = jax.tree.map((m, g) => m.mul(beta1).add(g.ref.mul(1 - beta1)), m, g);
    v = jax.tree.map((v, g) => v.mul(beta2).add(np.square(g).mul(1 - beta2)), v, g);
    const first = np.subtract(1, np.power(beta1, t.ref));
    const second = np.subtract(1, np.power(beta2, t));
    p = jax.tree.map(
      (p, m, v) => {
        const change = m.ref
          .div(first.ref)
          .div(np.sqrt(v.ref.div(second.ref)).add(epsilon))
          .mul(learningRate);
        return (p.ndim > 1 ? p.mul(1 - learningRate * weightDecay) : p).sub(change);
      },
      p,
      m,
      v,
    );
    first.dispose();
    second.dispose();
    return [value, p, m, v];
  };
  const step = compiled(update);
  const zeros = () => jax.tree.map((p) => np.zeros(p.shape), parameters);
  let [m, v, steps] = [zeros(), zeros(), 0];
  const losses = [];
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        let value;
        const t = np.array(++steps, { dtype: np.float32 });
        [value, parameters, m, v] = step(parameters, m, v, t, tokens.ref, targets.ref);
        losses.push((await value.data())[0]);
        await ready(parameters);
      }
      return performance.now() - begin;
    },
    read: async () => ({ losses: Float32Array.from(losses) }),
    release: () => jax.tree.dispose([parameters, m, v, tokens, targets]),
  };
}

async function tinyAdds(row) {
  const { a, b } = await ready(putAll(row.inputs));
  const addition = compiled((x, y) => x.add(y));
  let values;
  return {
    async run(count) {
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        let x = a.ref;
        for (let j = 0; j < row.count; j++) x = addition(x, b.ref);
        values = await x.data();
      }
      return performance.now() - begin;
    },
    read: async () => ({ y: values }),
    release: () => jax.tree.dispose([a, b]),
  };
}

export function prepare(row) {
  if (row.kind === "block") return block(row);
  if (row.kind === "training-step") return trainingStep(row);
  if (row.kind === "tiny-adds") return tinyAdds(row);
  return operation(row);
}
