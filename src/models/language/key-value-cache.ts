import type { Gpu } from "../../gpu/index.ts";
import { copyInto } from "../../kernels/copy.ts";
import { empty, keep, sliceView, type Tensor } from "../../tensor/index.ts";

interface Layer {
  keys: Tensor;
  values: Tensor;
}

/** Keys and values of the tokens seen so far, one pair of [batch, heads, capacity, width] a layer. */
export class KeyValueCache {
  #length = 0;
  readonly #layers: Layer[];

  constructor(
    gpu: Gpu,
    {
      layers,
      batch,
      heads,
      width,
      capacity,
    }: { layers: number; batch: number; heads: number; width: number; capacity: number },
  ) {
    const make = (): Tensor => keep(empty(gpu, [batch, heads, capacity, width], "f32", "key-value cache"));
    this.#layers = Array.from({ length: layers }, () => ({ keys: make(), values: make() }));
  }

  /** Tokens held. */
  get length(): number {
    return this.#length;
  }

  /** Writes a layer's new keys and values behind the ones held, and returns views of all. */
  append(layer: number, key: Tensor, value: Tensor): { keys: Tensor; values: Tensor } {
    const { keys, values } = this.#layers[layer];
    const end = this.#length + key.shape[2];
    if (end > keys.shape[2]) throw new Error(`key-value cache: ${end} tokens exceed its capacity of ${keys.shape[2]}`);
    for (const [held, fresh] of [
      [keys, key],
      [values, value],
    ]) {
      const place = sliceView(held, 2, this.#length, end);
      copyInto(place, fresh);
      place.dispose();
    }
    return { keys: sliceView(keys, 2, 0, end), values: sliceView(values, 2, 0, end) };
  }

  /** Counts the tokens that every layer has now appended. */
  advance(tokens: number): void {
    this.#length += tokens;
  }

  dispose(): void {
    for (const { keys, values } of this.#layers) {
      keys.dispose();
      values.dispose();
    }
  }
}
