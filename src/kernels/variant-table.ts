import type { AdapterClass } from "../gpu/index.ts";

/** Families of kernels with more than one candidate. */
export type FamilyName = "attention" | "convolution" | "depthwise" | "elementwise" | "matmul" | "reduction" | "rows";

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
  nvidia: { ...GRAPHICS, matmul: ["shared-wide", "register"] },
  amd: { ...GRAPHICS, matmul: ["shared-wide", "register"] },
  intel: GRAPHICS,
  apple: GRAPHICS,
  qualcomm: GRAPHICS,
  unknown: GRAPHICS,
};
