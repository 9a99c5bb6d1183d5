import type { Plan } from "../../finetune/index.ts";
import { planWithKernels } from "../../finetune/plan/plan.ts";
import { DryGpu, type Gpu, type KernelVariant } from "../../gpu/index.ts";
import type { TaskRun } from "../tasks/task-run.ts";
import { makeTrainable } from "./trainable.ts";

/** Plans a run from the model's files without reading its weights: what it takes, and the kernels that it needs. */
export async function planTask<Host, Inputs>(
  task: TaskRun<Host, Inputs>,
  gpu: Gpu,
): Promise<{ plan: Plan; kernels: readonly KernelVariant[] }> {
  const { model, optimizer } = await makeTrainable(task, new DryGpu(gpu));
  const { batch, accumulate, clip, checkpointBlocks, noCapture, evalBatch, maxSteps } = task.settings;
  return planWithKernels(model, {
    ...{ batch, accumulate, clip: clip || undefined, checkpointBlocks, evaluationBatch: evalBatch },
    ...{ capture: !noCapture },
    ...{ optimizer, data: task.data, maxSteps, evaluateFirst: true, memoryBudget: gpu.memoryBudget },
  });
}
