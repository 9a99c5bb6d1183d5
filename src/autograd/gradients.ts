import { addAndFree } from "../kernels/elementwise/accumulate.ts";
import type { Tensor } from "../tensor/index.ts";

/** Gradients by leaf. Owns its tensors: `dispose()`, or the `tidy` around it, frees them. */
export class Gradients {
  readonly #byLeaf: Map<Tensor, Tensor>;

  constructor(byLeaf: Map<Tensor, Tensor>) {
    this.#byLeaf = byLeaf;
  }

  get size(): number {
    return this.#byLeaf.size;
  }

  /** The gradient of a leaf; undefined when the root does not depend on it. */
  get(leaf: Tensor): Tensor | undefined {
    return this.#byLeaf.get(leaf);
  }

  entries(): IterableIterator<[Tensor, Tensor]> {
    return this.#byLeaf.entries();
  }

  /** Everything held; `tidy` asks for it. */
  tensors(): Tensor[] {
    return [...this.#byLeaf.values()];
  }

  /** Adds other gradients, for accumulation over micro-batches, and takes over what is missing here. */
  accumulate(other: Gradients): void {
    for (const [leaf, gradient] of other.#byLeaf) {
      const own = this.#byLeaf.get(leaf);
      this.#byLeaf.set(leaf, own ? addAndFree(own, gradient) : gradient);
    }
    other.#byLeaf.clear();
  }

  dispose(): void {
    for (const gradient of this.#byLeaf.values()) gradient.dispose();
    this.#byLeaf.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
