export type { AdapterClass, AdapterDescription } from "./adapter.ts";
export { describeWebGpuProblem, type WebGpuProblem, WebGpuUnavailableError } from "./availability.ts";
export type { Label, PooledBuffer } from "./buffer-pool.ts";
export type { BufferBinding } from "./command-stream.ts";
export { type Allocation, DryGpu } from "./dry-gpu.ts";
export {
  CaptureError,
  DeviceLostError,
  GpuError,
  MemoryLimitError,
  ShaderCompileError,
  type ShaderMessage,
} from "./errors.ts";
export { Gpu, type GpuStatistics } from "./gpu.ts";
export {
  currentValue,
  definedKernels,
  defineKernel,
  joined,
  Kernel,
  type KernelDefinition,
  type KernelVariant,
  type LiveNumber,
  linearGrid,
  listVariants,
  type ParamLayout,
  type ParamValues,
  specializations,
} from "./kernel.ts";
export type { OpenOptions } from "./open.ts";
export { Recording } from "./recording.ts";
export { Replay, type ReplaySource } from "./replay.ts";
export { type Specialization, sharedTexts, shareText } from "./specialize.ts";
export { SUBGROUP_MATRIX_FEATURE, type SubgroupMatrixConfig } from "./subgroup-matrices.ts";
export {
  type Candidate,
  definedFamilies,
  type FamilyDefinition,
  isAvailable,
  KernelFamily,
  type VariantTable,
} from "./variants.ts";
export type { WorkTime } from "./work-timer.ts";
