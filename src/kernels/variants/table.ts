import type { AdapterClass } from "../../gpu/index.ts";
import { LARGE_WORKGROUPS, type Need, SMALL_SUBGROUPS, SUBGROUPS } from "./needs.ts";

/** Families of kernels with more than one candidate. */
export const FAMILY_NAMES = [
  "attention",
  "convolution",
  "depthwise",
  "elementwise",
  "matmul",
  "reduction",
  "rows",
] as const;
export type FamilyName = (typeof FAMILY_NAMES)[number];

/** Candidates that not every device can run. */
export const NEEDS: Readonly<Partial<Record<FamilyName, Readonly<Record<string, Need>>>>> = {
  attention: { subgroup: SMALL_SUBGROUPS },
  convolution: { shuffle: SUBGROUPS, "shuffle-wide": SUBGROUPS, shared: LARGE_WORKGROUPS },
  matmul: {
    ...{ shuffle: SMALL_SUBGROUPS, "shuffle-wide": SMALL_SUBGROUPS },
    ...{ shared: LARGE_WORKGROUPS, "shared-wide": LARGE_WORKGROUPS },
  },
};

type Preferences = Readonly<Record<FamilyName, readonly string[]>>;

/** Processors that run lanes as SIMD: a barrier costs a switch of all invocations. Measured on lavapipe. */
const PROCESSOR: Preferences = {
  attention: ["subgroup", "shared"],
  convolution: ["shuffle-wide", "register"],
  depthwise: ["strip"],
  elementwise: ["cache-lines"],
  matmul: ["shuffle-wide", "register"],
  reduction: ["four"],
  rows: ["lane-vectors"],
};

/** GPUs: many invocations hide what loads take, and workgroup memory is near. */
const GRAPHICS: Preferences = {
  attention: ["shared"],
  convolution: ["shared", "register"],
  depthwise: ["row"],
  elementwise: ["neighbours"],
  matmul: ["shared", "register"],
  reduction: ["one"],
  rows: ["tree"],
};

/**
 * Which candidates a class of adapter uses: of a family's names the first that the device can run. `graft tune` measures
 * whether another table is better for one adapter, and `Gpu.open({ variants })` takes it.
 */
export const VARIANT_TABLE: Readonly<Record<AdapterClass, Preferences>> = {
  lavapipe: PROCESSOR,
  // Its branches save nothing, so that phases made together do all the products of the one with most taps; and loops over
  // vectors cost more than they save, so that these are written out.
  swiftshader: { ...PROCESSOR, convolution: ["shuffle", "register"], elementwise: ["written-out"] },
  null: PROCESSOR,
  software: PROCESSOR,
  nvidia: { ...GRAPHICS, matmul: ["shared-wide", "register"] },
  amd: { ...GRAPHICS, matmul: ["shared-wide", "register"] },
  intel: GRAPHICS,
  apple: GRAPHICS,
  qualcomm: GRAPHICS,
  unknown: GRAPHICS,
};
