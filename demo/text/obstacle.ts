import type { State } from "./app.ts";
import { trainedStages } from "./training.ts";

/** Why no run can be started, and the part of the page where that is mended. */
export interface Obstacle {
  readonly part: "choose" | "data" | "freeze" | "train";
  /** A sentence. */
  readonly text: string;
}

type Seen = Pick<
  State,
  | "inspection"
  | "readingModel"
  | "readingData"
  | "description"
  | "dataProblem"
  | "mistakes"
  | "planProblem"
  | "plan"
  | "training"
  | "task"
>;

const FIELDS: Readonly<Record<string, { readonly part: Obstacle["part"]; readonly label: string }>> = {
  lora: { part: "freeze", label: "Adapters' rank" },
  headLr: { part: "freeze", label: "Head's rate" },
  lr: { part: "freeze", label: "Trunk's rate" },
  layerDecay: { part: "freeze", label: "Falls by" },
  epochs: { part: "train", label: "Epochs" },
  batch: { part: "train", label: "Batch" },
  maxLength: { part: "train", label: "Longest text" },
  seed: { part: "train", label: "Seed" },
};

/** Whether a field is there to be mended: what it says counts for nothing while it is not. */
const isInUse = (key: string, { task, training }: Pick<Seen, "task" | "training">): boolean =>
  (key !== "headLr" || task === "classify") && (key !== "lora" || training.preset === "adapters");

/** What has to be mended before a run can start; null when nothing is in its way. */
export function obstacleOf(state: Seen): Obstacle | null {
  const { inspection, readingModel, description, readingData, dataProblem } = state;
  const { training, mistakes, planProblem, plan } = state;
  if (!inspection) return { part: "choose", text: readingModel ? "The model is being read." : "Choose a model first." };
  if (!description)
    return { part: "data", text: readingData ? "The examples are being read." : "Give it examples first." };
  if (dataProblem !== null)
    return { part: "data", text: "The examples do not go with what the model is to learn; see part 2." };
  const [mistaken] = Object.keys(FIELDS).filter((key) => key in mistakes && isInUse(key, state));
  if (mistaken !== undefined) {
    const { part, label } = FIELDS[mistaken];
    return { part, text: `${label}: ${mistakes[mistaken as keyof typeof mistakes]}` };
  }
  if (trainedStages(inspection, training).length === 0) {
    return { part: "freeze", text: "Everything is frozen; thaw a block in part 3." };
  }
  if (planProblem !== null) return { part: "freeze", text: "It cannot be trained like this; part 3 says why." };
  if (plan && !plan.fits) return { part: "freeze", text: "It does not fit into memory; part 3 says what would." };
  return null;
}
