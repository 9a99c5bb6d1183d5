import type { KeptBindGroup } from "./commands/bind-group-cache.ts";
import type { Recording } from "./commands/recording.ts";
import { MemoryLimitError } from "./errors.ts";

/** `GPUBufferUsage` bits; Node has no such global, and we do not patch one in. */
export const BUFFER_USAGE = { MAP_READ: 1, COPY_SRC: 4, COPY_DST: 8, UNIFORM: 64, STORAGE: 128 } as const;

/** A storage buffer owned by the pool. */
export interface PooledBuffer {
  readonly id: number;
  /** Undefined of a stand-in. */
  readonly raw: GPUBuffer;
  /** Allocated bytes: the request rounded up to its size class. */
  readonly size: number;
  /** The command batch that last named this buffer; decides when an upload must flush first. */
  lastBatch: number;
  /** Kept bind groups that hold this buffer. */
  readonly bindGroups: Set<KeptBindGroup>;
  /** How often it has been given back: what refers to it across that refers to something else. */
  uses: number;
  /** Whether a replay will ask for it again: others get it last, and it is reserved no more then. */
  isReserved: boolean;
  /** The recording that it is a stand-in of. */
  readonly recording?: Recording;
}

/** What a buffer is for, as a text or a function that makes it: few are ever looked at. */
export type Label = string | (() => string);

export const textOf = (label: Label): string => (typeof label === "string" ? label : label());

export interface MemoryStatistics {
  /** Bytes in buffers that tensors hold. */
  liveBytes: number;
  liveBuffers: number;
  /** Bytes kept for reuse. */
  pooledBytes: number;
  pooledBuffers: number;
  /** Highest `liveBytes` since the device was opened or `resetPeak()`. */
  peakBytes: number;
  /** Buffers created on the device so far. */
  buffersCreated: number;
}

const MINIMUM_BYTES = 256;

/** Bytes that may wait for reuse, or as many as were ever in use at a time: 256 MiB. Batches of many lengths leave many sizes. */
const KEPT_BYTES = 256 * 2 ** 20;

/** Rounds up to an eighth of the power of two below, so that at most 12.5 % is wasted and sizes recur. */
export function sizeClass(bytes: number): number {
  if (bytes <= MINIMUM_BYTES) return MINIMUM_BYTES;
  const power = 2 ** Math.floor(Math.log2(bytes));
  const step = Math.max(MINIMUM_BYTES, power / 8);
  return Math.ceil(bytes / step) * step;
}

/**
 * Keeps freed storage buffers for reuse. A buffer is handed out again at once: the queue runs commands in
 * order, so earlier work on it is done before later work starts. Software adapters never report
 * out-of-memory, so the pool keeps a byte budget of its own.
 */
export class BufferPool {
  readonly statistics: MemoryStatistics = {
    liveBytes: 0,
    liveBuffers: 0,
    pooledBytes: 0,
    pooledBuffers: 0,
    peakBytes: 0,
    buffersCreated: 0,
  };
  /** By size: reserved ones first, then the others from the newest down. They are taken from the end. */
  readonly #free = new Map<number, PooledBuffer[]>();
  /** The last one in `#free`. */
  #lastSize = 0;
  /** Read once: a property of the device is a call into the driver. */
  readonly #largestBytes: number;
  #nextId = 1;

  constructor(
    private readonly device: GPUDevice,
    private readonly budgetBytes: number,
    private readonly destroyed: (buffer: PooledBuffer) => void,
  ) {
    this.#largestBytes = device.limits.maxBufferSize;
  }

  /** @throws MemoryLimitError when no buffer of the device may be so large. */
  requireBelowLimit(bytes: number, label: Label): void {
    const limit = this.#largestBytes;
    if (bytes <= limit) return;
    throw new MemoryLimitError(`${textOf(label)}: ${bytes} bytes exceed the device's largest buffer of ${limit} bytes`);
  }

