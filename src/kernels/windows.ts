import { bytesPerElement, type Tensor } from "../tensor/index.ts";

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
