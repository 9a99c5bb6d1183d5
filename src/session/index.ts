export { describeWebGpuProblem, type WebGpuProblem, WebGpuUnavailableError } from "../gpu/adapter/availability.ts";
export * from "../jobs/index.ts";
export { FineTuneSession } from "./session.ts";
export type * from "./types.ts";
