import { describeKind } from "./require-kind.ts";
import type { Tensor } from "./tensor.ts";

/** Tensors made while a scope is open belong to it, in the order they were made. */
export interface Scope {
  /** One that has gone leaves its place empty. */
  readonly tensors: (Tensor | undefined)[];
}

const scopes: Scope[] = [];

/** Puts a tensor into the innermost open scope. Returns whether there is one, which then holds the tensor. */
export function registerInScope(tensor: Tensor): boolean {
  if (scopes.length === 0) return false;
  const scope = scopes[scopes.length - 1];
  tensor.scope = scope;
  tensor.place = scope.tensors.push(tensor) - 1;
  return true;
}

/** Takes a tensor out of the scope it is in. Returns whether it was in one. */
export function forgetInScopes(tensor: Tensor): boolean {
  const { scope, place } = tensor;
  if (!scope) return false;
  tensor.scope = null;
  const { tensors } = scope;
  tensors[place] = undefined;
  // A long loop that disposes what it makes leaves nothing behind.
  while (tensors.length > 0 && tensors[tensors.length - 1] === undefined) tensors.pop();
  return true;
}

/** Anything `tidy` may return: tensors are found at any nesting of arrays, maps and plain objects. */
function visitTensors(value: unknown, visit: (tensor: Tensor) => void, isTensor: (v: unknown) => v is Tensor): void {
  if (isTensor(value)) visit(value);
  else if (Array.isArray(value)) for (const item of value) visitTensors(item, visit, isTensor);
  else if (value instanceof Map) for (const item of value.values()) visitTensors(item, visit, isTensor);
  else if (value && typeof value === "object") {
    const holder = value as { tensors?: unknown };
    // Containers with private state (gradients) list what they hold.
    if (typeof holder.tensors === "function") visitTensors(holder.tensors(), visit, isTensor);
    else if (Object.getPrototypeOf(value) === Object.prototype) {
      for (const item of Object.values(value)) visitTensors(item, visit, isTensor);
    }
  }
}

/** Built by the tensor module, which alone can tell what a tensor is. */
export function makeTidy(isTensor: (value: unknown) => value is Tensor) {
  return function tidy<T>(fn: () => T): T {
    if (typeof fn !== "function") {
      throw new Error(`tidy: expected a function, got ${isTensor(fn) ? "a tensor" : describeKind(fn)}`);
    }
    const scope: Scope = { tensors: [] };
    scopes.push(scope);
    let result: T;
    try {
      result = fn();
    } catch (error) {
      closeScope(scope, () => false);
      throw error;
    }
    if (isTensor(result)) {
      const survivor = result;
      closeScope(scope, (tensor) => tensor === survivor);
      return result;
    }
    if (result instanceof Promise) {
      closeScope(scope, () => false);
      throw new Error("tidy: the function returned a Promise; tidy is synchronous, read data after it");
    }
    const survivors = new Set<Tensor>();
    visitTensors(result, (tensor) => survivors.add(tensor), isTensor);
    closeScope(scope, (tensor) => survivors.has(tensor));
    return result;
  };
}

function closeScope({ tensors }: Scope, survives: (tensor: Tensor) => boolean): void {
  scopes.pop();
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i];
    if (!tensor) continue;
    // What a tensor disposes of in its turn is not in this scope; places stay as they are until the end.
    tensor.scope = null;
    if (survives(tensor)) tensor.leaveScope();
    else tensor.dispose();
  }
}
