// WebGPU for Node where a library expects a browser, with counters of what the library asks of the device.

const counts = { dispatches: 0, submits: 0, buffers: 0, bindGroups: 0, pipelines: 0 };
const memory = { bytes: 0, peakBytes: 0 };

/** Messages of GPU errors that nobody handled: an invalid command "runs" in no time, so they void a row. */
export const errors = [];

/** What has been asked of the device so far, and the most bytes of buffers alive since the last call. */
export function counters() {
  const { peakBytes } = memory;
  memory.peakBytes = memory.bytes;
  return { ...counts, peakBytes };
}

function after(type, method, count) {
  const original = type.prototype[method];
  type.prototype[method] = function (...values) {
    const result = original.apply(this, values);
    count.call(this, result, values);
    return result;
  };
}

function countEverything() {
  after(globalThis.GPUComputePassEncoder, "dispatchWorkgroups", () => counts.dispatches++);
  after(globalThis.GPUComputePassEncoder, "dispatchWorkgroupsIndirect", () => counts.dispatches++);
  after(globalThis.GPUQueue, "submit", () => counts.submits++);
  after(globalThis.GPUDevice, "createBindGroup", () => counts.bindGroups++);
  after(globalThis.GPUDevice, "createComputePipeline", () => counts.pipelines++);
  after(globalThis.GPUDevice, "createComputePipelineAsync", () => counts.pipelines++);
  const sizes = new WeakMap();
  after(globalThis.GPUDevice, "createBuffer", (buffer, [{ size }]) => {
    counts.buffers++;
    sizes.set(buffer, size);
    memory.bytes += size;
    memory.peakBytes = Math.max(memory.peakBytes, memory.bytes);
  });
  after(globalThis.GPUBuffer, "destroy", function () {
    memory.bytes -= sizes.get(this) ?? 0;
    sizes.delete(this);
  });
}

/** Dawn-Node's writeBuffer refuses views of shared memory, which is what a threaded WebAssembly heap is. */
function acceptSharedMemory() {
  const { writeBuffer } = globalThis.GPUQueue.prototype;
  globalThis.GPUQueue.prototype.writeBuffer = function (buffer, offset, data, dataOffset = 0, size = undefined) {
    const memoryOf = data.buffer ?? data;
    if (!(memoryOf instanceof SharedArrayBuffer)) return writeBuffer.call(this, buffer, offset, data, dataOffset, size);
    const unit = data.BYTES_PER_ELEMENT ?? 1;
    const start = (data.byteOffset ?? 0) + dataOffset * unit;
    const length = size === undefined ? data.byteLength - dataOffset * unit : size * unit;
    return writeBuffer.call(this, buffer, offset, new Uint8Array(memoryOf, start, length).slice());
  };
}

/** Puts `navigator.gpu` in place and starts counting. Call it before importing a library. */
export async function installWebGPU() {
  await import("core-js/actual/iterator/index.js"); // jax-js wants iterator helpers, which Node has from 22 on
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = create([]);
  const info = {};
  const shim = {
    wgslLanguageFeatures: gpu.wgslLanguageFeatures,
    getPreferredCanvasFormat: () => "bgra8unorm",
    async requestAdapter(options) {
      const adapter = await gpu.requestAdapter(options);
      if (!adapter) return adapter;
      info.description = adapter.info.description || adapter.info.device;
      const request = adapter.requestDevice.bind(adapter);
      // TensorFlow.js asks for a list inside the list of features; a browser makes a string of it, Dawn-Node throws.
      adapter.requestDevice = async (descriptor = {}) => {
        const requiredFeatures = [...(descriptor.requiredFeatures ?? [])].flat();
        const device = await request({ ...descriptor, requiredFeatures });
        device.addEventListener("uncapturederror", (event) => {
          event.preventDefault();
          errors.push(event.error.message);
        });
        return device;
      };
      return adapter;
    },
  };
  const navigator = {
    gpu: shim,
    userAgent: "Node.js (X11; Linux x86_64)",
    hardwareConcurrency: 2,
    platform: "linux",
    vendor: "",
  };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
  countEverything();
  acceptSharedMemory();
  await shim.requestAdapter();
  return info;
}
