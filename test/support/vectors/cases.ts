import { gunzip } from "../bytes.ts";
import { readBytes } from "../files.ts";
import { FIXTURES } from "../oracle.ts";

export type SuiteName = "wpt-webnn" | "webnn-baseline" | "onnx-node" | "tfjs-core";

/** A number as written: NaN, infinities and negative zero are strings, and so are integers beyond 2^53. */
export type WrittenNumber = number | string | boolean;

export interface WrittenTensor {
  dtype: string;
  shape: readonly number[];
  data: readonly WrittenNumber[];
}

export interface WrittenNode {
  op: string;
  /** Parameter -> tensor or tensors; a positional list in ONNX, with "" for what is left out. */
  inputs?: Readonly<Record<string, string | readonly string[]>> | readonly string[];
  attrs?: Readonly<Record<string, unknown>>;
  outputs: readonly string[];
  /** ONNX: the operator set, when it is not the standard one. */
  domain?: string;
  /** `grad` nodes of TensorFlow.js: what is differentiated, in what, with which cotangent. */
  of?: string;
  wrt?: readonly string[];
  dy?: string | null;
}

export interface VectorCase {
  id: string;
  op: string;
  name: string;
  tensors: Readonly<Record<string, WrittenTensor>>;
  nodes: readonly WrittenNode[];
  expect: Readonly<Record<string, WrittenTensor>>;
  tol?: { metric: string; value: number | null; atol?: number };
  opset?: Readonly<Record<string, number>>;
}

export async function loadSuite(suite: SuiteName): Promise<VectorCase[]> {
  const text = new TextDecoder().decode(await gunzip(await readBytes(`${FIXTURES}/vectors/${suite}.json.gz`)));
  return (JSON.parse(text) as { cases: VectorCase[] }).cases;
}

/** The value of a written number. */
export function numberOf(written: WrittenNumber): number {
  const value = Number(written);
  if (typeof written === "string" && Number.isNaN(value) && written !== "NaN") {
    throw new NotApplicableError(`${JSON.stringify(written)} is no number`);
  }
  return value;
}

/** A case that says nothing of this engine, with the reason why. */
export class NotApplicableError extends Error {
  override name = "NotApplicableError";
}
