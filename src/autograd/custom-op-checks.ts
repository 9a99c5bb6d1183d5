import { assertDType, assertShape, describeValue, formatShape, shapesEqual, Tensor } from "../tensor/index.ts";
import type { CustomOpDefinition, CustomOpLaunch } from "./custom-op.ts";
import type { Spec } from "./define-op.ts";
import type { GradientThunk } from "./tape.ts";

// What a user's op is made of is checked where it is used, so that errors name the op and not what it broke.

/** Largest number of workgroups along one dimension, in WebGPU's defaults. */
const MAX_WORKGROUPS = 65_535;

/** @throws naming the part of a definition that is missing or of another kind. */
export function requireDefinition<A>(definition: CustomOpDefinition<A>): void {
  const { name, wgsl, inputs, infer, launch, vjp } = definition ?? {};
  const refuse = (part: string, expected: string, value: unknown): never => {
    throw new Error(
      `customOp${name ? ` ${JSON.stringify(name)}` : ""}: expected ${part} to be ${expected}, got ${describeValue(value)}`,
    );
  };
  if (typeof name !== "string" || name === "") refuse("name", "a string", name);
  if (typeof wgsl !== "string") refuse("wgsl", "a string", wgsl);
  const isNames = Array.isArray(inputs) && inputs.length > 0 && inputs.every((input) => typeof input === "string");
  if (!isNames) refuse("inputs", "a list of names, one at least", inputs);
  if (typeof infer !== "function") refuse("infer", "a function", infer);
  if (typeof launch !== "function") refuse("launch", "a function", launch);
  if (vjp !== undefined && typeof vjp !== "function") refuse("vjp", "a function or absent", vjp);
}

/** @throws when a user's `infer` gave no shape and type. */
export function requireSpec(name: string, spec: Spec): Spec {
  if (typeof spec !== "object" || spec === null) {
    throw new Error(`${name}: infer gives ${describeValue(spec)}, expected { shape, dtype }`);
  }
  assertShape(name, spec.shape);
  assertDType(name, spec.dtype);
  return spec;
}

/** @throws when a user's `launch` gave no grid, or values of parameters that the op does not have. */
export function requireLaunch(name: string, fields: readonly string[], launch: CustomOpLaunch): CustomOpLaunch {
  const { workgroups, params = {} } = launch ?? {};
  const sizes = Array.isArray(workgroups) ? workgroups : [workgroups];
  const most = Array.isArray(workgroups) ? MAX_WORKGROUPS : Number.MAX_SAFE_INTEGER;
  const isGrid = Array.isArray(workgroups) ? sizes.length === 3 : true;
  if (!isGrid || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0 && size <= most)) {
    const given = JSON.stringify(workgroups) ?? "undefined";
    throw new Error(
      `${name}: expected workgroups to be a whole number or three of up to ${MAX_WORKGROUPS}, got ${given}`,
    );
  }
  const unknown = Object.keys(params).find((field) => !fields.includes(field));
  if (unknown !== undefined) {
    throw new Error(`${name}: launch gives a parameter "${unknown}"; declared are ${fields.join(", ") || "none"}`);
  }
  return launch;
}

/** The thunks of a user's vjp, each checked when it runs. @throws when there is not one for each input. */
export function requireThunks(
  name: string,
  names: readonly string[],
  specs: readonly Spec[],
  thunks: readonly GradientThunk[],
): GradientThunk[] {
  if (!Array.isArray(thunks) || thunks.length !== names.length) {
    const given = Array.isArray(thunks) ? `${thunks.length} of them` : describeValue(thunks);
    throw new Error(`${name}: vjp must give a function or null for each of ${names.join(", ")}, got ${given}`);
  }
  return thunks.map((thunk: GradientThunk, i) => {
    if (thunk === null) return null;
    if (typeof thunk !== "function") {
      throw new Error(`${name}: vjp gives ${describeValue(thunk)} for ${names[i]}, expected a function or null`);
    }
    return () => requireGradient(name, names[i], specs[i], thunk());
  });
}

function requireGradient(name: string, input: string, { shape, dtype }: Spec, gradient: Tensor): Tensor {
  if (!(gradient instanceof Tensor)) {
    throw new Error(`${name}: the gradient of ${input} is ${describeValue(gradient)}, expected a tensor`);
  }
  if (gradient.dtype !== dtype || !shapesEqual(gradient.shape, shape)) {
    const given = `${gradient.dtype}${formatShape(gradient.shape)}`;
    throw new Error(`${name}: the gradient of ${input} is ${given}, expected ${dtype}${formatShape(shape)}`);
  }
  return gradient;
}
