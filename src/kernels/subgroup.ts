import subgroupSource from "../../shaders/subgroup.wgsl";
import type { Specialization } from "../gpu/index.ts";

/** The part of a shader by which the lanes of a subgroup pass round what they hold. */
export const SUBGROUP = subgroupSource;

/**
 * What a shader with that part is told of subgroups of so many lanes. SwiftShader, whose subgroups have four, makes a shuffle
 * from every lane that may be meant, though it be a constant: there each is told in a broadcast of its own.
 */
export const passingRound = (lanes: number): Specialization => {
  const four = [0, 1, 2, 3].map((i) =>
    lanes === 4 ? `subgroupBroadcast(x, ${i}u)` : `subgroupShuffle(x, first + ${i}u)`,
  );
  return {
    LANES: lanes,
    fromLane: "return subgroupShuffle(x, lane);",
    fromFour: `return mat4x4f(${four.join(", ")});`,
    enable: "subgroups",
  };
};
