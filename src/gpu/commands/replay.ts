import type { BufferPool, PooledBuffer } from "../buffer-pool.ts";
import type { BufferBinding, CommandStream, PreparedCommand } from "./command-stream.ts";
import { type Place, packLifetimes } from "./packing.ts";
import type { Recording } from "./recording.ts";

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
  /** Where in them each stand-in lies. */
  readonly #places: Map<PooledBuffer, Place>;
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
    this.#places = new Map(places);
    for (const [i, buffer] of this.#results.entries()) this.#places.set(buffer, { piece: sizes.length + i, offset: 0 });
    this.#buffers = this.#sizes.map(() => undefined);
  }

  /** Whether a tensor that it uses has been disposed, so that it must not be run any more. */
  get isStale(): boolean {
    return this.recording.isStale;
  }

  /**
   * Runs it. Returns the memory of the results, in their order: the caller's, to be given back to the pool.
   *
   * @throws MemoryLimitError when its memory is not to be had. Nothing has run then.
   */
  run(sources: readonly ReplaySource[]): PooledBuffer[] {
    this.#takeBuffers();
    let given = this.#buffers.length;
    try {
      this.#prepared ??= this.#prepare();
      for (const action of this.recording.hostActions) action();
      for (const [i, { buffer, offset, bytes }] of sources.entries()) {
        // An input that nothing reads has no memory.
        const own = this.#memoryOf(this.inputs[i]);
        if (own) this.commands.copy(buffer, offset, own.buffer.raw, own.offset, bytes);
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
    const memoryOf = (buffer: PooledBuffer): { buffer: PooledBuffer; offset: number } => {
      const memory = this.#memoryOf(buffer)!;
      named.add(memory.buffer);
      return memory;
    };
    const prepared = this.recording.commands.map((command): PreparedCommand => {
      if ("bytes" in command) {
        const [from, to] = [memoryOf(command.from), memoryOf(command.to)];
        return {
          from: from.buffer,
          fromOffset: from.offset + command.fromOffset,
          to: to.buffer,
          toOffset: to.offset + command.toOffset,
          bytes: command.bytes,
        };
      }
      const bindings = command.bindings.map((binding): BufferBinding => {
        const { buffer, offset } = memoryOf(binding.buffer);
        return { buffer, offset: offset + binding.offset, size: binding.size };
      });
      return this.commands.prepare(command.variant, bindings, command.grid);
    });
    this.#named = [...named];
    return prepared;
  }

  /** Undefined for an input that nothing reads. */
  #memoryOf(buffer: PooledBuffer): { buffer: PooledBuffer; offset: number } | undefined {
    if (buffer.recording !== this.recording) return { buffer, offset: 0 };
    const place = this.#places.get(buffer);
    return place && { buffer: this.#buffers[place.piece]!, offset: place.offset };
  }
}
