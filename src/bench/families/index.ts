import { BenchUsageError, type Family } from "../family.ts";
import { layerNorm } from "./layer-norm.ts";
import { matmul } from "./matmul.ts";
import { softmax } from "./softmax.ts";

/** The kernel ladders, in the order of a run of all. */
export const FAMILIES: readonly Family[] = [matmul, softmax, layerNorm];

/** @throws BenchUsageError listing the families there are. */
export function familyOf(name: string): Family {
  const family = FAMILIES.find((one) => one.name === name);
  if (family) return family;
  throw new BenchUsageError(
    `no family ${JSON.stringify(name)}; there are ${FAMILIES.map((one) => one.name).join(", ")}`,
  );
}
