export { describeWebGpuProblem, type WebGpuProblem } from "../gpu/index.ts";
export * from "../jobs/index.ts";
export { FineTuneSession } from "./session.ts";
export type * from "./types.ts";
