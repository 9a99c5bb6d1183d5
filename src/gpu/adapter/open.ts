import { GpuError } from "../errors.ts";
import type { VariantTable } from "../kernel/variants.ts";
import { describeSmallLimits, describeWebGpuProblem, isInBrowser, WebGpuUnavailableError } from "./availability.ts";
import { isFirefox, waitNudging } from "./firefox-wait.ts";
import { requireSubgroupMatrices, SUBGROUP_MATRIX_FEATURE } from "./subgroup-matrices.ts";

/** Which adapter is opened, and what is asked of it. */
export interface OpenOptions {
  /** A device the caller made; nothing is requested then. */
  device?: GPUDevice;
  /** An adapter the caller chose. */
  adapter?: GPUAdapter;
  /** Force a software adapter: in Node the one from npm, in a browser its own fallback adapter. */
  software?: boolean;
  /** `null` compiles and validates without running anything (Node only; for tests). */
  backend?: "null";
  /** `adapter` (default) asks for all the adapter has; `default` stays at WebGPU's guaranteed minimum. */
  limits?: "adapter" | "default";
  /** Optional features to leave switched off although the adapter has them. */
  withoutFeatures?: readonly string[];
  /**
   * Experimental (Node only): asks for the adapter's matrix units, which the candidate `subgroup-matrix` of products needs.
   * An adapter that has none is refused. Dawn then runs with its unsafe features allowed.
   */
  subgroupMatrices?: boolean;
  /** Bytes of buffers the handle may hold. */
  memoryBudget?: number;
  /** Kernel candidates to use instead of those for the adapter's class, as `graft tune` prints them. */
  variants?: VariantTable;
}

export interface OpenedDevice {
  device: GPUDevice;
  info: GPUAdapterInfo;
  /** How to wait for the device's promises; plainly when absent. Narrow work is made of dispatches of one workgroup. */
  wait?: <T>(promise: Promise<T>, isNarrow: boolean) => Promise<T>;
}

const WANTED_FEATURES = ["shader-f16", "subgroups", "timestamp-query"] as const;
const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const;

/** Finds an adapter and requests a device with what the engine can use of it. */
export async function openDevice(options: OpenOptions): Promise<OpenedDevice> {
  if (options.device && options.subgroupMatrices) {
    requireSubgroupMatrices(options.device.features, options.device.adapterInfo);
  }
  if (options.device) {
    return { device: options.device, info: options.device.adapterInfo, wait: firefoxWait(options.device) };
  }
  const { adapter, wait } = options.adapter ? { adapter: options.adapter } : await findAdapter(options);
  const without = new Set(options.withoutFeatures ?? []);
  const requiredFeatures: string[] = WANTED_FEATURES.filter((name) => adapter.features.has(name) && !without.has(name));
  if (options.subgroupMatrices) {
    requireSubgroupMatrices(adapter.features, adapter.info, options.backend === "null");
    requiredFeatures.push(SUBGROUP_MATRIX_FEATURE);
  }
  const requiredLimits: Record<string, number> = {};
  if (options.limits !== "default") {
    for (const name of WANTED_LIMITS) requiredLimits[name] = adapter.limits[name];
  }
  const device = await adapter.requestDevice({
    requiredFeatures: requiredFeatures as GPUFeatureName[],
    requiredLimits,
  });
  return { device, info: adapter.info, wait: wait ?? firefoxWait(device) };
}

const firefoxWait = (device: GPUDevice): OpenedDevice["wait"] => (isFirefox() ? waitNudging(device) : undefined);

async function findAdapter(options: OpenOptions): Promise<{ adapter: GPUAdapter; wait?: OpenedDevice["wait"] }> {
  const browserGpu = globalThis.navigator?.gpu;
  if (browserGpu && !options.backend && (!options.software || isInBrowser())) {
    const wanted = options.software ? { forceFallbackAdapter: true } : { powerPreference: "high-performance" as const };
    const adapter = await browserGpu.requestAdapter(wanted).catch(() => null);
    const problem = adapter ? describeSmallLimits(adapter.limits) : await describeWebGpuProblem();
    if (problem) throw new WebGpuUnavailableError(problem);
    if (adapter) return { adapter };
  }
  if (isInBrowser()) {
    const problem = await describeWebGpuProblem();
    if (problem) throw new WebGpuUnavailableError(problem);
    throw new GpuError(`this browser has no ${options.backend ? `backend "${options.backend}"` : "software adapter"}`);
  }
  const { findNodeAdapter } = await import("./node-adapter.ts");
  const { waitSparingly } = await import("./node-wait.ts");
  const { adapter } = await findNodeAdapter(options);
  return { adapter, wait: waitSparingly };
}
