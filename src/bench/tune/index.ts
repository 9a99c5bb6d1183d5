import { definedFamilies } from "../../gpu/index.ts";
import type { FamilyName } from "../../kernels/variant-table.ts";
import { PROBES } from "./probes.ts";
import type { TuneSubject } from "./tune.ts";

export {
  betterVariants,
  type CandidateResult,
  type FamilyResult,
  type ProbeResult,
  type TuneSubject,
  tune,
} from "./tune.ts";

/** Every family of the engine with its probes, at sizes for the kind of adapter. */
export const tuneSubjects = (isSoftware: boolean): TuneSubject[] =>
  definedFamilies().flatMap((family) => {
    const probes = PROBES[family.name as FamilyName] as (typeof PROBES)[FamilyName] | undefined;
    return probes ? [{ family, probes: probes(isSoftware) }] : []; // a program may have defined families of its own
  });
