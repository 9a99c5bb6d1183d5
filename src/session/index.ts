export * from "../jobs/index.ts";
export type * from "./types.ts";
