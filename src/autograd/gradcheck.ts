import { formatShape, type HostArray, isFloat, requireFunction, type Tensor, tensor, tidy } from "../tensor/index.ts";
import { backward, grad, requireInputs, resultOf } from "./backward.ts";
import { sum } from "./ops/broadcast.ts";
import { add, mul, square } from "./ops/elementwise/index.ts";
import { noGrad, withRecording } from "./tape.ts";

/** Where {@link gradcheck} compares, and how exactly. */
export interface GradcheckOptions {
  /** Distance of the points compared, in units of the larger of 1 and the element's magnitude. Default 2⁻⁵. */
  step?: number;
  /** Allowed error over the largest gradient of the input, or over 1 when that is smaller. Default 2e-3. */
  tolerance?: number;
  /** Elements an input is checked at, evenly spread; each costs four forward passes. Default 64. */
  elements?: number;
  /** Checks the gradient of the gradient too, along a fixed direction. Default false. */
  secondOrder?: boolean;
}

/** What {@link gradcheck} found where all is right. */
export interface GradcheckReport {
  /** Largest error over the scale of its input's gradient. */
  error: number;
  /** Elements compared. */
  elements: number;
}

/** A gradient that differs from the differences of the function's values. */
export class GradcheckError extends Error {
  override name = "GradcheckError";
}

type Differentiable = (...inputs: Tensor[]) => Tensor;

/**
 * Compares the gradients of a function with differences of its values: for a fixed cotangent c of the result y,
 * d(Σ c·y)/dx by `backward` and by the five-point formula
 * (8 (f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h))) / 12h, summed in double precision. Values are single precision, so about
 * four digits of a smooth function can be compared; choose inputs of magnitude one, away from kinks.
 *
 * @throws GradcheckError naming the input, the element, and both numbers.
 */
export async function gradcheck(
  fn: Differentiable,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<GradcheckReport> {
  requireFunction("gradcheck", fn);
  requireInputs("gradcheck", inputs);
  if (!inputs.some((x) => isFloat(x.dtype) && x.size > 0)) {
    throw new GradcheckError("gradcheck: no input is a float tensor with elements");
  }
  const first = await checkOnce(fn, inputs, options);
  if (!options.secondOrder) return first;
  // The gradient along a direction is a function of the inputs like any other.
  const second = await checkOnce(alongGradient(fn, inputs), inputs, options, "second order, ");
  return { error: Math.max(first.error, second.error), elements: first.elements + second.elements };
}

/**
 * Σ over inputs of v · d(Σ c·(y + y²/2))/dx, itself differentiable. The square makes the gradient of a linear function
 * depend on its inputs, through the cotangent: so its vjp is checked as well.
 */
function alongGradient(fn: Differentiable, inputs: readonly Tensor[]): Differentiable {
  const floats = inputs.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []));
  return (...values) => {
    const scalar: Differentiable = (...moved) => {
      const all = values.map((value, i) => (floats.includes(i) ? moved[floats.indexOf(i)] : value));
      const y = fn(...all);
      return sum(mul(add(y, mul(square(y), 0.5)), cotangentLike(y)));
    };
    const gradients = grad(
      scalar,
      floats.map((i) => values[i]),
      { createGraph: true },
    );
    const terms = gradients.flatMap((gradient) => (gradient ? [sum(mul(gradient, cotangentLike(gradient)))] : []));
    return terms.reduce((total, term) => add(total, term));
  };
}

async function checkOnce(
  fn: Differentiable,
  inputs: readonly Tensor[],
  options: GradcheckOptions,
  what = "",
): Promise<GradcheckReport> {
  const { step = 2 ** -5, tolerance = 2e-3, elements = 64 } = options;
  const values = await Promise.all(inputs.map((x) => x.data()));
  const leafOf = (i: number, data: HostArray): Tensor =>
    tensor(data, inputs[i].shape, { dtype: inputs[i].dtype, gpu: inputs[i].gpu });
  const analytic = await analyticGradients(fn, values, leafOf);
  const report: GradcheckReport = { error: 0, elements: 0 };
  for (const [i, gradient] of analytic.entries()) {
    if (!gradient || gradient.length === 0) continue;
    let scale = 1;
    for (const g of gradient) scale = Math.max(scale, Math.abs(g));
    const stride = Math.max(1, Math.floor(gradient.length / elements));
    for (let k = 0; k < gradient.length; k += stride) {
      const h = step * Math.max(1, Math.abs(values[i][k]));
      const at = (distance: number): Promise<number> => valueAt(fn, values, leafOf, i, k, distance);
      const [up, down, far, below] = [await at(h), await at(-h), await at(2 * h), await at(-2 * h)];
      const numeric = (8 * (up - down) - (far - below)) / (12 * h);
      const error = Math.abs(gradient[k] - numeric) / scale;
      if (!(error <= tolerance)) {
        throw new GradcheckError(
          `gradcheck: ${what}input ${i} of shape ${formatShape(inputs[i].shape)}, element ${k}: backward gives ${gradient[k]}, differences give ${numeric} (error ${error.toExponential(2)} of the scale ${scale.toPrecision(3)}, allowed ${tolerance})`,
        );
      }
      report.error = Math.max(report.error, error);
      report.elements++;
    }
  }
  return report;
}

/** d(Σ c·y)/dx of each float input by `backward`; zeros where none arrives. */
async function analyticGradients(
  fn: Differentiable,
  values: readonly HostArray[],
  leafOf: (i: number, data: HostArray) => Tensor,
): Promise<(HostArray | undefined)[]> {
  const [leaves, found] = tidy(() => {
    const leaves = values.map((data, i) => leafOf(i, data));
    for (const leaf of leaves) leaf.requiresGrad = isFloat(leaf.dtype);
    const y = resultOf(
      "gradcheck",
      withRecording(true, () => fn(...leaves)),
    );
    if (!y.node) throw new GradcheckError("gradcheck: the result depends on no input by differentiable ops");
    return [leaves, backward(y, { gradient: cotangentLike(y) })];
  });
  const gradients = await Promise.all(
    leaves.map((leaf, i) => (isFloat(leaf.dtype) ? (found.get(leaf)?.data() ?? values[i].map(() => 0)) : undefined)),
  );
  found.dispose();
  for (const leaf of leaves) leaf.dispose();
  return gradients;
}

/** Σ c·y with one element of one input moved; the step is the one that single precision can hold. */
async function valueAt(
  fn: Differentiable,
  values: readonly HostArray[],
  leafOf: (i: number, data: HostArray) => Tensor,
  input: number,
  element: number,
  distance: number,
): Promise<number> {
  const y = tidy(() =>
    noGrad(() => {
      const moved = values.map((data, i) => {
        if (i !== input) return leafOf(i, data);
        const copy = data.slice() as HostArray;
        copy[element] += distance;
        return leafOf(i, copy);
      });
      return fn(...moved);
    }),
  );
  const result = await y.data();
  y.dispose();
  let total = 0;
  for (let i = 0; i < result.length; i++) total += result[i] * cotangent(i);
  return total;
}

/** A fixed cotangent without pattern, in [0.5, 1.5): element i of any result. */
const cotangent = (i: number): number => Math.fround(0.5 + ((i * 0.6180339887498949) % 1));

const cotangentLike = (y: Tensor): Tensor =>
  tensor(
    Float32Array.from({ length: y.size }, (_, i) => cotangent(i)),
    y.shape,
    { dtype: y.dtype, gpu: y.gpu },
  );
