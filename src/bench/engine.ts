import { definedFamilies, type Gpu, isAvailable } from "../gpu/index.ts";
import { describeFamily } from "./descriptions.ts";
import type { Candidate, Work } from "./problem.ts";

/**
 * The engine's ways to compute something: every candidate of one of its kernel families by name, and last what it
 * chooses itself.
 *
 * @param family name of the kernel family that makes the choice.
 */
export function engineCandidates(family: string, engine: Candidate): Candidate[] {
  const definition = definedFamilies().find(({ name }) => name === family);
  const named = (definition?.candidates ?? []).map((candidate): Candidate => {
    const table = { [family]: candidate.name };
    return {
      name: `engine-${candidate.name}`,
      adds: describeFamily(family).candidates[candidate.name] ?? "",
      unavailable: (gpu) => (isAvailable(candidate, gpu) ? undefined : `it needs ${candidate.needs}`),
      prepare: async (operands, results, own) => {
        const work = await engine.prepare(operands, results, own);
        return () => withVariants(results[0].gpu, table, work);
      },
    };
  });
  return [...named, { ...engine, note: (gpu) => definition && `here ${definition.choose(gpu).name}` }];
}

/** Runs with other candidates than the device's table has. */
function withVariants(gpu: Gpu, table: Gpu["variants"], work: Work): ReturnType<Work> {
  const before = gpu.variants;
  gpu.variants = { ...before, ...table };
  try {
    return work();
  } finally {
    gpu.variants = before;
  }
}
