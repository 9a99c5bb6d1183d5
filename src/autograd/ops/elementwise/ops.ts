import { reluOp, sigmoidOp, tanhOp } from "./activation.ts";
import { absOp, reciprocalOp, rsqrtOp, signOp, sqrtOp, squareOp } from "./algebraic.ts";
import { addOp, affineOp, divOp, mulOp, negOp, subOp } from "./arithmetic.ts";
import { castOp } from "./cast.ts";
import { clampOp } from "./clamp.ts";
import { isFiniteOp, isInfiniteOp, isNaNOp } from "./classification.ts";
import { equalOp, greaterEqualOp, greaterOp, lessEqualOp, lessOp, notEqualOp } from "./comparison.ts";
import { expm1Op, expOp, log1pOp, logOp } from "./exponential.ts";
import { maximumOp, minimumOp } from "./extrema.ts";
import { geluOp } from "./gelu.ts";
import { logicalAndOp, logicalNotOp, logicalOrOp, logicalXorOp } from "./logical.ts";
import { ceilOp, floorOp, roundOp } from "./rounding.ts";
import { whereOp } from "./selection.ts";

/** The primitive ops on elements, by name. */
export const elementwiseOps = {
  add: addOp,
  sub: subOp,
  mul: mulOp,
  div: divOp,
  affine: affineOp,
  maximum: maximumOp,
  minimum: minimumOp,
  neg: negOp,
  abs: absOp,
  sign: signOp,
  square: squareOp,
  sqrt: sqrtOp,
  rsqrt: rsqrtOp,
  reciprocal: reciprocalOp,
  exp: expOp,
  expm1: expm1Op,
  log: logOp,
  log1p: log1pOp,
  tanh: tanhOp,
  sigmoid: sigmoidOp,
  relu: reluOp,
  gelu: geluOp,
  clamp: clampOp,
  floor: floorOp,
  ceil: ceilOp,
  round: roundOp,
  equal: equalOp,
  notEqual: notEqualOp,
  less: lessOp,
  lessEqual: lessEqualOp,
  greater: greaterOp,
  greaterEqual: greaterEqualOp,
  logicalAnd: logicalAndOp,
  logicalOr: logicalOrOp,
  logicalXor: logicalXorOp,
  logicalNot: logicalNotOp,
  where: whereOp,
  isNaN: isNaNOp,
  isFinite: isFiniteOp,
  isInfinite: isInfiniteOp,
  cast: castOp,
} as const;
