import * as autograd from "../../src/autograd/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";

type Anything = (...given: unknown[]) => Tensor & Tensor[] & { values: Tensor; indices: Tensor };

/** An op that the API does not have. */
export class MissingOpError extends Error {}

/** Every public op by name; one that is missing throws only when it is called. */
export const api = new Proxy({} as Record<string, Anything>, {
  get(_target, name: string) {
    const found = (autograd as unknown as Record<string, Anything>)[name];
    if (typeof found === "function") return found;
    return () => {
      throw new MissingOpError(`no op ${name}`);
    };
  },
});
