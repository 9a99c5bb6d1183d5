import { MemoryLimitError } from "../gpu/index.ts";
import { bytesPerElement, formatShape, sliceView, type Tensor } from "../tensor/index.ts";

/**
 * Runs `body` over contiguous tensors of one element count in flat windows small enough to bind: once, with the
 * tensors themselves, unless one lies in a storage over the binding limit.
 */
export function forFlatWindows(
  tensors: readonly Tensor[],
  body: (windows: readonly Tensor[], count: number, begin: number) => void,
): void {
  const { limits } = tensors[0].gpu;
  const limit = limits.maxStorageBufferBindingSize;
  const size = Math.max(...tensors.map((tensor) => tensor.size));
  if (tensors.every((tensor) => tensor.storage.buffer.size <= limit)) {
    body(tensors, size, 0);
    return;
  }
  const width = Math.max(...tensors.map((tensor) => bytesPerElement(tensor.dtype)));
  // A view may start up to one alignment step into its binding.
  const room = Math.floor((limit - limits.minStorageBufferOffsetAlignment) / width);
  const step = Math.floor(room / 1024) * 1024;
  for (let begin = 0; begin < size; begin += step) {
    const count = Math.min(step, size - begin);
    const windows = tensors.map((x) => (x.size === 1 ? x.reference() : x.view([count], [1], x.offset + begin, false)));
    body(windows, count, begin);
    for (const window of windows) window.dispose();
  }
}

/** Row windows [begin, end) of a matrix with `columns` contiguous columns, each within the binding limit. */
export function rowWindows(matrix: Tensor, maximumRows = Number.POSITIVE_INFINITY): [number, number][] {
  const [rows, columns] = matrix.shape;
  const { limits } = matrix.gpu;
  const width = columns * bytesPerElement(matrix.dtype);
  const fits = matrix.storage.buffer.size <= limits.maxStorageBufferBindingSize;
  const bindable = Math.floor((limits.maxStorageBufferBindingSize - limits.minStorageBufferOffsetAlignment) / width);
  const step = Math.max(1, Math.min(maximumRows, fits ? rows : bindable));
  const windows: [number, number][] = [];
  for (let begin = 0; begin < rows; begin += step) windows.push([begin, Math.min(begin + step, rows)]);
  return windows;
}

/**
 * Runs `body` over contiguous matrices of one row count in windows of rows small enough to bind: once, with the matrices
 * themselves, when they fit. Every window but the last has a multiple of `multiple` rows where there is room for so
 * many, so that windows start on whole vectors, or on whole chunks of rows.
 *
 * @throws MemoryLimitError naming the op, before anything is recorded, when a single row does not fit.
 */
export function forRowWindows(
  op: string,
  matrices: readonly Tensor[],
  body: (windows: readonly Tensor[], rows: number, begin: number) => void,
  multiple = 4,
): void {
  const [rows] = matrices[0].shape;
  const large = matrices.filter((matrix) => !fitsBinding(matrix));
  if (large.length === 0) {
    body(matrices, rows, 0);
    return;
  }
  const { maxStorageBufferBindingSize: limit, minStorageBufferOffsetAlignment: alignment } = matrices[0].gpu.limits;
  const widths = large.map((matrix) => (matrix.size / rows) * bytesPerElement(matrix.dtype));
  const fitting = Math.floor((limit - alignment - 16) / Math.max(...widths));
  if (fitting < 1) requireBindable(op, ...large.map((matrix) => sliceView(matrix, 0, 0, 1)));
  const step = fitting < multiple ? Math.max(1, fitting) : Math.floor(fitting / multiple) * multiple;
  for (let begin = 0; begin < rows; begin += step) {
    const end = Math.min(begin + step, rows);
    const windows = matrices.map((matrix) => sliceView(matrix, 0, begin, end));
    body(windows, end - begin, begin);
    for (const window of windows) window.dispose();
  }
}

/** Whether a view can be bound whole: its storage, or the bytes from its first to its last element. */
export function fitsBinding(x: Tensor): boolean {
  const { maxStorageBufferBindingSize, minStorageBufferOffsetAlignment } = x.gpu.limits;
  if (x.storage.buffer.size <= maxStorageBufferBindingSize) return true;
  const extent = x.size === 0 ? 0 : x.shape.reduce((sum, length, axis) => sum + (length - 1) * x.strides[axis], 1);
  return (extent + 4) * bytesPerElement(x.dtype) + minStorageBufferOffsetAlignment <= maxStorageBufferBindingSize;
}

/**
 * Refuses, by the op's name and before anything is recorded, what a kernel that cannot split its work would have to
 * bind whole.
 *
 * @throws MemoryLimitError
 */
export function requireBindable(op: string, ...tensors: readonly Tensor[]): void {
  for (const x of tensors) {
    if (fitsBinding(x)) continue;
    throw new MemoryLimitError(
      `${op}: a tensor of shape ${formatShape(x.shape)} does not fit into one binding of ${x.gpu.limits.maxStorageBufferBindingSize} bytes on this device`,
    );
  }
}

/** The axis that spans most bytes of a view that does not fit: halving it shrinks what has to be bound. */
export function longestAxis(op: string, view: Tensor): number {
  const spans = view.shape.map((length, axis) => (length - 1) * view.strides[axis]);
  const axis = spans.indexOf(Math.max(...spans));
  if (!(spans[axis] > 0)) requireBindable(op, view);
  return axis;
}

export function halvesOf(length: number): [number, number][] {
  const middle = Math.ceil(length / 2);
  return [
    [0, middle],
    [middle, length],
  ];
}

/**
 * Runs `body` over views of one common shape, halved along their axes until each part can be bound: once, with the
 * views themselves, when they fit. For kernels that read and write element by element, whatever the strides.
 */
export function forParts(op: string, views: readonly Tensor[], body: (parts: readonly Tensor[]) => void): void {
  const tooLarge = views.find((view) => !fitsBinding(view));
  if (!tooLarge) {
    body(views);
    return;
  }
  const axis = longestAxis(op, tooLarge);
  for (const [begin, end] of halvesOf(tooLarge.shape[axis])) {
    const halves = views.map((view) => sliceView(view, axis, begin, end));
    forParts(op, halves, body);
    for (const half of halves) half.dispose();
  }
}
