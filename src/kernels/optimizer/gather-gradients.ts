import gatherSource from "../../../shaders/optimizer/gather-gradients.wgsl";
import { defineKernel, type KernelDefinition, type ParamLayout } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { gridOf, launch } from "../launch.ts";

/** Gradients that one dispatch gathers: with their target as many buffers as a kernel may have. */
const GATHERED = 7;

/* @__NO_SIDE_EFFECTS__ */ const each = <T>(count: number, of: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => of(i));

/* @__NO_SIDE_EFFECTS__ */ const gatherBindings = (): KernelDefinition["bindings"] => ({
  ...Object.fromEntries(each(GATHERED, (i) => [`x${i}`, "read" as const])),
  y: "read_write",
});

/* @__NO_SIDE_EFFECTS__ */ const gatherParams = (): ParamLayout =>
  Object.fromEntries(
    [
      "count",
      ...each(GATHERED - 1, (i) => `end${i}`),
      ...each(GATHERED, (i) => `place${i}`),
      ...each(GATHERED, (i) => `x${i}Offset`),
    ].map((name) => [name, "u32" as const]),
  );

const gatherKernel = defineKernel({
  name: "gather-gradients",
  source: gatherSource,
  bindings: gatherBindings(),
  params: gatherParams(),
});

/** Copies row-major gradients, each with its offset a multiple of four, to their places in one buffer. */
export function gatherGradients(pairs: readonly { from: Tensor; to: Tensor }[]): void {
  for (let begin = 0; begin < pairs.length; begin += GATHERED) {
    const some = pairs.slice(begin, begin + GATHERED);
    const params: Record<string, number> = {};
    let count = 0;
    for (let i = 0; i < GATHERED; i++) {
      const pair = some.at(i);
      params[`place${i}`] = (pair?.to.offset ?? 0) / 4;
      if (pair) count += Math.ceil(pair.from.size / 4);
      if (i < GATHERED - 1) params[`end${i}`] = count;
    }
    const sources = Array.from({ length: GATHERED }, (_, i) => (some.at(i) ?? some[0]).from);
    launch("gather", gatherKernel.variant(), [...sources, some[0].to], { ...params, count }, gridOf(count));
  }
}
