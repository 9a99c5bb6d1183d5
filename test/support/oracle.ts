import { SafetensorsFile } from "../../src/io/index.ts";
import { openFile, readJson } from "./files.ts";

/** From the repository's root. */
export const FIXTURES = "test/fixtures";

export interface Expectation {
  dtype: string;
  shape: number[];
  exact?: boolean;
  atol: number;
  rms: number;
  atol_gpu: number;
  rms_gpu: number;
  compare_mask?: string;
  ignore?: { dim: number; start: number; stop: number }[];
  skip?: number[];
}

export interface OracleCase {
  id: string;
  /** Folder of config.json and model.safetensors, from the repository's root. */
  modelDirectory: string;
  description: Record<string, unknown>;
  expected: Record<string, Expectation>;
  tensors: Map<string, { shape: readonly number[]; data: Float32Array | Int32Array | Uint8Array }>;
}

/** Loads a case: its description and every tensor. */
export async function loadCase(path: string): Promise<OracleCase> {
  const folder = `${FIXTURES}/oracle/${path}`;
  const description = await readJson(`${folder}/case.json`);
  const file = await SafetensorsFile.open(await openFile(`${folder}/expected.safetensors`));
  const tensors: OracleCase["tensors"] = new Map();
  for (const name of file.names()) {
    const data = (await file.readArray(name)) as Float32Array | Int32Array | Uint8Array;
    tensors.set(name, { shape: file.info(name).shape, data });
  }
  await file.close();
  const modelDirectory = new URL(description.model_dir, `file:///${folder}/`).pathname.slice(1);
  return { id: description.id, modelDirectory, description, expected: description.expected, tensors };
}

/** Whether a flat index is left out of the comparison. */
function leavesOut(
  expectation: Expectation,
  shape: readonly number[],
  mask?: ArrayLike<number>,
): (index: number) => boolean {
  const skip = new Set(expectation.skip ?? []);
  const size = shape.reduce((a, b) => a * b, 1);
  const maskGroup = mask ? size / mask.length : 1;
  return (index) => {
    if (skip.has(index)) return true;
    if (mask && mask[Math.floor(index / maskGroup)] === 0) return true;
    return (expectation.ignore ?? []).some(({ dim, start, stop }) => {
      const inner = shape.slice(dim + 1).reduce((a, b) => a * b, 1);
      const place = Math.floor(index / inner) % shape[dim];
      return place >= start && place < stop;
    });
  };
}

/**
 * Compares with an expected tensor by the rule of the oracle's README, at the tolerance for devices. Returns what is
 * wrong, or null.
 */
export function compare(oracle: OracleCase, name: string, got: ArrayLike<number>): string | null {
  const expectation = oracle.expected[name];
  const { data, shape } = oracle.tensors.get(name)!;
  if (got.length !== data.length) return `${oracle.id} ${name}: ${got.length} values, expected ${data.length}`;
  if (expectation.exact) {
    const bad = Array.from(data).findIndex((value, i) => value !== got[i]);
    return bad < 0 ? null : `${oracle.id} ${name}: [${bad}] is ${got[bad]}, expected exactly ${data[bad]}`;
  }
  const mask = expectation.compare_mask ? oracle.tensors.get(expectation.compare_mask)!.data : undefined;
  const isOut = leavesOut(expectation, shape, mask);
  let largest = 0;
  let squares = 0;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    if (isOut(i)) continue;
    const d = Math.abs(got[i] - data[i]);
    largest = d > largest || Number.isNaN(d) ? d : largest;
    squares += d * d;
    count++;
  }
  const rms = Math.sqrt(squares / Math.max(count, 1));
  if (largest <= expectation.atol_gpu && rms <= expectation.rms_gpu) return null;
  return `${oracle.id} ${name}: max ${largest} (allowed ${expectation.atol_gpu}), rms ${rms} (allowed ${expectation.rms_gpu})`;
}
