import type { GraphNode } from "../autograd/tape.ts";
import type { BufferBinding, Gpu } from "../gpu/index.ts";
import { MemoryLimitError } from "../gpu/index.ts";
import { bytesPerElement, type DType, type HostArray } from "./dtype.ts";
import { toHost } from "./host.ts";
import { formatTensor } from "./print.ts";
import { forgetInScopes, makeTidy, registerInScope, type Scope } from "./scope.ts";
import { contiguousStrides, formatShape, type Shape, shapesEqual, sizeOf } from "./shape.ts";
import { Storage } from "./storage.ts";

/**
 * The net under `dispose`: frees what was forgotten, and counts it, so that tests can assert zero. Tensors in a scope need
 * none: the scope holds them, and disposes of them.
 */
const net = new FinalizationRegistry<Storage>((storage) => {
  storage.gpu.rescuedTensors++;
  storage.release();
});

interface TensorInit {
  storage: Storage;
  dtype: DType;
  shape: Shape;
  strides?: readonly number[];
  offset?: number;
  /** False for references that belong to a graph node or module instead of the open `tidy`. */
  scoped?: boolean;
}

/**
 * A strided view of device memory. Several tensors may share one storage; each holds its own reference and
 * is released by `dispose()`, by the enclosing {@link tidy}, or by `using`.
 */
export class Tensor {
  readonly dtype: DType;
  readonly shape: Shape;
  /** In elements. */
  readonly strides: readonly number[];
  readonly size: number;
  /** Whether a gradient is wanted for this leaf. Freezing sets it to false. */
  requiresGrad = false;
  /** Where this tensor came from, when that was recorded. Owned by the autograd room. */
  node: GraphNode | null = null;
  /** The open `tidy` it is in, and where there. Owned by `scope.ts`. */
  scope: Scope | null = null;
  place = 0;
  #storage: Storage | null;
  #offset: number;
  /** Whether it is registered with the net. */
  #isCaught = false;

  /** Takes over one reference to the storage. */
  constructor(init: TensorInit) {
    this.#storage = init.storage;
    this.dtype = init.dtype;
    this.shape = init.shape;
    this.strides = init.strides ?? contiguousStrides(init.shape);
    this.#offset = init.offset ?? 0;
    this.size = sizeOf(init.shape);
    if (init.scoped === false || !registerInScope(this)) this.#catch(init.storage);
  }

