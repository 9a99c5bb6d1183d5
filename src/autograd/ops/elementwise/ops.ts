import { eluOp, leakyReluOp, reluOp, sigmoidOp, siluOp, softplusOp, tanhOp } from "./activation.ts";
import { absOp, reciprocalOp, rsqrtOp, signOp, sqrtOp, squareOp } from "./algebraic.ts";
import { addOp, affineOp, divOp, mulOp, negOp, subOp } from "./arithmetic.ts";
import { castOp } from "./cast.ts";
import { clampOp } from "./clamp.ts";
import { isFiniteOp, isInfiniteOp, isNaNOp } from "./classification.ts";
import { equalOp, greaterEqualOp, greaterOp, lessEqualOp, lessOp, notEqualOp } from "./comparison.ts";
import { expm1Op, expOp, log1pOp, logOp } from "./exponential.ts";
import { maximumOp, minimumOp } from "./extrema.ts";
import { erfOp, geluOp } from "./gaussian.ts";
import { logicalAndOp, logicalNotOp, logicalOrOp, logicalXorOp } from "./logical.ts";
import { powOp } from "./power.ts";
import { ceilOp, floorOp, roundOp } from "./rounding.ts";
import { whereOp } from "./selection.ts";
import { cosOp, sinOp } from "./trigonometric.ts";

/** The primitive ops on elements, by name. */
export const elementwiseOps = {
  add: addOp,
  sub: subOp,
  mul: mulOp,
  div: divOp,
  affine: affineOp,
  pow: powOp,
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
  sin: sinOp,
  cos: cosOp,
  tanh: tanhOp,
  sigmoid: sigmoidOp,
  erf: erfOp,
  relu: reluOp,
  leakyRelu: leakyReluOp,
  elu: eluOp,
  silu: siluOp,
  softplus: softplusOp,
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
