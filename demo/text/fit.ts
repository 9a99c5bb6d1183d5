import { formatBytes } from "../../src/finetune/format.ts";
import type { ChangedOptions } from "../../src/finetune/plan/changes.ts";
import { fill, h } from "../shared/dom.ts";
import { sentence } from "../shared/toasts.ts";
import type { State } from "./app.ts";
import { DEFAULT_TRAINING, type Training } from "./training.ts";

type Patch = Partial<Training>;
type SetPatch = (patch: Patch) => void;

/** Why it cannot be trained like this, and what would fit, as buttons. */
export function showProblem(place: HTMLElement, { plan, planProblem }: State, set: SetPatch): void {
  place.hidden = planProblem === null && (plan === null || plan.fits);
  fill(place, planProblem !== null && h("p", {}, sentence(planProblem)));
  if (place.hidden || !plan || planProblem !== null) return;
  const changes = plan.changes.map(({ options, peakBytes }) => {
    const patch = patchOf(options);
    return { patch, words: `${wordsOf(patch).join(", ")}: ${formatBytes(peakBytes)}` };
  });
  fill(
    place,
    h("p", {}, sentence(`It does not fit: ${plan.problem}`)),
    changes.length > 0 && h("p", {}, "What would fit:"),
    changes.map(({ words, patch }) =>
      h("div", {}, h("button", { class: "button small", type: "button", onclick: () => set(patch) }, words)),
    ),
  );
}

/** A change as settings of this page. */
export function patchOf({ batch, accumulate, length, lora, checkpointBlocks, evaluationBatch }: ChangedOptions): Patch {
  return {
    ...(batch !== undefined && { batch }),
    ...(accumulate !== undefined && { accumulate }),
    ...(evaluationBatch !== undefined && { evalBatch: evaluationBatch }),
    ...(checkpointBlocks !== undefined && { checkpointBlocks }),
    ...(lora !== undefined && { preset: "adapters" as const, trained: [], lora }),
    ...(length !== undefined && { maxLength: length }),
  };
}

/** Settings that save memory, as a person reads them. */
export function wordsOf({ batch, accumulate = 1, evalBatch, checkpointBlocks, maxLength, lora }: Patch): string[] {
  return [
    ...(lora === undefined ? [] : [`adapters of rank ${lora} in place of the weights`]),
    ...(batch === undefined ? [] : [`a batch of ${batch}`]),
    ...(accumulate > 1 ? [`${accumulate} batches a step`] : []),
    ...(evalBatch === undefined ? [] : [`${evalBatch} ${evalBatch === 1 ? "text" : "texts"} at a time to check`]),
    ...(checkpointBlocks ? ["blocks computed twice, which is slower"] : []),
    ...(maxLength === undefined ? [] : [`texts of ${maxLength} tokens`]),
  ];
}

/** What was taken to make it fit and has no field of its own, with a button that takes it back; nothing where nothing was. */
export function savingsOf({ accumulate, evalBatch, checkpointBlocks }: Training, set: SetPatch): HTMLElement[] {
  const taken = wordsOf({
    ...{ accumulate, checkpointBlocks },
    ...(evalBatch !== DEFAULT_TRAINING.evalBatch && { evalBatch }),
  });
  if (taken.length === 0) return [];
  const { accumulate: one, evalBatch: usual } = DEFAULT_TRAINING;
  const undo = (): void => set({ accumulate: one, evalBatch: usual, checkpointBlocks: false });
  return [
    h("span", {}, `To save memory: ${taken.join(", ")}.`),
    h("button", { class: "button quiet small", type: "button", onclick: undo }, "Take it back"),
  ];
}
