import { expect, vi } from "vitest";
import { Kernel, type KernelVariant } from "../../../src/gpu/index.ts";

/**
 * Watches which kernel variants come into use. The function returned fails unless every one of them is declared by its
 * kernel: the null backend compiles the declared ones in every test run.
 */
export function watchVariants(): () => void {
  const used = new Set<KernelVariant>();
  const makeVariant = Kernel.prototype.variant;
  vi.spyOn(Kernel.prototype, "variant").mockImplementation(function (this: Kernel, specialization) {
    const variant = makeVariant.call(this, specialization);
    used.add(variant);
    return variant;
  });
  return () => {
    const undeclared = [...used].filter(({ kernel, code }) => {
      const declared = [{}, ...(kernel.definition.variants?.() ?? [])];
      return !declared.some((specialization) => makeVariant.call(kernel, specialization).code === code);
    });
    expect(used.size).toBeGreaterThan(20);
    expect(undeclared.map(({ key }) => key)).toEqual([]);
  };
}
