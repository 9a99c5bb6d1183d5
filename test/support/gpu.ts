import { afterAll, beforeAll } from "vitest";
import { Gpu, type OpenOptions } from "../../src/gpu/index.ts";
import { openDevice } from "../../src/gpu/open.ts";

type MakeGpu = (device: GPUDevice, info: GPUAdapterInfo) => Gpu;

/** The handle of a test file (or a `describe`): opened before its first test, closed after its last. */
export function useGpu(options: OpenOptions = {}, make: MakeGpu = (device, info) => new Gpu(device, info)): () => Gpu {
  let gpu: Gpu | undefined;
  beforeAll(async () => {
    const { device, info } = await openDevice(options);
    gpu = make(device, info).use();
  });
  afterAll(() => gpu?.close());
  return () => gpu!;
}

/**
 * The device under a GPU's name, so that the kernel variants for GPUs (workgroup memory, barriers, many lanes a row)
 * run on a software adapter as well.
 */
export const asHardware: MakeGpu = (device) => new Gpu(device, { vendor: "nvidia" } as GPUAdapterInfo);

/**
 * The device with smaller limits. WebGPU gives no device below the guaranteed minimum, but the engine splits its work
 * by `device.limits` alone; so small tensors take the ways of those over 128 MiB.
 */
export const withLimits =
  (limits: Partial<Record<keyof GPUSupportedLimits, number>>): MakeGpu =>
  (device, info) => {
    const all: Record<string, number> = {};
    for (const name in device.limits) all[name] = device.limits[name as keyof GPUSupportedLimits] as number;
    const smaller = { ...all, ...limits };
    const proxy = new Proxy(device, {
      get(target, property) {
        if (property === "limits") return smaller;
        const value = Reflect.get(target, property, target) as unknown;
        return typeof value === "function" ? value.bind(target) : value;
      },
      set: (target, property, value) => Reflect.set(target, property, value, target),
    });
    return new Gpu(proxy, info);
  };
