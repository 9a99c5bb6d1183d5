export { arange, type CreateOptions, type NestedNumbers, tensor, upload, uploadInto, uploadPart } from "./create.ts";
export { assertDType, bytesPerElement, type DType, type HostArray, isFloat, storageType } from "./dtype.ts";
export { fromHalfBits, toHalfBits } from "./half.ts";
export { describeValue, requireFunction, requireTensors } from "./require-tensors.ts";
export {
  assertList,
  assertShape,
  broadcastShapes,
  contiguousStrides,
  formatShape,
  normalizeAxis,
  type Shape,
  shapesEqual,
  sizeOf,
} from "./shape.ts";
export { standIn } from "./stand-in.ts";
export { Storage } from "./storage.ts";
export { assertSameShape, empty, keep, Tensor, tidy } from "./tensor.ts";
export * from "./views.ts";
