import { argmaxOp, argminOp } from "./arguments.ts";
import { cumsumOp } from "./cumulative.ts";
import { maxOp, minOp } from "./extrema.ts";
import { logsumexpOp } from "./logsumexp.ts";
import { normOp } from "./norm.ts";
import { prodOp } from "./product.ts";
import { meanOp, stdOp, varianceOp } from "./statistics.ts";
import { allOp, anyOp } from "./truth.ts";

/** The primitive ops that reduce or accumulate along axes, by name; sum stands with its transpose, expand. */
export const reductionOps = {
  mean: meanOp,
  prod: prodOp,
  max: maxOp,
  min: minOp,
  any: anyOp,
  all: allOp,
  argmax: argmaxOp,
  argmin: argminOp,
  variance: varianceOp,
  std: stdOp,
  logsumexp: logsumexpOp,
  norm: normOp,
  cumsum: cumsumOp,
} as const;
