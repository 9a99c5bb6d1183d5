export { FAMILIES, familyOf } from "./families/index.ts";
export {
  BenchUsageError,
  candidatesOf,
  type Family,
  lackOfRoom,
  parseSizes,
  type Sizes,
  shaderHeader,
  variantNames,
} from "./family.ts";
export { digits, formatMilliseconds, formatQuartiles, formatShare } from "./format.ts";
export { type LadderChoice, runLadder } from "./ladder.ts";
export type { LadderProgress, Measured } from "./measure.ts";
export { drawLadder, fastestOf, groupRows } from "./page/ladder.ts";
export { renderBenchPage } from "./page/page.ts";
export { drawRoofline } from "./page/roofline.ts";
export { leastMilliseconds, measurePeaks, type Peaks } from "./peaks.ts";
export { listOfNames, planOf, SUITES } from "./plan.ts";
export type { Candidate, Expected, Operand, Problem, Result } from "./problem.ts";
export { type BenchReport, type BenchRow, makeReport, type ReportEnvironment } from "./report.ts";
export { type BenchEvent, type BenchPlan, runBench } from "./run.ts";
export type { StepCounts } from "./step-counts.ts";
export { firstRunOf, runStep, STEP_ROWS, type StepResources, type StepRow } from "./steps/index.ts";
export { OP_ROWS, type OpRow, runOpRow } from "./table/index.ts";
export { type Timing, type TimingOptions, timingDefaults } from "./timing.ts";
export {
  betterVariants,
  type CandidateResult,
  type FamilyResult,
  type ProbeResult,
  type TuneSubject,
  tune,
  tuneSubjects,
} from "./tune/index.ts";
