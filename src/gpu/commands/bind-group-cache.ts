import type { PooledBuffer } from "../buffer-pool.ts";
import type { BufferBinding } from "./command-stream.ts";

/** A bind group of storage buffers that was made before, and what is in it. */
export interface KeptBindGroup {
  readonly group: GPUBindGroup;
  readonly layoutKey: string;
  readonly bindings: readonly Omit<BufferBinding, "element">[];
  readonly hash: number;
  /** Another one of the same hash. */
  next: KeptBindGroup | undefined;
}

/** Bind groups kept; batches of ever other lengths would otherwise leave ever more of them. */
const KEPT_BIND_GROUPS = 4096;

/** Makes a bind group for each combination of bindings once, and finds it again by a hash of numbers. */
export class BindGroupCache {
  readonly #byHash = new Map<number, KeptBindGroup>();
  /** In the order of making. */
  readonly #kept = new Set<KeptBindGroup>();

  constructor(private readonly create: (layoutKey: string, bindings: readonly BufferBinding[]) => GPUBindGroup) {}

  get(layoutKey: string, bindings: readonly BufferBinding[]): GPUBindGroup {
    let hash = layoutKey.length;
    for (const { buffer, offset, size } of bindings) {
      hash = Math.imul(hash ^ buffer.id, 0x9e3779b1) ^ (offset + size);
      hash ^= hash >>> 15;
    }
    const first = this.#byHash.get(hash);
    for (let kept = first; kept; kept = kept.next) if (isOf(kept, layoutKey, bindings)) return kept.group;
    const copies = bindings.map(({ buffer, offset, size }) => ({ buffer, offset, size }));
    const kept = { group: this.create(layoutKey, bindings), layoutKey, bindings: copies, hash, next: first };
    this.#byHash.set(hash, kept);
    this.#kept.add(kept);
    for (const { buffer } of copies) buffer.bindGroups.add(kept);
    if (this.#kept.size > KEPT_BIND_GROUPS) this.#forget(this.#kept.values().next().value!);
    return kept.group;
  }

  /** Forgets the bind groups that hold a buffer. */
  forgetAllOf(buffer: PooledBuffer): void {
    for (const kept of buffer.bindGroups) this.#forget(kept);
  }

  #forget(kept: KeptBindGroup): void {
    for (const { buffer } of kept.bindings) buffer.bindGroups.delete(kept);
    this.#kept.delete(kept);
    const first = this.#byHash.get(kept.hash)!;
    if (first !== kept) {
      let before = first;
      while (before.next !== kept) before = before.next!;
      before.next = kept.next;
    } else if (kept.next) this.#byHash.set(kept.hash, kept.next);
    else this.#byHash.delete(kept.hash);
  }
}

function isOf(kept: KeptBindGroup, layoutKey: string, bindings: readonly BufferBinding[]): boolean {
  if (kept.layoutKey !== layoutKey) return false;
  for (let i = 0; i < bindings.length; i++) {
    const [a, b] = [kept.bindings[i], bindings[i]];
    if (a.buffer !== b.buffer || a.offset !== b.offset || a.size !== b.size) return false;
  }
  return true;
}
