import type { Tensor } from "./tensor.ts";

/** Tensors made while a scope is open belong to it. */
interface Scope {
  readonly tensors: Set<Tensor>;
}

const scopes: Scope[] = [];

export function registerInScope(tensor: Tensor): void {
  scopes.at(-1)?.tensors.add(tensor);
}

export function forgetInScopes(tensor: Tensor): void {
  for (const scope of scopes) if (scope.tensors.delete(tensor)) return;
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
    const scope: Scope = { tensors: new Set() };
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

function closeScope(scope: Scope, survives: (tensor: Tensor) => boolean): void {
  scopes.pop();
  for (const tensor of scope.tensors) {
    if (survives(tensor)) registerInScope(tensor);
    else tensor.dispose();
  }
}
