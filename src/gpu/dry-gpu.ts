import { type Label, type PooledBuffer, textOf } from "./buffer-pool.ts";
import type { BufferBinding } from "./commands/command-stream.ts";
import { Gpu } from "./gpu.ts";
import type { KernelVariant, ParamValues } from "./kernel/kernel.ts";

/** One piece of memory that a dry run asked for. */
export interface Allocation {
  readonly label: string;
  /** Bytes of its buffer: the request rounded up to its size class. */
  readonly bytes: number;
  /** Places in the order of all allocations and releases; `to` is infinite while it is held. */
  readonly from: number;
  to: number;
}

/**
 * A handle that looks like an adapter and does nothing: no device, no memory, no shader is compiled. What runs on it takes
 * the same ways as on the adapter, since limits, features and adapter class are its own; sizes come from the same pool, so
 * that bytes and peaks are exact. Values are not: what is read back is zero. Uploads are ignored.
 *
 * It never becomes {@link Gpu.default}.
 */
export class DryGpu extends Gpu {
  override readonly isDry = true;
  /** The budget of the handle it looks like; it is not kept to here, so that a run over it tells what it would take. */
  override readonly memoryBudget: number;
  /** In the order they were made. */
  readonly allocations: Allocation[] = [];
  /** Kernels in the order of their first use. */
  readonly kernels = new Set<KernelVariant>();
  /** Floating-point operations of the products and convolutions so far. */
  flops = 0;
  /** Largest range that a kernel was bound to, and that kernel's name. */
  largestBinding = { bytes: 0, kernel: "" };
  readonly #held = new Map<PooledBuffer, Allocation>();
  #place = 0;

  /** @param like the handle whose adapter is looked like */
  constructor(like: Gpu) {
    const { limits, features, adapter, variants } = like;
    const { vendor, architecture, device, description, subgroupMinSize, subgroupMaxSize } = adapter;
    const { subgroupMatrixConfigs, isSoftware: isFallbackAdapter } = adapter;
    const sizes = { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs };
    const info = { vendor, architecture, device, description, isFallbackAdapter, ...sizes };
    super(inertDevice(limits, features), info as unknown as GPUAdapterInfo, {
      memoryBudget: Number.POSITIVE_INFINITY,
      variants,
      isListed: false,
    });
    this.memoryBudget = like.memoryBudget;
  }

  /** Places in the order of allocations and releases so far. */
  get place(): number {
    return this.#place;
  }

  override allocate(bytes: number, label: Label): PooledBuffer {
    const buffer = super.allocate(bytes, label);
    const allocation = { label: textOf(label), bytes: buffer.size, from: this.#place++, to: Number.POSITIVE_INFINITY };
    this.allocations.push(allocation);
    this.#held.set(buffer, allocation);
    return buffer;
  }

  override free(buffer: PooledBuffer): void {
    const allocation = this.#held.get(buffer);
    if (allocation) allocation.to = this.#place++;
    this.#held.delete(buffer);
    super.free(buffer);
  }

  /** The allocation that a buffer stands for now. */
  allocationOf(buffer: PooledBuffer): Allocation | undefined {
    return this.#held.get(buffer);
  }

  /** What is held now. */
  held(): Iterable<Allocation> {
    return this.#held.values();
  }

  override dispatch(
    variant: KernelVariant,
    bindings: readonly BufferBinding[],
    params: ParamValues,
    grid: readonly [number, number, number],
  ): void {
    super.dispatch(variant, bindings, params, grid);
    if (grid.includes(0)) return;
    const { name, definition } = variant.kernel;
    this.kernels.add(variant);
    this.flops += definition.flops?.(params, grid) ?? 0;
    for (const { size } of bindings) {
      if (size > this.largestBinding.bytes) this.largestBinding = { bytes: size, kernel: name };
    }
  }
}

/** Anything may be called on it and taken from it: what comes is as inert. */
const inert: object = new Proxy(() => {}, {
  get: (_target, property) => (property === "then" ? undefined : inert),
  apply: () => inert,
});

/** A device that takes every command and does nothing; a mapped buffer reads as zeros. */
function inertDevice(limits: GPUSupportedLimits, features: ReadonlySet<string>): GPUDevice {
  const promised = <T>(value: T) => ({ apply: () => Promise.resolve(value) });
  const answering = (own: Record<string, unknown>): object =>
    new Proxy(own, { get: (target, name) => (name in target ? target[name as string] : (inert as never)[name]) });
  const buffer = ({ size }: GPUBufferDescriptor): object =>
    answering({
      size,
      mapAsync: () => Promise.resolve(),
      getMappedRange: (offset = 0, length = size - offset) => new ArrayBuffer(length),
    });
  const nothing = new Proxy(() => {}, promised(undefined)) as () => Promise<void>;
  const noError = new Proxy(() => {}, promised(null)) as () => Promise<null>;
  return answering({
    limits,
    features,
    queue: answering({ onSubmittedWorkDone: nothing }),
    lost: new Promise(() => {}),
    createBuffer: buffer,
    popErrorScope: noError,
    createComputePipelineAsync: () => Promise.resolve(inert),
  }) as GPUDevice;
}
