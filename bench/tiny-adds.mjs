// A chain of 1000 additions of 16 numbers that ends with a readback, in the engine's ops and in bare WebGPU calls, the floor
// beneath any engine: microseconds an op, the least of many runs in turn.
import { add, Gpu, tensor, tidy } from "../dist/index.js";

const OPS = 1000;
const LENGTH = 16;
const ROUNDS = 40;

const WGSL = `
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < ${LENGTH / 4}u) { y[id.x] = a[id.x] + b[id.x]; }
}`;

/** The chain in bare calls, with everything made ahead: two buffers in turn, one pass, one submit. */
function bareChain(device) {
  const size = 4 * LENGTH;
  const [STORAGE, COPY_SRC, COPY_DST, MAP_READ] = [128, 4, 8, 1];
  const make = (usage) => device.createBuffer({ size, usage });
  const [one, x, y] = [0, 1, 2].map(() => make(STORAGE | COPY_SRC | COPY_DST));
  const staging = make(MAP_READ | COPY_DST);
  device.queue.writeBuffer(one, 0, new Float32Array(LENGTH).fill(1));
  const module = device.createShaderModule({ code: WGSL });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const layout = pipeline.getBindGroupLayout(0);
  const groups = [
    [x, one, y],
    [y, one, x],
  ].map((buffers) =>
    device.createBindGroup({ layout, entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })) }),
  );
  const run = async () => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    for (let i = 0; i < OPS; i++) {
      pass.setBindGroup(0, groups[i % 2]);
      pass.dispatchWorkgroups(1);
    }
    pass.end();
    encoder.copyBufferToBuffer(x, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(1);
    const [value] = new Float32Array(staging.getMappedRange().slice(0));
    staging.unmap();
    return value;
  };
  return { run, release: () => [one, x, y, staging].forEach((buffer) => void buffer.destroy()) };
}

/** Microseconds an op of both, `{ graft, bare }`. */
export async function measureTinyAdds() {
  const gpu = await Gpu.open();
  const bare = bareChain(gpu.device);
  const one = tensor(new Float32Array(LENGTH).fill(1), [LENGTH], { gpu });
  const zero = tensor(new Float32Array(LENGTH), [LENGTH], { gpu });
  const graft = async () => {
    const y = tidy(() => {
      let x = zero;
      for (let i = 0; i < OPS; i++) x = add(x, one);
      return x;
    });
    const [value] = await y.data();
    y.dispose();
    return value;
  };
  const least = { graft: Number.POSITIVE_INFINITY, bare: Number.POSITIVE_INFINITY };
  let total = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of [
      ["graft", graft],
      ["bare", bare.run],
    ]) {
      const begin = performance.now();
      const value = await run();
      least[name] = Math.min(least[name], (1000 * (performance.now() - begin)) / OPS);
      // The bare chain goes on from where it ended.
      if (name === "bare") total += OPS;
      if (value !== (name === "bare" ? total : OPS)) throw new Error(`${name}: ${value} after ${OPS} additions of 1`);
    }
  }
  bare.release();
  for (const x of [one, zero]) x.dispose();
  gpu.close();
  return least;
}
