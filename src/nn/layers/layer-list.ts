import { describeValue, formatShape, type Shape } from "../../tensor/index.ts";
import type { Module } from "../module.ts";
import { Layer } from "./layer.ts";

/** A layer with the name it has in checkpoints. */
export type NamedLayer = readonly [name: string, layer: Layer];

/**
 * The layers of a module in their order. Each stands in the module under its name, which may have dots, so that its
 * parameters have the checkpoint's names. Every change is checked at once: the shapes are followed from the input to
 * the end, and a change that does not fit is refused and leaves everything as it was.
 */
export class LayerList {
  #layers: NamedLayer[] = [];
  #shapes: number[][] = [];

  /**
   * @param inputShape of one example, without the batch axis.
   * @param checkOutput throws when the last layer's shape is not what the owner wants.
   */
  constructor(
    private readonly owner: Module,
    readonly inputShape: Shape,
    layers: readonly NamedLayer[],
    private readonly checkOutput: (shape: Shape) => void,
  ) {
    this.#change([...layers]);
  }

  /** Every layer with the shape of its result for one example. */
  entries(): { name: string; layer: Layer; shape: readonly number[] }[] {
    return this.#layers.map(([name, layer], i) => ({ name, layer, shape: this.#shapes[i] }));
  }

  /** @throws listing the names when there is none such. */
  indexOf(name: string): number {
    const index = this.#layers.findIndex(([own]) => own === name);
    if (index < 0) throw new Error(`no layer "${name}"; there are ${this.#layers.map(([own]) => own).join(", ")}`);
    return index;
  }

  get(name: string): Layer {
    return this.#layers[this.indexOf(name)][1];
  }

  /** @throws naming the first layer that an input of another shape does not fit, or when the result is not wanted. */
  check(inputShape: Shape): void {
    const shapes = followShapes(inputShape, this.#layers);
    this.checkOutput(shapes.at(-1) ?? inputShape);
  }

  /** Puts layers in the place of `count` others, from `index` on, which are taken out and freed. */
  splice(index: number, count: number, ...added: readonly NamedLayer[]): void {
    const removed = this.#layers.slice(index, index + count).map(([, layer]) => layer);
    this.#change(this.#layers.toSpliced(index, count, ...added));
    const kept = new Set(this.#layers.map(([, layer]) => layer));
    for (const layer of removed) if (!kept.has(layer)) layer.dispose();
  }

  /** Gives layers other names; the order stays. */
  rename(newName: (name: string) => string): void {
    this.#change(this.#layers.map(([name, layer]) => [newName(name), layer] as const));
  }

  /** Puts the new list in place when it fits; otherwise nothing has changed. */
  #change(layers: NamedLayer[]): void {
    const own = new Set(this.#layers.map(([name]) => name));
    const seen = new Set<string>();
    for (const [name, layer] of layers) {
      if (!(layer instanceof Layer)) throw new Error(`layer "${name}" is ${describeValue(layer)}, expected a Layer`);
      if (seen.has(name)) throw new Error(`two layers are called "${name}"`);
      if (!own.has(name) && name in this.owner) throw new Error(`the name "${name}" is taken`);
      seen.add(name);
    }
    const shapes = followShapes(this.inputShape, layers);
    this.checkOutput(shapes.at(-1) ?? this.inputShape);
    this.#shapes = shapes;
    const slots = this.owner as unknown as Record<string, Layer>;
    for (const name of own) delete slots[name];
    this.#layers = layers;
    for (const [name, layer] of layers) slots[name] = layer;
  }
}

function followShapes(inputShape: Shape, layers: readonly NamedLayer[]): number[][] {
  let shape = [...inputShape];
  let before = "the input";
  return layers.map(([name, layer]) => {
    try {
      shape = layer.outputShape(shape);
    } catch (error) {
      throw new Error(
        `layer "${name}" does not fit behind ${before}, which gives ${formatShape(shape)}: ${(error as Error).message}`,
      );
    }
    before = `"${name}"`;
    return shape;
  });
}
