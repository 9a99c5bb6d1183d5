export * from "./autograd/index.ts";
export {
  DeviceLostError,
  defineKernel,
  Gpu,
  GpuError,
  type GpuStatistics,
  MemoryLimitError,
  type OpenOptions,
  ShaderCompileError,
} from "./gpu/index.ts";
export {
  arange,
  type CreateOptions,
  type DType,
  keep,
  type NestedNumbers,
  type Shape,
  Tensor,
  tensor,
  tidy,
} from "./tensor/index.ts";
