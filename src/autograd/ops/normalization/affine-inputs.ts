import { requireFloat32 } from "../../../kernels/launch.ts";
import { formatShape, type Shape, shapesEqual, type Tensor } from "../../../tensor/index.ts";

/** Which of weight and bias stand behind the other inputs of an op. */
export interface AffineAttributes {
  readonly weight: boolean;
  readonly bias: boolean;
}

/** Weight and bias as inputs, and which of them there are. */
export function affineInputs(
  weight?: Tensor | null,
  bias?: Tensor | null,
): { inputs: Tensor[]; attributes: AffineAttributes } {
  const inputs = [weight, bias].filter((x) => x !== undefined && x !== null);
  return { inputs, attributes: { weight: !!weight, bias: !!bias } };
}

/** Weight and bias of an op whose own inputs are the first `count`. */
export function affineOf(
  inputs: readonly Tensor[],
  count: number,
  { weight, bias }: AffineAttributes,
): { weight?: Tensor; bias?: Tensor } {
  return {
    weight: weight ? inputs[count] : undefined,
    bias: bias ? inputs[count + (weight ? 1 : 0)] : undefined,
  };
}

/** The gradients of weight and bias at their places. */
export function affineThunks<T>({ weight, bias }: AffineAttributes, ofWeight: T, ofBias: T): T[] {
  return [...(weight ? [ofWeight] : []), ...(bias ? [ofBias] : [])];
}

/** Throws unless all given vectors are f32 and have a shape, which the message ties to that of `x`. */
export function requireShaped(
  op: string,
  x: Tensor,
  shape: Shape,
  vectors: Readonly<Record<string, Tensor | undefined>>,
): void {
  for (const [name, vector] of Object.entries(vectors)) {
    if (!vector) continue;
    requireFloat32(op, vector);
    if (!shapesEqual(vector.shape, shape)) {
      throw new Error(
        `${op}: input ${formatShape(x.shape)} needs a ${name} of shape ${formatShape(shape)}, got ${formatShape(vector.shape)}`,
      );
    }
  }
}
