/** What {@link Gpu.time} measured. */
export interface WorkTime {
  /** From the first submit until the device reports all work done, as the host's clock sees it. */
  readonly wallMilliseconds: number;
  /**
   * Sum over the compute passes by the device's own clock; without copies and gaps between submits. Null where the
   * device has no `timestamp-query`. Browsers round each pass to 100 µs.
   */
  readonly gpuMilliseconds: number | null;
}

/** WebGPU's largest query set; a pass takes two of its places. */
const QUERIES = 4096;

const USAGE = { MAP_READ: 1, COPY_SRC: 4, COPY_DST: 8, QUERY_RESOLVE: 512 } as const;

/** Takes the time of what is submitted while it is attached to a command stream. Made once for a device. */
export class WorkTimer {
  readonly #queries: GPUQuerySet | undefined;
  readonly #resolved: GPUBuffer | undefined;
  readonly #readable: GPUBuffer | undefined;
  #used = 0;
  #firstSubmit: number | undefined;

  constructor(private readonly device: GPUDevice) {
    if (!device.features.has("timestamp-query")) return;
    const { MAP_READ, COPY_SRC, COPY_DST, QUERY_RESOLVE } = USAGE;
    this.#queries = device.createQuerySet({ type: "timestamp", count: QUERIES });
    this.#resolved = device.createBuffer({ size: 8 * QUERIES, usage: QUERY_RESOLVE | COPY_SRC });
    this.#readable = device.createBuffer({ size: 8 * QUERIES, usage: MAP_READ | COPY_DST });
  }

  start(): void {
    this.#used = 0;
    this.#firstSubmit = undefined;
  }

  /** How the next compute pass is to be begun. */
  nextPass(): GPUComputePassDescriptor | undefined {
    if (!this.#queries) return undefined;
    const begin = this.#used;
    this.#used += 2;
    if (this.#used > QUERIES) return undefined;
    return {
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: begin,
        endOfPassWriteIndex: begin + 1,
      },
    };
  }

  willSubmit(): void {
    this.#firstSubmit ??= performance.now();
  }

  /** Milliseconds since the first submit; 0 when there was none. */
  get wallMilliseconds(): number {
    return this.#firstSubmit === undefined ? 0 : performance.now() - this.#firstSubmit;
  }

  /** Reads the device's clock back; null when it has none, or when there were more passes than can be timed at once. */
  async gpuMilliseconds(wait: <T>(promise: Promise<T>) => Promise<T>): Promise<number | null> {
    const used = this.#used;
    if (!this.#queries || used > QUERIES) return null;
    if (used === 0) return 0;
    const [resolved, readable] = [this.#resolved!, this.#readable!];
    const encoder = this.device.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, used, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, readable, 0, 8 * used);
    this.device.queue.submit([encoder.finish()]);
    await wait(readable.mapAsync(USAGE.MAP_READ, 0, 8 * used));
    const ticks = new BigInt64Array(readable.getMappedRange(0, 8 * used).slice(0));
    readable.unmap();
    let nanoseconds = 0;
    // Implementations may set a clock back; a pass never counts as less than nothing.
    for (let i = 0; i < used; i += 2) nanoseconds += Math.max(0, Number(ticks[i + 1] - ticks[i]));
    return nanoseconds / 1e6;
  }
}
