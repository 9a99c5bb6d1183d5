export * from "./autograd/index.ts";
export {
  CaptureError,
  DeviceLostError,
  DryGpu,
  defineKernel,
  describeWebGpuProblem,
  Gpu,
  GpuError,
  type GpuStatistics,
  type LiveNumber,
  MemoryLimitError,
  type OpenOptions,
  ShaderCompileError,
  type VariantTable,
  type WebGpuProblem,
  WebGpuUnavailableError,
  type WorkTime,
} from "./gpu/index.ts";
export { effectiveVariants, variantHash } from "./kernels/variants/variants.ts";
export {
  arange,
  type CreateOptions,
  type DType,
  type HostArray,
  keep,
  type NestedNumbers,
  type Shape,
  sizeOf,
  Tensor,
  tensor,
  tidy,
} from "./tensor/index.ts";
