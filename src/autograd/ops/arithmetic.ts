export * from "./elementwise/index.ts";
