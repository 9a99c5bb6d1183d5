import type { Gpu, PooledBuffer } from "../../src/gpu/index.ts";
import { toHost } from "../../src/tensor/host.ts";
import { bytesPerElement, type HostArray, type Tensor } from "../../src/tensor/index.ts";

/** Bytes of the buffers that values wait in. */
const CHUNK_BYTES = 2 ** 20;

interface Chunk {
  buffer: PooledBuffer;
  used: number;
}

/** Values that can be asked for once the batch was read. */
export type Pending = () => HostArray;

/**
 * Collects the values of many tensors and reads them back at once: every readback waits for the device, which costs
 * more than computing a small op. A tensor may be disposed, or change, as soon as it was added.
 */
export class ReadBatch {
  readonly #chunks: Chunk[] = [];
  #bytes: Uint8Array<ArrayBuffer>[] | undefined;

  constructor(readonly gpu: Gpu) {}

  /** Buffers that the batch itself holds: no leak. */
  get buffers(): number {
    return this.#chunks.length;
  }

  /** Records a copy of a tensor's values. */
  add(x: Tensor): Pending {
    const width = bytesPerElement(x.dtype);
    const { dtype, shape, strides } = x;
    const extent = x.size === 0 ? 0 : shape.reduce((sum, n, axis) => sum + (n - 1) * strides[axis], 1);
    const begin = Math.floor((x.offset * width) / 4) * 4;
    const length = Math.ceil(((x.offset + extent) * width - begin) / 4) * 4;
    const first = x.offset - begin / width;
    if (x.size === 0) return () => toHost(new Uint8Array(0), dtype, shape, strides, 0);
    const chunk = this.#room(length);
    const index = this.#chunks.indexOf(chunk);
    const place = chunk.used;
    this.gpu.copyBuffer(x.storage.buffer, begin, chunk.buffer, place, length);
    chunk.used += length;
    return () => {
      if (!this.#bytes) throw new Error("the batch has not been read yet");
      return toHost(this.#bytes[index].slice(place, place + length), dtype, shape, strides, first);
    };
  }

  /** Waits for everything added. */
  async read(): Promise<void> {
    try {
      // One wait, also when nothing was added: errors of the device surface in it.
      if (this.#chunks.length === 0) await this.gpu.finish();
      this.#bytes = await Promise.all(this.#chunks.map(({ buffer, used }) => this.gpu.read(buffer, 0, used)));
    } finally {
      this.dispose();
    }
  }

  /** Frees the buffers; for a batch that is given up before it was read. */
  dispose(): void {
    for (const { buffer } of this.#chunks.splice(0)) this.gpu.free(buffer);
  }

  #room(length: number): Chunk {
    const last = this.#chunks.at(-1);
    if (last && last.used + length <= last.buffer.size) return last;
    const chunk = { buffer: this.gpu.allocate(Math.max(length, CHUNK_BYTES), "values to be read"), used: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }
}
