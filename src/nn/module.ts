import type { Gpu } from "../gpu/index.ts";
import { full } from "../kernels/copy.ts";
import { type DType, empty, keep, type Shape, Tensor } from "../tensor/index.ts";
import { matchesPattern } from "./patterns.ts";

/** A trainable tensor with undefined values; loading or initialising fills it. Lives until the module is disposed. */
export function parameter(gpu: Gpu, shape: Shape): Tensor {
  const tensor = keep(empty(gpu, shape, "f32", "parameter"));
  tensor.requiresGrad = true;
  return tensor;
}

/** Tensors that are state of a module, but are not trained. */
const buffers = new WeakSet<Tensor>();

/** Type and first values of a {@link buffer}. */
export interface BufferOptions {
  /** `i32` for counters, which checkpoints hold as I64. Default `f32`. */
  dtype?: Extract<DType, "f32" | "i32">;
  /** Value of every element until something else is loaded. Default 0. */
  value?: number;
}

/**
 * State that a forward pass may change but no gradient: the running statistics of batch normalisation. It is loaded,
 * saved and kept in checkpoints as parameters are. Lives until the module is disposed.
 */
export function buffer(gpu: Gpu, shape: Shape, { dtype = "f32", value = 0 }: BufferOptions = {}): Tensor {
  const tensor = keep(full(gpu, shape, value, dtype));
  buffers.add(tensor);
  return tensor;
}

/**
 * A tree of parameters and buffers. The name of each is its path through the properties, so the tree is written to have
 * the names of the checkpoint: `h.3.attn.c_attn.weight`, `bn1.running_mean`.
 */
export abstract class Module {
  /** Prefix that checkpoints of a task model put before the base model's names; patterns match with and without it. */
  protected readonly basePrefix: string = "";

  /** Every parameter once, with its name; of tied ones the first name counts. */
  namedParameters(): Map<string, Tensor> {
    return this.#named((tensor) => !buffers.has(tensor));
  }

  /** Every tensor made by {@link buffer} once, with its name. None of them has a gradient. */
  namedBuffers(): Map<string, Tensor> {
    return this.#named((tensor) => buffers.has(tensor));
  }

  /** Parameters, then buffers: all that a checkpoint of the weights holds. */
  namedTensors(): Map<string, Tensor> {
    return new Map([...this.namedParameters(), ...this.namedBuffers()]);
  }

  /** Every module of the tree but this one, once, with its name. */
  namedModules(): Map<string, Module> {
    const named = new Map<string, Module>();
    const seen = new Set<Module>([this]);
    const visit = (value: unknown, path: string): void => {
      if (value instanceof Module) {
        if (seen.has(value) && value !== this) return;
        if (value !== this) named.set(path, value);
        seen.add(value);
      }
      if (Array.isArray(value) || value instanceof Module) {
        for (const [key, child] of Object.entries(value)) visit(child, path ? `${path}.${key}` : key);
      }
    };
    visit(this, "");
    return named;
  }

  #named(isWanted: (tensor: Tensor) => boolean): Map<string, Tensor> {
    const named = new Map<string, Tensor>();
    const seen = new Set<Tensor>();
    const visit = (value: unknown, path: string): void => {
      if (value instanceof Tensor) {
        if (!seen.has(value) && isWanted(value)) named.set(path, value);
        seen.add(value);
      } else if (Array.isArray(value) || value instanceof Module) {
        for (const [key, child] of Object.entries(value)) visit(child, path ? `${path}.${key}` : key);
      }
    };
    visit(this, "");
    return named;
  }

  parameters(): Tensor[] {
    return [...this.namedParameters().values()];
  }

  /** Number of parameters in elements; only trainable ones when asked. */
  parameterCount(options: { trainable?: boolean } = {}): number {
    return this.parameters()
      .filter((tensor) => !options.trainable || tensor.requiresGrad)
      .reduce((sum, tensor) => sum + tensor.size, 0);
  }

  /** Whether a name, with or without the base prefix, matches a pattern. */
  matches(name: string, pattern: string): boolean {
    const bare = name.startsWith(this.basePrefix) ? name.slice(this.basePrefix.length) : name;
    return matchesPattern(name, pattern) || matchesPattern(bare, pattern);
  }

  /** Freezes the parameters that match any of the patterns, all without patterns. */
  freeze(...patterns: string[]): this {
    return this.#setTrainable(false, patterns);
  }

  /** Makes the parameters that match any of the patterns trainable, all without patterns. */
  unfreeze(...patterns: string[]): this {
    return this.#setTrainable(true, patterns);
  }

  #setTrainable(trainable: boolean, patterns: readonly string[]): this {
    const named = this.namedParameters();
    for (const pattern of patterns.length > 0 ? patterns : ["*"]) {
      const matching = [...named].filter(([name]) => this.matches(name, pattern));
      if (matching.length === 0) {
        const verb = trainable ? "unfreeze" : "freeze";
        const names = [...named.keys()];
        throw new Error(
          `${verb}: pattern "${pattern}" matches no parameter; names run from ${names[0]} to ${names.at(-1)}`,
        );
      }
      for (const [, tensor] of matching) tensor.requiresGrad = trainable;
    }
    return this;
  }

  /** Frees every parameter and buffer. */
  dispose(): void {
    for (const tensor of this.namedTensors().values()) tensor.dispose();
  }
}
