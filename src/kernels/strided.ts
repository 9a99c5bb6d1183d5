/** Axes a strided kernel can walk after merging. */
const MAXIMUM_RANK = 8;

/**
 * Merges axes that all operands walk as one, and drops axes of length 1, so that most views need few axes.
 *
 * @throws when more than 8 axes are left.
 */
export function mergeAxes(
  op: string,
  shape: readonly number[],
  operands: readonly (readonly number[])[],
): { shape: number[]; strides: number[][] } {
  const merged: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const length = shape[axis];
    if (length === 1) continue;
    const last = merged.length - 1;
    let joins = last >= 0;
    for (let i = 0; joins && i < operands.length; i++) joins = strides[i][last] === operands[i][axis] * length;
    if (joins) merged[last] *= length;
    else merged.push(length);
    const place = merged.length - 1;
    for (let i = 0; i < operands.length; i++) strides[i][place] = operands[i][axis];
  }
  requireWalkable(op, merged.length);
  return { shape: merged, strides };
}

/** As `mergeAxes`, but one axis stays on its own, even with length 1; its new place is `axis`. */
export function mergeAround(
  op: string,
  shape: readonly number[],
  operands: readonly (readonly number[])[],
  axis: number,
): { shape: number[]; strides: number[][]; axis: number } {
  const front = mergeAxes(
    op,
    shape.slice(0, axis),
    operands.map((own) => own.slice(0, axis)),
  );
  const back = mergeAxes(
    op,
    shape.slice(axis + 1),
    operands.map((own) => own.slice(axis + 1)),
  );
  const merged = [...front.shape, shape[axis], ...back.shape];
  requireWalkable(op, merged.length);
  const strides = operands.map((own, i) => [...front.strides[i], own[axis], ...back.strides[i]]);
  return { shape: merged, strides, axis: front.shape.length };
}

/** @throws when a kernel cannot walk that many axes. */
export function requireWalkable(op: string, rank: number): void {
  if (rank <= MAXIMUM_RANK) return;
  throw new Error(`${op}: a view with ${rank} separate axes exceeds the ${MAXIMUM_RANK} a kernel can walk`);
}

/** A merged view as a strided kernel walks it: runs of the last axis, at places of the axes before it. */
export interface Runs {
  /** Lengths of the axes but the last. */
  readonly shape: readonly number[];
  /** Strides of the operands along them. */
  readonly strides: readonly (readonly number[])[];
  /** Strides of the operands along the last axis. */
  readonly steps: readonly number[];
  /** Parameters of the kernel. */
  readonly params: { readonly count: number; readonly rank: number; readonly length: number; readonly runs: number };
}

/** Cuts the last axis of what `mergeAxes` gives into runs of `run` elements. */
export function runsOf({ shape, strides }: { shape: number[]; strides: number[][] }, run: number): Runs {
  const rank = Math.max(shape.length - 1, 0);
  const length = shape[rank] ?? 1;
  const runs = Math.ceil(length / run);
  const outer = shape.slice(0, rank);
  return {
    shape: outer,
    strides: strides.map((own) => own.slice(0, rank)),
    steps: strides.map((own) => own[rank] ?? 0),
    params: { count: outer.reduce((product, n) => product * n, 1) * runs, rank, length, runs },
  };
}

const NONE: readonly number[] = [];

/** Of up to eight numbers the first vector of a uniform struct. */
export const front = (values: readonly number[]): readonly number[] =>
  values.length <= 4 ? values : values.slice(0, 4);

/** Of up to eight numbers the second vector of a uniform struct. */
export const back = (values: readonly number[]): readonly number[] => (values.length <= 4 ? NONE : values.slice(4));

/** Splits up to eight numbers into the two vectors of a uniform struct. */
export function twoVectors(name: string, values: readonly number[]): Record<string, readonly number[]> {
  const padded = [...values, 0, 0, 0, 0, 0, 0, 0, 0];
  return { [`${name}0`]: padded.slice(0, 4), [`${name}1`]: padded.slice(4, 8) };
}
