import { describeKind } from "./require-kind.ts";
import { formatShape } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** @throws naming the op and the place of an input that is no tensor, was freed, or lies on another device. */
export function requireTensors(op: string, inputs: readonly unknown[]): void {
  const [first] = inputs;
  for (let place = 0; place < inputs.length; place++) {
    const input = inputs[place];
    if (input instanceof Tensor && !input.isDisposed && input.gpu === (first as Tensor).gpu) continue;
    const which = inputs.length > 1 ? `input ${place + 1} of ${inputs.length}` : "the input";
    if (!(input instanceof Tensor)) throw new Error(`${op}: ${which} is ${describeValue(input)}, expected a tensor`);
    if (input.isDisposed) {
      throw new Error(`${op}: ${which}, a tensor of shape ${formatShape(input.shape)}, was disposed`);
    }
    throw new Error(`${op}: ${which} is on another Gpu than the first; tensors of two handles do not mix`);
  }
}

/** @throws with the caller's name when this is no function. */
export function requireFunction(op: string, fn: unknown): void {
  if (typeof fn !== "function") throw new Error(`${op}: expected a function, got ${describeValue(fn)}`);
}

/** What a value is, in a few words, tensors included. */
export const describeValue = (value: unknown): string => (value instanceof Tensor ? "a tensor" : describeKind(value));
