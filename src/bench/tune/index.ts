import { definedFamilies } from "../../gpu/index.ts";
import type { FamilyName } from "../../kernels/variants/table.ts";
import { HALF_PROBES, PROBES } from "./probes.ts";
import { PROOFS } from "./proofs.ts";
import type { TuneSubject } from "./tune.ts";

export {
  betterVariants,
  type CandidateResult,
  type FamilyResult,
  type ProbeResult,
  type TuneSubject,
  tune,
} from "./tune.ts";

/**
 * Every family of the engine with its probes, at sizes for the kind of adapter.
 *
 * @param hasHalves whether the adapter computes with what is stored in half precision: then candidates are held to that too
 */
export const tuneSubjects = (isSoftware: boolean, hasHalves: boolean): TuneSubject[] =>
  definedFamilies().flatMap((family) => {
    const name = family.name as FamilyName;
    const probes = PROBES[name] as (typeof PROBES)[FamilyName] | undefined;
    if (!probes) return []; // a program may have defined families of its own
    const inHalves = hasHalves ? (HALF_PROBES[name]?.(isSoftware) ?? []) : [];
    return [{ family, proofs: PROOFS[name], probes: [...probes(isSoftware), ...inHalves] }];
  });
