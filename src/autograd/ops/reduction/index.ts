export { argmax, argmin } from "./arguments.ts";
export type { Axes } from "./attributes.ts";
export { type CumulativeOptions, cumsum } from "./cumulative.ts";
export { max, min } from "./extrema.ts";
export { logsumexp } from "./logsumexp.ts";
export { type NormOptions, norm } from "./norm.ts";
export { prod } from "./product.ts";
export { mean, std, type VarianceOptions, variance } from "./statistics.ts";
export { all, any } from "./truth.ts";
