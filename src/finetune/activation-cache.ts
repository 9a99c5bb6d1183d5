import type { Gpu } from "../gpu/index.ts";
import { copyInto, full, reshaped } from "../kernels/copy.ts";
import { empty, keep, sizeOf, sliceView, type Tensor, tidy, upload } from "../tensor/index.ts";
import type { BatchInfo } from "./examples.ts";

/** How much of the frozen part's activations is kept. */
export interface CacheBudget {
  /** Bytes kept on the GPU. */
  gpuBytes: number;
  /** Bytes kept in host memory once the GPU's are used up. */
  hostBytes: number;
}

/** 256 MiB on the GPU, and 1 GiB in host memory. */
export const DEFAULT_CACHE_BUDGET: CacheBudget = { gpuBytes: 256 * 2 ** 20, hostBytes: 2 ** 30 };

/** Bytes of one block of GPU rows. */
const SLAB_BYTES = 8 * 2 ** 20;

/** Rows of a slab that has to take `rows` at least. */
const slabRows = (rows: number, width: number): number => Math.max(Math.floor(SLAB_BYTES / (4 * width)), rows);

/** GPU bytes that examples of so many rows of a width take, within a budget. */
export function cachedBytes(rowsOf: readonly number[], width: number, budget: number): number {
  let bytes = 0;
  let free = 0;
  for (const rows of rowsOf) {
    if (rows > free) {
      const taken = 4 * width * slabRows(rows, width);
      if (bytes + taken > budget) continue;
      bytes += taken;
      free = slabRows(rows, width);
    }
    free -= rows;
  }
  return bytes;
}

type Entry = { rows: number } & ({ slab: Tensor; begin: number } | { values: Float32Array });

/**
 * The activations of each example where the frozen part of a model ends, computed once and reused. Rows of padding are
 * not kept and come back as zeros; they have no influence on real tokens, so results are the same bits.
 */
export class ActivationCache {
  readonly #entries = new Map<number, Entry>();
  readonly #slabs: Tensor[] = [];
  /** Form of what is kept, known from the first batch: the axes of a row, their size, and whether each token has one. */
  #rowShape: readonly number[] = [];
  #width = 0;
  #perToken = false;
  #slabRows = 0;
  #used = 0;
  gpuBytes = 0;
  hostBytes = 0;
  /** Examples whose activations were computed, and seconds that took. */
  computed = 0;
  computeSeconds = 0;
  /** Examples computed and kept ahead of their first use, which then saves nothing. */
  computedAhead = 0;
  #gathered = 0;

  constructor(
    private readonly gpu: Gpu,
    private readonly budget: CacheBudget,
  ) {}

  /** Whether an example was turned away because both budgets are used up. */
  isFull = false;

  /** Examples kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** Times that an example did not have to be computed. */
  get reused(): number {
    return Math.max(0, this.#gathered - this.computedAhead);
  }

  /** Seconds not spent: reuse times the mean cost of computing. */
  get secondsSaved(): number {
    return this.computed > 0 ? (this.reused * this.computeSeconds) / this.computed : 0;
  }

  /** The activations of a batch, [batch, ...] or of texts [batch, length, ...], when every row is kept; else null. */
  gather(batch: BatchInfo): Tensor | null {
    const entries = batch.indices.map((index) => this.#entries.get(index));
    if (!entries.every((entry): entry is Entry => entry !== undefined)) return null;
    this.#gathered += entries.length;
    const width = this.#width;
    const length = this.#perToken ? batch.length! : 1;
    const shape = [entries.length * length, width];
    return tidy(() => {
      const result = this.#withHostRows(entries, shape, length);
      entries.forEach((entry, row) => {
        if (!("slab" in entry)) return;
        const from = sliceView(entry.slab, 0, entry.begin, entry.begin + entry.rows);
        copyInto(sliceView(result, 0, row * length, row * length + entry.rows), from);
      });
      const rows = this.#perToken ? [entries.length, length] : [entries.length];
      return reshaped(result, [...rows, ...this.#rowShape]);
    });
  }

  /** Keeps the rows of a batch that are not kept yet, as far as the budget goes. Awaits the GPU when it reads back. */
  async store(batch: BatchInfo, activations: Tensor): Promise<void> {
    this.#perToken = batch.lengths !== undefined && activations.rank === 3;
    this.#rowShape = activations.shape.slice(this.#perToken ? 2 : 1);
    this.#width = sizeOf(this.#rowShape);
    const length = this.#perToken ? batch.length! : 1;
    const flat = tidy(() => reshaped(activations, [batch.indices.length * length, this.#width]));
    const toHost: { row: number; index: number; rows: number }[] = [];
    batch.indices.forEach((index, row) => {
      if (this.#entries.has(index)) return;
      const rows = this.#perToken ? batch.lengths![row] : 1;
      const place = this.#reserve(rows);
      if (place) {
        tidy(() =>
          copyInto(
            sliceView(place.slab, 0, place.begin, place.begin + rows),
            sliceView(flat, 0, row * length, row * length + rows),
          ),
        );
        this.#entries.set(index, { rows, ...place });
      } else if (this.hostBytes + rows * this.#width * 4 <= this.budget.hostBytes) {
        this.hostBytes += rows * this.#width * 4;
        toHost.push({ row, index, rows });
      } else this.isFull = true;
    });
    if (toHost.length > 0) {
      const values = (await flat.data()) as Float32Array;
      for (const { row, index, rows } of toHost) {
        const begin = row * length * this.#width;
        this.#entries.set(index, { rows, values: values.slice(begin, begin + rows * this.#width) });
      }
    }
    flat.dispose();
  }

  dispose(): void {
    for (const slab of this.#slabs) slab.dispose();
    this.#slabs.length = 0;
    this.#entries.clear();
  }

  /** The batch's tensor: zeros, or an upload that already holds the rows kept on the host. */
  #withHostRows(entries: readonly Entry[], shape: readonly number[], length: number): Tensor {
    if (entries.every((entry) => "slab" in entry)) return full(this.gpu, shape, 0);
    const values = new Float32Array(shape[0] * shape[1]);
    entries.forEach((entry, row) => {
      if ("values" in entry) values.set(entry.values, row * length * this.#width);
    });
    return upload(this.gpu, shape, "f32", new Uint8Array(values.buffer));
  }

  /** Rows in a slab, or null when the GPU budget is used up. */
  #reserve(rows: number): { slab: Tensor; begin: number } | null {
    if (this.#slabs.length === 0 || this.#used + rows > this.#slabRows) {
      const rowBytes = this.#width * 4;
      const wanted = slabRows(rows, this.#width);
      if (this.gpuBytes + wanted * rowBytes > this.budget.gpuBytes) return null;
      this.#slabs.push(keep(empty(this.gpu, [wanted, this.#width], "f32", "activation cache")));
      this.gpuBytes += wanted * rowBytes;
      this.#slabRows = wanted;
      this.#used = 0;
    }
    const begin = this.#used;
    this.#used += rows;
    return { slab: this.#slabs[this.#slabs.length - 1], begin };
  }
}
