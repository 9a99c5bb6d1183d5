import type { Gpu } from "../gpu/index.ts";
import { Storage } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Puts storages of another handle, of the same sizes and with undefined values, in the place of those that tensors have.
 * Tensors that share a storage share what stands in for it. The function returned puts everything back.
 */
export function standIn(tensors: Iterable<Tensor>, gpu: Gpu): () => void {
  const standIns = new Map<Storage, Storage>();
  const lent: [Tensor, Storage][] = [];
  for (const tensor of tensors) {
    const { storage } = tensor;
    if (!standIns.has(storage)) standIns.set(storage, new Storage(gpu, storage.bytes, "parameter"));
    lent.push([tensor, tensor.exchangeStorage(standIns.get(storage)!)]);
  }
  return () => {
    for (const [tensor, storage] of lent) tensor.exchangeStorage(storage);
  };
}
