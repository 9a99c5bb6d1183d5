import { SafetensorsFile } from "../../../src/io/index.ts";
import type { DType, HostArray } from "../../../src/tensor/index.ts";
import { openFile, readJson } from "../files.ts";
import { FIXTURES } from "../oracle.ts";

export interface OracleTolerance {
  exact?: boolean;
  atol: number;
  rtol: number;
  atol_gpu: number;
  rtol_gpu: number;
}

export interface HostTensor {
  shape: readonly number[];
  dtype: DType;
  data: HostArray;
}

/** Attributes as PyTorch names them; a case has those of its operator. */
export interface OracleAttributes {
  /** An axis, or several for reductions. */
  dim: number;
  dims: number[];
  keepdim: boolean;
  value: number;
  exponent: number;
  min: number | null;
  max: number | null;
  negative_slope: number;
  approximate: "none" | "tanh";
  alpha: number;
  beta: number;
  threshold: number;
  correction: number;
  ord: number | string;
  k: number;
  largest: boolean;
  descending: boolean;
  ta: boolean;
  tb: boolean;
  equation: string;
  is_causal: boolean;
  scale: number | null;
  /** [begin, end, step] of each axis. */
  spec: (number | null)[][];
  /** Pairs from the last axis on. */
  pad: number[];
  mode: string;
  sizes: number | number[];
  chunks: number;
  shape: number[];
  repeats: number[];
  shifts: number | number[];
  diagonal: number;
  padding_idx: number | null;
  stride: number;
  padding: number;
  dilation: number;
  output_padding: number;
  groups: number;
  kernel_size: number;
  ceil_mode: boolean;
  count_include_pad: boolean;
  output_size: number;
  normalized_shape: number[];
  eps: number;
  momentum: number;
  num_groups: number;
  ignore_index: number;
  label_smoothing: number;
  reduction: "none" | "mean" | "sum";
}

/** A single operator with its inputs, outputs and gradients. */
export interface OracleOpCase {
  id: string;
  family: string;
  op: string;
  /** The PyTorch expression, for messages. */
  torch: string;
  attrs: OracleAttributes;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  /** Output -> tensor of its cotangent. */
  cotangents: Record<string, string>;
  /** Input -> tensor of its gradient. */
  grads: Record<string, string>;
  tol: Record<string, OracleTolerance>;
  flags: string[];
  /** A tensor of the case by its name. */
  tensor(name: string): HostTensor;
}

export const OP_FAMILIES = [
  "activation",
  "arith",
  "attention",
  "conv",
  "einsum",
  "elementwise",
  "index",
  "matmul",
  "norm",
  "pool",
  "reduce",
  "shape",
  "softmax_loss",
] as const;

const DTYPES: Record<string, DType> = { F32: "f32", I32: "i32", BOOL: "bool" };

/** Reads every case of a family. */
export async function loadFamily(family: string): Promise<OracleOpCase[]> {
  const path = `${FIXTURES}/oracle/ops/${family}`;
  const { cases } = await readJson<{ cases: OracleOpCase[] }>(`${path}.json`);
  const file = await SafetensorsFile.open(await openFile(`${path}.safetensors`));
  const tensors = new Map<string, HostTensor>();
  for (const name of file.names()) {
    const { shape, dtype } = file.info(name);
    tensors.set(name, { shape, dtype: DTYPES[dtype], data: (await file.readArray(name)) as HostArray });
  }
  await file.close();
  return cases.map((test) => ({
    ...test,
    family,
    tensor: (name) => {
      const found = tensors.get(`${test.id}/${name}`);
      if (!found) throw new Error(`${test.id} has no tensor ${name}`);
      return found;
    },
  }));
}

/** What is wrong with a result by the rule of the cases, or null. 0 and -0 are equal. */
export function compareWith(
  actual: HostArray,
  expected: HostArray,
  tolerance: OracleTolerance,
  strict = false,
): string | null {
  if (actual.length !== expected.length) return `${actual.length} values, expected ${expected.length}`;
  const atol = strict ? tolerance.atol : tolerance.atol_gpu;
  const rtol = strict ? tolerance.rtol : tolerance.rtol_gpu;
  for (let i = 0; i < expected.length; i++) {
    if (actual[i] === expected[i] || (Number.isNaN(actual[i]) && Number.isNaN(expected[i]))) continue;
    const error = Math.abs(actual[i] - expected[i]);
    const allowed = tolerance.exact ? 0 : atol + rtol * Math.abs(expected[i]);
    if (Number.isFinite(expected[i]) && error <= allowed) continue;
    return `[${i}] is ${actual[i]}, expected ${expected[i]} (error ${error}, allowed ${allowed})`;
  }
  return null;
}
