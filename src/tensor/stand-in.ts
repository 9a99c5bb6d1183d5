import type { Gpu } from "../gpu/index.ts";
import { bytesPerElement } from "./dtype.ts";
import { Storage } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Puts storages of another handle, of the same sizes and with undefined values, in the place of those that tensors have.
 * Tensors that share a storage share what stands in for it. The function returned puts everything back.
 */
export function standIn(tensors: Iterable<Tensor>, gpu: Gpu): () => void {
  const standIns = new Map<Storage, Storage>();
  const lent: [Tensor, { storage: Storage; offset: number }][] = [];
  for (const tensor of tensors) {
    const { storage, offset } = tensor;
    const known = standIns.get(storage)?.retain();
    const other = known ?? new Storage(gpu, storage.bytes, "parameter");
    standIns.set(storage, other);
    // A piece of a larger storage becomes a storage of its own.
    const begin = storage.begin / bytesPerElement(tensor.dtype);
    lent.push([tensor, tensor.exchangeStorage(other, offset - begin)]);
  }
  return () => {
    for (const [tensor, { storage, offset }] of lent) tensor.exchangeStorage(storage, offset);
  };
}
