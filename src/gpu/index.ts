export type { AdapterClass, AdapterDescription } from "./adapter/adapter.ts";
export { describeWebGpuProblem, type WebGpuProblem, WebGpuUnavailableError } from "./adapter/availability.ts";
export type { OpenOptions } from "./adapter/open.ts";
export { SUBGROUP_MATRIX_FEATURE, type SubgroupMatrixConfig } from "./adapter/subgroup-matrices.ts";
export type { Label, PooledBuffer } from "./buffer-pool.ts";
export type { BufferBinding } from "./commands/command-stream.ts";
export { Recording } from "./commands/recording.ts";
export { Replay, type ReplaySource } from "./commands/replay.ts";
export type { WorkTime } from "./commands/work-timer.ts";
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
} from "./kernel/kernel.ts";
export { type Specialization, sharedTexts, shareText } from "./kernel/specialize.ts";
export {
  type Candidate,
  definedFamilies,
  type FamilyDefinition,
  isAvailable,
  KernelFamily,
  type VariantTable,
} from "./kernel/variants.ts";