  #catch(storage: Storage): void {
    net.register(this, storage, this);
    this.#isCaught = true;
  }

  /** Takes it out of its scope. */
  keep(): void {
    if (forgetInScopes(this) && this.#storage) this.#catch(this.#storage);
  }

  /** Goes from a scope that closes to the one around it, or to the net. */
  leaveScope(): void {
    if (this.#storage && !registerInScope(this)) this.#catch(this.#storage);
  }

  get storage(): Storage {
    if (!this.#storage) throw new Error(`a disposed tensor of shape ${formatShape(this.shape)} was used`);
    return this.#storage;
  }

  /** First element within the buffer, in elements. */
  get offset(): number {
    return this.#offset;
  }

  get gpu(): Gpu {
    return this.storage.gpu;
  }

  /**
   * Puts another storage under this tensor, which begins there at `offset`, and returns the one it had with its offset;
   * neither is retained or released. A dry run borrows a model's tensors so and gives them back; an optimizer packs them.
   */
  exchangeStorage(storage: Storage, offset: number): { storage: Storage; offset: number } {
    const before = { storage: this.storage, offset: this.#offset };
    this.#storage = storage;
    this.#offset = offset;
    if (this.#isCaught) {
      net.unregister(this);
      this.#catch(storage);
    }
    return before;
  }

  get rank(): number {
    return this.shape.length;
  }

  get isDisposed(): boolean {
    return this.#storage === null;
  }

  /** Row-major without gaps. */
  get isContiguous(): boolean {
    if (this.size === 0) return true;
    let stride = 1;
    for (let axis = this.rank - 1; axis >= 0; axis--) {
      if (this.shape[axis] !== 1 && this.strides[axis] !== stride) return false;
      stride *= this.shape[axis];
    }
    return true;
  }

  /** Another reference to a view of the same storage. */
  view(shape: Shape, strides: readonly number[], offset = this.offset, scoped = true): Tensor {
    return new Tensor({ storage: this.storage.retain(), dtype: this.dtype, shape, strides, offset, scoped });
  }

  /** A second reference to the same values, outside of any `tidy` and without history. */
  reference(): Tensor {
    return this.view(this.shape, this.strides, this.offset, false);
  }

  /**
   * The byte range a kernel must bind for this view, and where the view's first element lies in it.
   * A storage within the binding limit is bound whole, so that bind groups recur; of a larger one only the
   * rows the view covers are bound.
   *
   * @throws MemoryLimitError naming the op when the view itself exceeds the limit.
   */
  binding(op: string): BufferBinding {
    const { buffer, gpu } = this.storage;
    const { limits } = gpu;
    const limit = Math.floor(limits.maxStorageBufferBindingSize / 4) * 4;
    if (buffer.size <= limit) return { buffer, offset: 0, size: buffer.size, element: this.offset };
    const width = bytesPerElement(this.dtype);
    const extent = this.size === 0 ? 0 : this.shape.reduce((sum, n, axis) => sum + (n - 1) * this.strides[axis], 1);
    const alignment = limits.minStorageBufferOffsetAlignment;
    const begin = Math.floor((this.offset * width) / alignment) * alignment;
    // Kernels read and write whole vec4; buffers are allocated in multiples of 256 bytes, so this stays inside.
    const end = Math.min(Math.ceil(((this.offset + extent) * width) / 16) * 16, buffer.size);
    if (end - begin > limit) {
      throw new MemoryLimitError(
        `${op}: a tensor of shape ${formatShape(this.shape)} spans ${end - begin} bytes, over the binding limit of ${limit} bytes of this device`,
      );
    }
    return { buffer, offset: begin, size: end - begin, element: this.offset - begin / width };
  }

  /** Reads the values back, in row-major order. Waits for all work recorded before. */
  async data(): Promise<HostArray> {
    const width = bytesPerElement(this.dtype);
    const extent = this.size === 0 ? 0 : this.shape.reduce((sum, n, axis) => sum + (n - 1) * this.strides[axis], 1);
    const begin = Math.floor((this.offset * width) / 4) * 4;
    const bytes = await this.gpu.read(this.storage.buffer, begin, (this.offset + extent) * width - begin);
    return toHost(bytes, this.dtype, this.shape, this.strides, this.offset - begin / width);
  }

  /** The value of a tensor with one element. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new Error(`item: expected one element, the tensor has shape ${formatShape(this.shape)}`);
    return (await this.data())[0];
  }

  /** A readable print of shape, type and values; long axes are shortened. */
  async print(): Promise<string> {
    return formatTensor(await this.data(), this.shape, this.dtype);
  }

  toString(): string {
    return `Tensor(${this.dtype}${formatShape(this.shape)}${this.isDisposed ? ", disposed" : ""})`;
  }

  dispose(): void {
    if (!this.#storage) return;
    if (this.#isCaught) net.unregister(this);
    else forgetInScopes(this);
    this.#storage.release();
    this.#storage = null;
    this.node?.release();
    this.node = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/**
 * Runs `fn` and disposes every tensor made in it, but for those it returns (at any nesting) and those kept
 * with {@link keep}. Synchronous: it throws when `fn` returns a Promise.
 */
export const tidy = makeTidy((value): value is Tensor => value instanceof Tensor);

/** Takes a tensor out of the open `tidy`: the caller disposes it. */
export function keep<T extends Tensor>(tensor: T): T {
  tensor.keep();
  return tensor;
}

/** A new contiguous tensor with undefined content, for kernels to write. */
export function empty(gpu: Gpu, shape: Shape, dtype: DType, label = "tensor"): Tensor {
  const bytes = sizeOf(shape) * bytesPerElement(dtype);
  const storage = new Storage(gpu, bytes, () => `${label} ${dtype}${formatShape(shape)}`);
  return new Tensor({ storage, dtype, shape });
}

/** Throws unless both tensors have the same shape. */
export function assertSameShape(op: string, a: Tensor, b: Tensor): void {
  if (!shapesEqual(a.shape, b.shape)) {
    throw new Error(`${op}: shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} differ`);
  }
}
