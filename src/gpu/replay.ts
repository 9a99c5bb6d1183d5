import type { BufferPool, PooledBuffer } from "./buffer-pool.ts";
import type { BufferBinding, CommandStream, PreparedCommand } from "./command-stream.ts";
import { type Packing, packLifetimes, type Recording } from "./recording.ts";

/**
 * A recording that can be run again and again. Between two runs its memory lies in the pool, where other work may have
 * it; the next run takes the same buffers back, and only where one is gone are bind groups made anew.
 */
export class Replay {
  readonly #packing: Packing;
  readonly #pieces: (PooledBuffer | undefined)[];
  /** Memory of stand-ins that outlive a run: what the step returns. */
  readonly #results = new Map<PooledBuffer, PooledBuffer>();
  #prepared: readonly PreparedCommand[] | undefined;
  #named: readonly PooledBuffer[] = [];

  constructor(
    private readonly recording: Recording,
    private readonly pool: BufferPool,
    private readonly commands: CommandStream,
  ) {
    const { lifetimes, held } = recording;
    this.#packing = packLifetimes([...lifetimes.values()].filter(({ buffer }) => !held.has(buffer)));
    this.#pieces = this.#packing.sizes.map(() => undefined);
    try {
      for (const buffer of held) {
        const real = pool.acquire(buffer.size, "result of a captured step");
        this.#results.set(buffer, real);
        buffer.raw = real.raw;
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  get dispatches(): number {
    return this.recording.dispatches;
  }

  /** Bytes that a run takes from the pool. */
  get bytes(): number {
    return this.#packing.sizes.reduce((sum, size) => sum + size, 0);
  }

  /** @throws CaptureError when a tensor it uses is gone; MemoryLimitError when its memory is not to be had. */
  run(): void {
    this.recording.requireOutside();
    this.#takePieces();
    try {
      this.#prepared ??= this.#prepare();
      for (const action of this.recording.hostActions) action();
      this.commands.replay(this.#prepared, this.recording.words, this.#named);
    } finally {
      this.#givePieces();
    }
  }

  /** Gives back the memory of a result; called when its last tensor lets go. */
  freeResult(buffer: PooledBuffer): void {
    const real = this.#results.get(buffer);
    if (real) this.pool.release(real);
    this.#results.delete(buffer);
  }

  dispose(): void {
    for (const buffer of [...this.#results.keys()]) this.freeResult(buffer);
  }

  #takePieces(): void {
    const pieces = this.#pieces;
    const missing: number[] = [];
    pieces.forEach((piece, i) => {
      if (!piece || !this.pool.reacquire(piece)) missing.push(i);
    });
    for (const [done, i] of missing.entries()) {
      try {
        pieces[i] = this.pool.acquire(this.#packing.sizes[i], "captured step");
        this.#prepared = undefined;
      } catch (error) {
        for (const j of missing.slice(done)) pieces[j] = undefined;
        this.#givePieces();
        throw error;
      }
    }
  }

  #givePieces(): void {
    for (const piece of this.#pieces) if (piece) this.pool.release(piece, true);
  }

  #prepare(): PreparedCommand[] {
    const memoryOf = (buffer: PooledBuffer): PooledBuffer => {
      if (buffer.recording !== this.recording) return buffer;
      return this.#results.get(buffer) ?? this.#pieces[this.#packing.places.get(buffer)!]!;
    };
    const named = new Set<PooledBuffer>(this.#results.keys());
    const prepared = this.recording.commands.map((command): PreparedCommand => {
      if ("bindings" in command) {
        const bindings = command.bindings.map(
          (binding): BufferBinding => ({ ...binding, buffer: memoryOf(binding.buffer) }),
        );
        for (const { buffer } of bindings) named.add(buffer);
        return this.commands.prepare(command.variant, bindings, command.grid);
      }
      const [from, to] = [memoryOf(command.from), memoryOf(command.to)];
      named.add(from).add(to);
      return { ...command, from, to };
    });
    this.#named = [...named];
    return prepared;
  }
}
