import { formatShape, isFloat, requireTensors, sizeOf, type Tensor, tidy } from "../../../tensor/index.ts";
import { sum } from "../broadcast.ts";
import { cast, mul } from "../elementwise/index.ts";
import { permute, reshape } from "../shape/views.ts";
import { diagonal } from "./diagonal.ts";
import { type Equation, type Label, parseEquation } from "./einsum-equation.ts";
import { matmul } from "./matmul.ts";

/** A tensor with a label for each axis, no two the same. */
interface Labelled {
  x: Tensor;
  labels: readonly Label[];
}

/**
 * Sum of products over labelled axes, as torch.einsum: `"bij,bjk->bik"` is a batched product, `"ii->i"` a diagonal,
 * `"ij->j"` a sum, `"i,j->ij"` an outer product, `"...ij->...ji"` a transpose. A label that the result lacks is summed
 * over; without `->` the result has the labels that occur once, in alphabetical order. Axes of length 1 broadcast.
 *
 * Operands are taken from left to right, each pair as one batched matrix product of views (or one element-wise product
 * when nothing is summed), in the precision of those. Gradients flow to every operand.
 *
 * @throws an error with the equation and the shapes when they do not fit.
 */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  const fail = (why: string): never => {
    const shapes = operands.map(({ shape }) => formatShape(shape)).join(", ");
    throw new Error(`einsum: "${equation}" ${why}; shapes ${shapes || "none"}`);
  };
  requireTensors("einsum", operands);
  if (operands.length === 0) fail("has no operands");
  let parsed: Equation | undefined;
  try {
    const ranks = operands.map((x) => x.rank);
    parsed = parseEquation(equation, ranks);
  } catch (error) {
    return fail((error as Error).message);
  }
  const { output } = parsed;
  const lengths = lengthsOf(parsed, operands, fail);
  const integer = operands.find((x) => !isFloat(x.dtype));
  if (integer && operands.length > 1) fail(`multiplies floats, got ${integer.dtype}; use cast`);
  return tidy(() => {
    const prepared = operands.map((x, i) => withoutOnes(distinct(x, parsed.operands[i]), lengths));
    let [result] = prepared;
    for (let i = 1; i < prepared.length; i++) {
      const needed = new Set([...output, ...prepared.slice(i + 1).flatMap(({ labels }) => labels)]);
      result = contract(result, prepared[i], needed);
    }
    result = summed(result, new Set(output));
    return permute(
      result.x,
      output.map((label) => result.labels.indexOf(label)),
    );
  });
}

/** The length of every label; axes of length 1 give way to longer ones, but not within one operand. */
function lengthsOf(
  equation: Equation,
  operands: readonly Tensor[],
  fail: (why: string) => never,
): ReadonlyMap<Label, number> {
  const lengths = new Map<Label, number>();
  equation.operands.forEach((labels, i) => {
    const { shape } = operands[i];
    labels.forEach((label, axis) => {
      const twin = labels.indexOf(label);
      if (shape[twin] !== shape[axis]) {
        fail(`repeats "${label}" in operand ${i} for lengths ${shape[twin]} and ${shape[axis]}`);
      }
      const known = lengths.get(label) ?? 1;
      if (known !== 1 && shape[axis] !== 1 && known !== shape[axis]) {
        fail(`has "${label}" of lengths ${known} and ${shape[axis]}`);
      }
      lengths.set(label, known === 1 ? shape[axis] : known);
    });
  });
  return lengths;
}

/** Repeated labels become one: the diagonal of their axes. */
function distinct(x: Tensor, labels: readonly Label[]): Labelled {
  const again = labels.findIndex((label, axis) => labels.indexOf(label) !== axis);
  if (again < 0) return { x, labels };
  const first = labels.indexOf(labels[again]);
  const rest = labels.filter((_, axis) => axis !== first && axis !== again);
  return distinct(diagonal(x, { axis1: first, axis2: again }), [...rest, labels[again]]);
}

/** Without axes of length 1 where another operand is longer: the label is then another's alone. */
function withoutOnes({ x, labels }: Labelled, lengths: ReadonlyMap<Label, number>): Labelled {
  const stays = labels.map((label, axis) => x.shape[axis] === lengths.get(label));
  if (stays.every(Boolean)) return { x, labels };
  const shape = x.shape.filter((_, axis) => stays[axis]);
  return { x: reshape(x, shape), labels: labels.filter((_, axis) => stays[axis]) };
}

/** Sums over the labels that are not needed. */
function summed({ x, labels }: Labelled, needed: ReadonlySet<Label>): Labelled {
  const axes = labels.map((_, axis) => axis).filter((axis) => !needed.has(labels[axis]));
  return axes.length === 0 ? { x, labels } : { x: sum(x, axes), labels: labels.filter((label) => needed.has(label)) };
}

/** The product of two operands, summed over what they share and nothing else needs. */
function contract(a: Labelled, b: Labelled, needed: ReadonlySet<Label>): Labelled {
  const left = summed(a, new Set([...needed, ...b.labels]));
  const right = summed(b, new Set([...needed, ...a.labels]));
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const batch = shared.filter((label) => needed.has(label));
  const inner = shared.filter((label) => !needed.has(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));
  const labels = [...batch, ...rows, ...columns];

  const x = ordered(left, [...batch, ...rows, ...inner]);
  const y = ordered(right, [...batch, ...inner, ...columns]);
  const lengths = x.shape.slice(0, batch.length);
  const rowLengths = x.shape.slice(batch.length, batch.length + rows.length);
  const columnLengths = y.shape.slice(batch.length + inner.length);
  if (inner.length === 0) {
    const ones = columns.map(() => 1);
    const gaps = rows.map(() => 1);
    const whole = reshape(x, [...lengths, ...rowLengths, ...ones]);
    const [l, r] = alike(whole, reshape(y, [...lengths, ...gaps, ...columnLengths]));
    return { x: mul(l, r), labels };
  }
  const k = sizeOf(x.shape.slice(batch.length + rows.length));
  const product = matmul(
    reshape(x, [...lengths, sizeOf(rowLengths), k]),
    reshape(y, [...lengths, k, sizeOf(columnLengths)]),
  );
  return { x: reshape(product, [...lengths, ...rowLengths, ...columnLengths]), labels };
}

const ordered = ({ x, labels }: Labelled, order: readonly Label[]): Tensor =>
  permute(
    x,
    order.map((label) => labels.indexOf(label)),
  );

/** Products of f16 matrices are f32, and multiply on with others as such. */
const alike = (a: Tensor, b: Tensor): [Tensor, Tensor] =>
  a.dtype === b.dtype ? [a, b] : [cast(a, "f32"), cast(b, "f32")];
