import type { Plan } from "../../finetune/index.ts";
import { planWithKernels } from "../../finetune/plan/plan.ts";
import { DryGpu, type Gpu, type KernelVariant } from "../../gpu/index.ts";
import type { StagedModel } from "../../models/index.ts";
import type { Optimizer } from "../../nn/index.ts";
import type { TaskRun } from "../tasks/task-run.ts";
import { gradualStages, partsOf, trainOnly } from "./gradual.ts";
import { makeOptimizer, makeTrainable } from "./trainable.ts";

export interface PlannedTask {
  /** Of the whole run; with gradual unfreezing, of the stage that takes most memory. */
  readonly plan: Plan;
  /** That stage; null where there is one alone. */
  readonly stage: { readonly name: string; readonly index: number; readonly count: number } | null;
  /** The kernels that the run needs. */
  readonly kernels: readonly KernelVariant[];
}

/** Plans a run from the model's files without reading its weights: what it takes, and the kernels that it needs. */
export async function planTask<Host, Inputs>(task: TaskRun<Host, Inputs>, gpu: Gpu): Promise<PlannedTask> {
  const { model, optimizer } = await makeTrainable(task, new DryGpu(gpu));
  try {
    const { gradual, maxSteps } = task.settings;
    if (gradual !== undefined) return await planStages(task, gpu, model, gradual);
    return { ...(await planPart(task, gpu, model, optimizer, true, maxSteps)), stage: null };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

function planPart<Host, Inputs>(
  task: TaskRun<Host, Inputs>,
  gpu: Gpu,
  model: StagedModel<Host, Inputs>,
  optimizer: Optimizer,
  evaluateFirst: boolean,
  maxSteps: number | undefined,
): Promise<{ plan: Plan; kernels: readonly KernelVariant[] }> {
  const { epochs, batch, accumulate, clip, checkpointBlocks, noCapture, evalBatch, evalEvery } = task.settings;
  return planWithKernels(model, {
    ...{ batch, accumulate, clip: clip || undefined, checkpointBlocks, evaluationBatch: evalBatch },
    ...{ capture: !noCapture, epochs, evaluateEvery: evalEvery },
    ...{ optimizer, data: task.data, maxSteps, evaluateFirst, memoryBudget: gpu.memoryBudget },
  });
}

/** Each stage has activations and a frozen part of its own: none of them can be told to be the largest beforehand. */
async function planStages<Host, Inputs>(
  task: TaskRun<Host, Inputs>,
  gpu: Gpu,
  model: StagedModel<Host, Inputs>,
  levels: number,
): Promise<PlannedTask> {
  const stages = gradualStages(model, levels);
  const kernels = new Map<string, KernelVariant>();
  let most: PlannedTask | undefined;
  for (const { stage, index, maxSteps } of partsOf(task, stages).parts) {
    trainOnly(model, stage);
    const optimizer = makeOptimizer(model, task);
    try {
      const own = await planPart(task, gpu, model, optimizer, index === 0, maxSteps);
      for (const variant of own.kernels) kernels.set(variant.key, variant);
      const isMost = !most || own.plan.peakBytes > most.plan.peakBytes;
      if (isMost || !own.plan.fits)
        most = { ...own, stage: { name: stage.name, index: index + 1, count: stages.length } };
      if (!own.plan.fits) break;
    } finally {
      optimizer.dispose();
    }
  }
  const { plan, stage } = most!;
  return { plan: { ...plan, pipelines: [...kernels.keys()] }, stage, kernels: [...kernels.values()] };
}
