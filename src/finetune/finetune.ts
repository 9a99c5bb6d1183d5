import type { StagedModel } from "../models/index.ts";
import { examplesOf, requireModel, requireOptions } from "./checks.ts";
import type { TrainingEvent } from "./events.ts";
import { planWithKernels, refuse } from "./plan/plan.ts";
import { type FinetuneOptions, train } from "./trainer.ts";
import type { Examples, TrainingData } from "./training-data.ts";

/**
 * Trains a model's unfrozen parameters and tells what happens as a stream of events. It prints nothing and owns
 * nothing: the caller made model and optimizer. One seed on one adapter gives the same bits every time, also when the
 * run was stopped and resumed.
 *
 * @throws MemoryLimitError before the first step when the adapter cannot hold what training needs, naming what it is;
 * RangeError for an option or an example that cannot be.
 */
export async function* finetune<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  data: TrainingData<Examples<Host>>,
  options: FinetuneOptions,
): AsyncGenerator<TrainingEvent, void> {
  requireModel("finetune", model);
  requireOptions(options);
  examplesOf(data, options.padId);
  if (options.rehearse !== false) await prepare(model, data, options);
  yield* train(model, data, options);
}

async function prepare<Host, Inputs>(
  model: StagedModel<Host, Inputs>,
  data: TrainingData<Examples<Host>>,
  options: FinetuneOptions,
): Promise<void> {
  let planned: Awaited<ReturnType<typeof planWithKernels>>;
  try {
    planned = await planWithKernels(model, { ...options, data });
  } catch {
    return; // What is wrong with the arguments is said by the training itself, in its own order.
  }
  if (!planned.plan.fits) refuse(planned.plan);
  await model.gpu.warmUp(planned.kernels);
}
