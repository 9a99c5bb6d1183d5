import type { Gpu, Label, PooledBuffer } from "../gpu/index.ts";

/** Reference-counted bytes on the device. Goes back to the pool when the last tensor lets go. */
export class Storage {
  readonly buffer: PooledBuffer;
  #references = 1;

  constructor(
    readonly gpu: Gpu,
    /** Bytes in use; the buffer may be larger. */
    readonly bytes: number,
    label: Label,
    /** Takes over a buffer that is there already. */
    buffer: PooledBuffer = gpu.allocate(bytes, label),
    /** The storage that this one is a piece of. */
    readonly whole?: Storage,
    /** First byte of the piece in the buffer. */
    readonly begin = 0,
  ) {
    this.buffer = buffer;
  }

  /** A piece that is counted by itself, and keeps the whole alive. Offsets of its tensors are those in the whole. */
  piece(begin: number, bytes: number): Storage {
    return new Storage(this.gpu, bytes, "piece", this.retain().buffer, this, begin);
  }

  get isReleased(): boolean {
    return this.#references === 0;
  }

  /** Whether another tensor or graph node refers to it as well. */
  get isShared(): boolean {
    return this.#references > 1;
  }

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references > 0) return;
    if (this.whole) this.whole.release();
    else this.gpu.free(this.buffer);
  }
}
