import { afterAll, beforeAll, inject } from "vitest";
import { isFirefox } from "../../src/gpu/adapter/firefox-wait.ts";
import { openDevice } from "../../src/gpu/adapter/open.ts";
import { Gpu, type OpenOptions } from "../../src/gpu/index.ts";
import { type Limits, smallDevice } from "./small-device.ts";

/** The device that a run of the suite is about; a project of the vitest configuration may provide another. */
export interface DeviceSetting extends Pick<OpenOptions, "software" | "limits" | "withoutFeatures"> {
  /** Limits below what WebGPU guarantees, see {@link smallDevice}. */
  smaller?: Limits;
}

declare module "vitest" {
  export interface ProvidedContext {
    device: DeviceSetting;
    /** Whether to run what an ordinary run leaves out. */
    thorough: boolean;
    /** Lanes of a subgroup that the project asks of lavapipe. */
    subgroupSize: number | undefined;
  }
}

type Wait = Awaited<ReturnType<typeof openDevice>>["wait"];
type MakeGpu = (device: GPUDevice, info: GPUAdapterInfo, wait?: Wait) => Gpu;

/** The handle of a test file (or a `describe`): opened before its first test, closed after its last. */
export function useGpu(options: OpenOptions = {}, make?: MakeGpu): () => Gpu {
  let gpu: Gpu | undefined;
  beforeAll(async () => {
    const { smaller, ...setting } = inject("device") ?? {};
    gpu = (await openWith({ ...setting, smaller: make ? undefined : smaller, ...options }, make)).use();
  });
  afterAll(() => gpu?.close());
  return () => gpu!;
}

const plainly: MakeGpu = (device, info, wait) => new Gpu(device, info, { wait });

/** Opens a device of a setting. */
export async function openWith({ smaller, ...options }: DeviceSetting & OpenOptions, make?: MakeGpu): Promise<Gpu> {
  const { device, info, wait } = await openDevice(options);
  const construct: MakeGpu = make ?? (smaller ? withLimits(smaller) : plainly);
  // In Node, where tests take turns on two cores, Dawn may poll.
  return construct(device, info, isFirefox() ? wait : undefined);
}

/**
 * The device under a GPU's name, so that the kernel variants for GPUs (workgroup memory, barriers, many lanes a row)
 * run on a software adapter as well.
 */
export const asHardware: MakeGpu = (device, _, wait) =>
  new Gpu(device, { vendor: "nvidia" } as GPUAdapterInfo, { wait });

/** The device under a software adapter's name, so that the kernel variants for processors run on a GPU as well. */
export const asSoftware: MakeGpu = (device, _, wait) =>
  new Gpu(device, { description: "llvmpipe" } as GPUAdapterInfo, { wait });

/**
 * Tells whether anything asked which adapter a handle has, since this was last called: only then do kernels differ
 * between adapters.
 */
export function watchAdapter(gpu: Gpu): () => boolean {
  const { adapter } = gpu;
  let asked = false;
  Object.defineProperty(gpu, "adapter", {
    get: () => {
      asked = true;
      return adapter;
    },
  });
  return () => {
    const result = asked;
    asked = false;
    return result;
  };
}

/** The device with smaller limits, see {@link smallDevice}. */
export const withLimits =
  (limits: Limits): MakeGpu =>
  (device, info, wait) =>
    new Gpu(smallDevice(device, limits), info, { wait });
