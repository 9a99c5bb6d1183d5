import type { BufferPool, PooledBuffer } from "./buffer-pool.ts";
import type { BufferBinding, CommandStream, PreparedCommand } from "./command-stream.ts";
import { packLifetimes, type Recording } from "./recording.ts";

/** Bytes that are copied into an input of a replay. */
export interface ReplaySource {
  readonly buffer: PooledBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * A recording that can be run again and again. Between two runs its memory lies in the pool, where other work may have
 * it; the next run takes the same buffers back, and only where one is gone are bind groups looked up anew.
 */
export class Replay {
  /** Bytes of each buffer that a run takes from the pool. */
  readonly #sizes: number[];
  /** Which of them each stand-in gets. */
  readonly #places: Map<PooledBuffer, number>;
  /** Those from here on are results: whoever called has them. */
  readonly #firstResult: number;
  readonly #results: readonly PooledBuffer[];
  readonly #buffers: (PooledBuffer | undefined)[];
  #prepared: readonly PreparedCommand[] | undefined;
  /** All buffers that the commands name. */
  #named: readonly PooledBuffer[] = [];

  /**
   * @param inputs stand-ins that are filled before each run
   * @param results stand-ins whose memory is handed over after each run
   */
  constructor(
    private readonly recording: Recording,
    private readonly inputs: readonly PooledBuffer[],
    results: ReadonlySet<PooledBuffer>,
    private readonly pool: BufferPool,
    private readonly commands: CommandStream,
  ) {
    const lifetimes = new Map(recording.lifetimes);
    for (const input of inputs) {
      const lifetime = lifetimes.get(input);
      if (lifetime) lifetimes.set(input, { ...lifetime, first: -1 });
    }
    const { sizes, places } = packLifetimes([...lifetimes.values()].filter(({ buffer }) => !results.has(buffer)));
    this.#results = [...results];
    this.#firstResult = sizes.length;
    this.#sizes = [...sizes, ...this.#results.map(({ size }) => size)];
    this.#places = new Map([...places, ...this.#results.map((buffer, i) => [buffer, sizes.length + i] as const)]);
    this.#buffers = this.#sizes.map(() => undefined);
  }

  /**
   * Runs it. Returns the memory of the results, in their order: the caller's, to be given back to the pool.
   *
   * @throws CaptureError when a tensor that it uses is gone; MemoryLimitError when its memory is not to be had. Nothing
   *   has run then.
   */
  run(sources: readonly ReplaySource[]): PooledBuffer[] {
    this.recording.requireOutside();
    this.#takeBuffers();
    let given = this.#buffers.length;
    try {
      this.#prepared ??= this.#prepare();
      for (const action of this.recording.hostActions) action();
      for (const [i, { buffer, offset, bytes }] of sources.entries()) {
        // An input that nothing reads has no memory.
        const own = this.#memoryOf(this.inputs[i]);
        if (own) this.commands.copy(buffer, offset, own.raw, 0, bytes);
      }
      this.commands.replay(this.#prepared, this.recording.words, this.#named);
      given = this.#firstResult;
    } finally {
      this.#giveBuffers(given);
    }
    return this.#buffers.slice(this.#firstResult) as PooledBuffer[];
  }

  #takeBuffers(): void {
    const buffers = this.#buffers;
    const missing: number[] = [];
    buffers.forEach((buffer, i) => {
      if (!buffer || !this.pool.reacquire(buffer)) missing.push(i);
    });
    for (const i of missing) buffers[i] = undefined;
    for (const i of missing) {
      this.#prepared = undefined;
      try {
        buffers[i] = this.pool.acquire(this.#sizes[i], "captured step", true);
      } catch (error) {
        this.#giveBuffers(buffers.length);
        throw error;
      }
    }
  }

  #giveBuffers(end: number): void {
    for (let i = 0; i < end; i++) {
      const buffer = this.#buffers[i];
      if (buffer) this.pool.release(buffer);
    }
  }

  #prepare(): PreparedCommand[] {
    const named = new Set<PooledBuffer>();
    const memoryOf = (buffer: PooledBuffer): PooledBuffer => {
      const memory = this.#memoryOf(buffer)!;
      named.add(memory);
      return memory;
    };
    const prepared = this.recording.commands.map((command): PreparedCommand => {
      if ("bytes" in command) return { ...command, from: memoryOf(command.from), to: memoryOf(command.to) };
      const bindings = command.bindings.map(
        (binding): BufferBinding => ({ ...binding, buffer: memoryOf(binding.buffer) }),
      );
      return this.commands.prepare(command.variant, bindings, command.grid);
    });
    this.#named = [...named];
    return prepared;
  }

  #memoryOf(buffer: PooledBuffer): PooledBuffer | undefined {
    if (buffer.recording !== this.recording) return buffer;
    const place = this.#places.get(buffer);
    return place === undefined ? undefined : this.#buffers[place];
  }
}
