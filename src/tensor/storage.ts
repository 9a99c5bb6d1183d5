import type { Gpu, PooledBuffer } from "../gpu/index.ts";

/** Reference-counted bytes on the device. Goes back to the pool when the last tensor lets go. */
export class Storage {
  readonly buffer: PooledBuffer;
  #references = 1;

  constructor(
    readonly gpu: Gpu,
    /** Bytes in use; the buffer may be larger. */
    readonly bytes: number,
    label: string,
    /** Takes over a buffer that is there already. */
    buffer: PooledBuffer = gpu.allocate(bytes, label),
  ) {
    this.buffer = buffer;
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
    if (--this.#references === 0) this.gpu.free(this.buffer);
  }
}
