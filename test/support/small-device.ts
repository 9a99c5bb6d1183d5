export type Limits = Partial<Record<keyof GPUSupportedLimits, number>>;

/** What a device of smaller limits would not do. */
export class RefusedError extends Error {
  override name = "RefusedError";
}

/**
 * The device as if it had smaller limits. WebGPU gives none below the guaranteed minimum, but the engine splits its work
 * by `device.limits` alone; so small tensors take the ways of those over 128 MiB. What such a device would refuse throws:
 * buffers and bindings that are too large, too many storage buffers, and workgroups of too many invocations.
 */
export function smallDevice(device: GPUDevice, smaller: Limits): GPUDevice {
  const limits: Record<string, number> = {};
  for (const name in device.limits) limits[name] = device.limits[name as keyof GPUSupportedLimits] as number;
  Object.assign(limits, smaller);
  const codes = new WeakMap<GPUShaderModule, string>();
  const most = (name: keyof GPUSupportedLimits, value: number, what: string): void => {
    if (value > limits[name]) throw new RefusedError(`${what}: ${value}, but ${name} is ${limits[name]}`);
  };
  const checked: Partial<GPUDevice> = {
    createBuffer(descriptor) {
      most("maxBufferSize", descriptor.size, "a buffer");
      return device.createBuffer(descriptor);
    },
    createBindGroupLayout(descriptor) {
      const storage = [...descriptor.entries].filter(({ buffer }) => buffer?.type?.includes("storage"));
      most("maxStorageBuffersPerShaderStage", storage.length, "storage buffers");
      return device.createBindGroupLayout(descriptor);
    },
    createBindGroup(descriptor) {
      for (const { resource } of descriptor.entries) {
        const { buffer, offset = 0, size = buffer.size - offset } = resource as GPUBufferBinding;
        // Parameters are far below any limit of uniforms.
        most("maxStorageBufferBindingSize", size, "a binding");
      }
      return device.createBindGroup(descriptor);
    },
    createShaderModule(descriptor) {
      const module = device.createShaderModule(descriptor);
      codes.set(module, descriptor.code);
      return module;
    },
    createComputePipeline(descriptor) {
      const size = workgroupSize(codes.get(descriptor.compute.module)!);
      const invocations = size.reduce((product, length) => product * length, 1);
      most("maxComputeInvocationsPerWorkgroup", invocations, `${descriptor.label}: invocations`);
      return device.createComputePipeline(descriptor);
    },
  };
  return new Proxy(device, {
    get(target, property) {
      if (property === "limits") return limits;
      if (property in checked) return checked[property as keyof GPUDevice];
      const value = Reflect.get(target, property, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, property, value) => Reflect.set(target, property, value, target),
  });
}

/** The lengths of a shader's workgroup, from its text. */
function workgroupSize(code: string): number[] {
  const written = /@workgroup_size\(([^)]*)\)/.exec(code);
  if (!written) throw new Error("the shader has no @workgroup_size");
  const numbers = (text: string): string => text.replace(/\b(\d+)[ui]\b/g, "$1");
  const constants: Record<string, unknown> = { max: Math.max, min: Math.min };
  for (const [, name, value] of code.matchAll(/^const (\w+)(?:\s*:[^=\n]+)?\s*=\s*([^;\n]*);/gm)) {
    // Constants of other kinds are of no interest here.
    try {
      constants[name] = evaluate(numbers(value), constants);
    } catch {}
  }
  return written[1]
    .split(",")
    .filter((part) => part.trim())
    .map((part) => evaluate(numbers(part), constants) as number);
}

/** The value of an expression over these names. */
function evaluate(expression: string, names: Record<string, unknown>): unknown {
  return new Function(...Object.keys(names), `return (${expression});`)(...Object.values(names));
}
