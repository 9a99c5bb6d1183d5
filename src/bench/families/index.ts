import { BenchUsageError, type Family } from "../family.ts";
import { adamw } from "./adamw.ts";
import { attention } from "./attention.ts";
import { conv2d } from "./conv2d.ts";
import { crossEntropy } from "./cross-entropy.ts";
import { elementwise } from "./elementwise.ts";
import { layerNorm } from "./layer-norm.ts";
import { matmul } from "./matmul.ts";
import { reduce } from "./reduce.ts";
import { softmax } from "./softmax.ts";

/** The kernel ladders, in the order of a run of all. */
export const FAMILIES: readonly Family[] = [
  matmul,
  conv2d,
  softmax,
  layerNorm,
  attention,
  crossEntropy,
  elementwise,
  reduce,
  adamw,
];

/** @throws BenchUsageError listing the families there are. */
export function familyOf(name: string): Family {
  const family = FAMILIES.find((one) => one.name === name);
  if (family) return family;
  const names = FAMILIES.map((one) => one.name).join(", ");
  throw new BenchUsageError(`no family ${JSON.stringify(name)}; there are ${names}`);
}
