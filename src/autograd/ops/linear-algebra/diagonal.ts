import { copyInto, full } from "../../../kernels/copy.ts";
import { formatShape, normalizeAxis, type Shape, type Tensor } from "../../../tensor/index.ts";
import { defineOp } from "../../define-op.ts";

// The diagonal of two axes and its transpose are each other's vector-Jacobian products.

export interface DiagonalAttributes {
  /** Above the main diagonal when positive, below it when negative. */
  offset: number;
  axis1: number;
  axis2: number;
}

interface Diagonal {
  /** Of the other axes and, last, of the diagonal. */
  shape: number[];
  strides: number[];
  /** First element, from that of the whole. */
  begin: number;
}

function diagonalOf(op: string, shape: Shape, strides: readonly number[], attributes: DiagonalAttributes): Diagonal {
  const { offset } = attributes;
  const [i, j] = [attributes.axis1, attributes.axis2].map((axis) => normalizeAxis(op, axis, shape.length));
  if (i === j)
    throw new Error(`${op}: axes ${attributes.axis1} and ${attributes.axis2} of ${formatShape(shape)} are one`);
  if (!Number.isInteger(offset)) throw new Error(`${op}: offset ${offset} is no integer`);
  const [down, right] = [Math.max(-offset, 0), Math.max(offset, 0)];
  const length = Math.max(Math.min(shape[i] - down, shape[j] - right), 0);
  const others = (values: readonly number[]): number[] => values.filter((_, axis) => axis !== i && axis !== j);
  return {
    shape: [...others(shape), length],
    strides: [...others(strides), strides[i] + strides[j]],
    begin: length === 0 ? 0 : down * strides[i] + right * strides[j],
  };
}

const diagonalView = (op: string, x: Tensor, attributes: DiagonalAttributes): Tensor => {
  const { shape, strides, begin } = diagonalOf(op, x.shape, x.strides, attributes);
  return x.view(shape, strides, x.offset + begin);
};

/** The elements of two axes whose indices differ by `offset`, as a last axis. Always a view. */
export const diagonalOp = defineOp<DiagonalAttributes>({
  name: "diagonal",
  infer: ([x], attributes) => ({ shape: diagonalOf("diagonal", x.shape, x.strides, attributes).shape, dtype: x.dtype }),
  forward: ([x], attributes) => diagonalView("diagonal", x, attributes),
  vjp: (g, _saved, { inputs: [x], attributes }) => [() => embedDiagonal(g, { ...attributes, shape: x.shape })],
});

/** Zeros of a shape with `x` [..., length] placed on the diagonal of two axes: the transpose of `diagonal`. */
export const embedDiagonalOp = defineOp<DiagonalAttributes & { shape: Shape }>({
  name: "embedDiagonal",
  infer: ([x], { shape, ...attributes }) => {
    const expected = diagonalOf("embedDiagonal", shape, shape, attributes).shape;
    if (formatShape(x.shape) !== formatShape(expected)) {
      throw new Error(
        `embedDiagonal: the diagonal of ${formatShape(shape)} has shape ${formatShape(expected)}, got ${formatShape(x.shape)}`,
      );
    }
    return { shape, dtype: x.dtype };
  },
  forward: ([x], { shape, ...attributes }) => {
    const y = full(x.gpu, shape, 0, x.dtype);
    copyInto(diagonalView("embedDiagonal", y, attributes), x);
    return y;
  },
  vjp: (g, _saved, { attributes: { shape: _shape, ...attributes } }) => [() => diagonal(g, attributes)],
});

/** The diagonal of two axes as a last axis, as torch.diagonal; a view. */
export const diagonal = (x: Tensor, { offset = 0, axis1 = 0, axis2 = 1 }: Partial<DiagonalAttributes> = {}): Tensor =>
  diagonalOp([x], { offset, axis1, axis2 });

const embedDiagonal = (x: Tensor, attributes: DiagonalAttributes & { shape: Shape }): Tensor =>
  embedDiagonalOp([x], attributes);
