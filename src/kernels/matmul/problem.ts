import type { KernelDefinition, KernelVariant, Specialization } from "../../gpu/index.ts";
import * as UNARY from "../elementwise/unary-functions.ts";
import { including } from "../library.ts";

/** Activations that a product can end in, and the functions of elements that they are. */
const ACTIVATIONS = {
  relu: UNARY.relu,
  gelu: UNARY.gelu,
  "gelu-tanh": UNARY.geluTanh,
  silu: UNARY.silu,
  tanh: UNARY.tanh,
  sigmoid: UNARY.sigmoid,
} as const;

/** Names of the functions that a product can end in. */
export type Activation = keyof typeof ACTIVATIONS;
export const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as Activation[];

/** How the last two axes of an operand lie: elements along its first one, the unit stride, or along its second. */
export interface OperandLayout {
  isTransposed: boolean;
  /** Four at a time; one by one where rows do not start at multiples of four; four halves at a time. */
  reads: "vectors" | "elements" | "halves";
}

const HALVES = (name: string): string => `return halves(${name}[index / 4]);`;
const ELEMENTS = (name: string): string =>
  `return vec4f(${["index", "index + stride", "index + 2 * stride", "index + 3 * stride"].map((at) => `${name}[${at}]`).join(", ")});`;

/** What a shader is told of an operand. */
function operandSpecialization(name: "A" | "B", { isTransposed, reads }: OperandLayout): Specialization {
  const own = name.toLowerCase();
  return {
    ...(isTransposed ? { [name === "A" ? "A_ALONG_M" : "B_ALONG_K"]: "true" } : {}),
    ...(reads === "elements" ? { [`${name}Element`]: "f32", [`load${name}`]: ELEMENTS(own) } : {}),
    ...(reads === "halves" ? { [`${name}Element`]: "vec2u", [`load${name}`]: HALVES(own) } : {}),
  };
}

/**
 * Ends in an activation, and can store what it is applied to besides. All activations in one variant, chosen by a
 * parameter: a variant each would be six times as many pipelines.
 */
export const ACTIVATED: Specialization = {
  epilogue: `switch params.activation { ${ACTIVATION_NAMES.map((name, i) => `case ${i}u: { ${ACTIVATIONS[name].f32} }`).join(" ")} default: { return v; } }`,
  keep: "if (params.keepDistance != 0) { c[index + params.keepDistance] = v; }",
  ...including(...Object.values(ACTIVATIONS).flatMap(({ uses = [] }) => uses)),
};

/** What every kernel of products has. */
export const PRODUCT: Pick<KernelDefinition, "bindings" | "flops" | "params" | "library"> = {
  bindings: { a: "read", b: "read", bias: "read", residual: "read", c: "read_write" },
  flops: ({ M, N, K }, [, , batch]) => 2 * Number(M) * Number(N) * Number(K) * batch,
  params: {
    M: "u32",
    N: "u32",
    K: "u32",
    aOffset: "u32",
    bOffset: "u32",
    cOffset: "u32",
    biasOffset: "u32",
    residualOffset: "u32",
    aRow: "u32",
    aColumn: "u32",
    bRow: "u32",
    bColumn: "u32",
    cRow: "u32",
    residualRow: "u32",
    batch1: "u32",
    aBatch0: "u32",
    aBatch1: "u32",
    bBatch0: "u32",
    bBatch1: "u32",
    cBatch0: "u32",
    cBatch1: "u32",
    residualBatch0: "u32",
    residualBatch1: "u32",
    hasBias: "u32",
    hasResidual: "u32",
    accumulate: "u32",
    alpha: "f32",
    activation: "u32",
    keepDistance: "u32",
  },
};

/** A product as it is to be made. */
export interface MatmulProblem {
  m: number;
  n: number;
  /** How many matrices. */
  count: number;
  a: OperandLayout;
  b: OperandLayout;
  isActivated: boolean;
}

/** The kernel for a product, and the rows and columns of C that one of its workgroups makes. */
export interface MatmulVariant {
  variant: KernelVariant;
  rows: number;
  columns: number;
}

/** What a shader is told of a product, whatever its tile. */
export const problemSpecialization = ({
  a,
  b,
  isActivated,
}: Pick<MatmulProblem, "a" | "b" | "isActivated">): Specialization => ({
  ...operandSpecialization("A", a),
  ...operandSpecialization("B", b),
  ...(isActivated ? ACTIVATED : {}),
});

/** Every way in which an operand may lie. */
export const layouts = (): OperandLayout[] =>
  (["vectors", "elements", "halves"] as const).flatMap((reads) =>
    [false, true].map((isTransposed) => ({ isTransposed, reads })),
  );