  /** @param reserved whether it will be asked for again with {@link reacquire}; see {@link PooledBuffer.isReserved} */
  acquire(bytes: number, label: Label, reserved = false): PooledBuffer {
    this.requireBelowLimit(bytes, label);
    const size = Math.min(sizeClass(bytes), Math.floor(this.#largestBytes / 4) * 4);
    const statistics = this.statistics;
    if (statistics.liveBytes + size > this.budgetBytes) {
      throw new MemoryLimitError(
        `${textOf(label)}: ${size} bytes more exceed the memory budget of ${this.budgetBytes} bytes (${statistics.liveBytes} in use)`,
      );
    }
    const free = this.#free.get(size);
    let buffer = reserved && free?.[0]?.isReserved ? free.shift() : free?.pop();
    if (buffer) {
      statistics.pooledBytes -= size;
      statistics.pooledBuffers--;
    } else {
      this.#makeRoom(size);
      buffer = this.#create(size);
    }
    buffer.isReserved = reserved;
    this.#countAcquired(size);
    return buffer;
  }

  /** Takes a given buffer back if nothing else has it and it still exists. Returns whether. */
  reacquire(buffer: PooledBuffer): boolean {
    const { size } = buffer;
    const free = this.#free.get(size);
    const place = free?.indexOf(buffer) ?? -1;
    if (place < 0) return false;
    free!.splice(place, 1);
    this.statistics.pooledBytes -= size;
    this.statistics.pooledBuffers--;
    this.#countAcquired(size);
    return true;
  }

  #countAcquired(size: number): void {
    const { statistics } = this;
    statistics.liveBytes += size;
    statistics.liveBuffers++;
    statistics.peakBytes = Math.max(statistics.peakBytes, statistics.liveBytes);
  }

  release(buffer: PooledBuffer): void {
    const statistics = this.statistics;
    const { size } = buffer;
    statistics.liveBytes -= size;
    statistics.liveBuffers--;
    statistics.pooledBytes += size;
    statistics.pooledBuffers++;
    // The map's order is that of last use: sizes that no longer occur come first, and are given up first.
    const list = this.#free.get(size) ?? [];
    if (size !== this.#lastSize) {
      this.#free.delete(size);
      this.#free.set(size, list);
      this.#lastSize = size;
    }
    buffer.uses++;
    list.splice(placeFor(buffer, list), 0, buffer);
    for (const other of this.#free.keys()) {
      if (statistics.pooledBytes <= Math.max(KEPT_BYTES, statistics.peakBytes)) break;
      this.#dropClass(other);
    }
  }

  /** Gives all kept buffers back to the device. */
  trim(): void {
    for (const size of [...this.#free.keys()]) this.#dropClass(size);
  }

  resetPeak(): void {
    this.statistics.peakBytes = this.statistics.liveBytes;
  }

  #create(size: number): PooledBuffer {
    const { STORAGE, COPY_SRC, COPY_DST } = BUFFER_USAGE;
    const raw = this.device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
    this.statistics.buffersCreated++;
    return { id: this.#nextId++, raw, size, lastBatch: -1, bindGroups: new Set(), uses: 0, isReserved: false };
  }

  /** Drops kept buffers, largest first, until one of `size` bytes fits the budget beside them. */
  #makeRoom(size: number): void {
    const classes = [...this.#free.keys()].sort((a, b) => b - a);
    for (const other of classes) {
      const { liveBytes, pooledBytes } = this.statistics;
      if (liveBytes + pooledBytes + size <= this.budgetBytes) return;
      this.#dropClass(other);
    }
  }

  #dropClass(size: number): void {
    for (const buffer of this.#free.get(size) ?? []) {
      this.statistics.pooledBytes -= size;
      this.statistics.pooledBuffers--;
      this.destroyed(buffer);
    }
    this.#free.delete(size);
    this.#lastSize = 0;
  }
}

/**
 * Where a freed buffer goes. The oldest is handed out first, whichever was freed last: so a step that is repeated gets the
 * same buffers in the same places, and finds its bind groups made.
 */
function placeFor(buffer: PooledBuffer, free: readonly PooledBuffer[]): number {
  if (buffer.isReserved) return 0;
  // A chain of many small ops frees as many buffers of one size: so the place is sought by halves.
  let [from, to] = [0, free.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (free[middle].isReserved || free[middle].id > buffer.id) from = middle + 1;
    else to = middle;
  }
  return from;
}
