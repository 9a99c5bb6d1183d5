import { ENCODE_ROW } from "./encode.ts";
import { IMAGE_ROWS } from "./images.ts";
import { LANGUAGE_ROWS } from "./language.ts";
import type { StepRow } from "./step.ts";

export { countStep, firstRunOf, runStep, type StepResources, type StepRow } from "./step.ts";

/** Blocks and whole training steps of real models, and what a dispatch costs the host. */
export const STEP_ROWS: readonly StepRow[] = [...LANGUAGE_ROWS, ...IMAGE_ROWS, ENCODE_ROW];
