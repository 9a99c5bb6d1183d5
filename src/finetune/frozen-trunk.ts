import { noGrad } from "../autograd/index.ts";
import type { StagedModel } from "../models/index.ts";
import { keep, type Tensor, tidy } from "../tensor/index.ts";
import { ActivationCache, type CacheBudget } from "./activation-cache.ts";
import type { CacheEvent, PrepareEvent } from "./events.ts";
import { byLength, type ExampleBatch, type ExampleSet } from "./examples.ts";

/** A batch on the GPU with the activations that the trained part starts from. */
export interface StartedBatch<Inputs> {
  readonly inputs: Inputs;
  /** Stage to go on from. */
  readonly from: number;
  /** Undefined when there is no frozen part: the first stage makes its own. */
  readonly x: Tensor | undefined;
  dispose(): void;
}

/**
 * Runs the frozen front of a model, everything below its first trained stage, and keeps what it gives for each
 * example: a frozen trunk runs once. That needs the front to be deterministic, so dropout in it switches the cache off,
 * and so does augmentation, which changes the examples themselves.
 */
export class FrozenTrunk<Host, Inputs> {
  readonly boundary: number;
  readonly #cache: ActivationCache | null;
  readonly #reason: string;

  constructor(
    private readonly model: StagedModel<Host, Inputs>,
    budget: CacheBudget | false,
    isAugmented = false,
  ) {
    const { stages } = model;
    const isTrained = (parameters: readonly Tensor[]): boolean => parameters.some((tensor) => tensor.requiresGrad);
    const first = stages.findIndex((stage) => isTrained(stage.module.parameters()));
    this.boundary = first < 0 ? stages.length : first;
    const random = stages.slice(0, this.boundary).find((stage) => stage.isRandom);
    if (budget === false) this.#reason = "switched off";
    else if (this.boundary === 0) this.#reason = "the first stage is trained";
    else if (isAugmented) this.#reason = "the examples are augmented";
    else if (random) this.#reason = `${random.name} has dropout`;
    else this.#reason = "";
    this.#cache = this.#reason === "" ? new ActivationCache(model.gpu, budget as CacheBudget) : null;
  }

  /** Uploads a batch and gives the activations at the boundary, kept or computed. */
  async start(batch: ExampleBatch<Host>): Promise<StartedBatch<Inputs>> {
    const inputs = this.model.prepare(batch);
    const x = this.#cache ? await this.#activations(this.#cache, batch, inputs) : undefined;
    return {
      inputs,
      from: x ? this.boundary : 0,
      x,
      dispose: () => {
        this.model.release(inputs);
        x?.dispose();
      },
    };
  }

  /**
   * Computes and keeps the activations of a whole data set ahead, texts of similar length together: rows do not depend
   * on what shares their batch, and so less padding is computed. Stops where the budget ends. Tells how far it is.
   */
  async *prefill(
    examples: ExampleSet<Host>,
    batchSize: number,
    signal?: AbortSignal,
    between?: () => Promise<void> | undefined,
  ): AsyncGenerator<PrepareEvent, void> {
    if (!this.#cache) return;
    const order = byLength(examples);
    for (let begin = 0; begin < order.length && !this.#cache.isFull; begin += batchSize) {
      await between?.();
      if (signal?.aborted) return;
      const batch = examples.collate(order.slice(begin, begin + batchSize));
      (await this.start(batch)).dispose();
      this.#cache.computedAhead = this.#cache.size;
      yield { type: "prepare", done: Math.min(begin + batchSize, order.length), total: order.length };
    }
  }

  event(): CacheEvent {
    const cache = this.#cache;
    return {
      type: "cache",
      enabled: cache !== null,
      reason: this.#reason,
      boundary: this.model.stages[this.boundary]?.name ?? "head",
      gpuBytes: cache?.gpuBytes ?? 0,
      hostBytes: cache?.hostBytes ?? 0,
      computed: cache?.computed ?? 0,
      reused: cache?.reused ?? 0,
      secondsSaved: cache?.secondsSaved ?? 0,
    };
  }

  dispose(): void {
    this.#cache?.dispose();
  }

  async #activations(cache: ActivationCache, batch: ExampleBatch<Host>, inputs: Inputs): Promise<Tensor> {
    const kept = cache.gather(batch);
    if (kept) return keep(kept);
    const start = performance.now();
    const x = noGrad(() => tidy(() => this.model.features(inputs, { to: this.boundary })));
    await cache.store(batch, x);
    await this.model.gpu.finish(); // so that the cost of computing is known, and what reuse saves
    cache.computeSeconds += (performance.now() - start) / 1000;
    cache.computed += batch.indices.length;
    return keep(x);
  }
}
