import { type Gpu, Kernel, linearGrid, type ParamLayout, type ParamValues } from "../gpu/index.ts";
import { launch } from "../kernels/launch.ts";
import type { Tensor } from "../tensor/index.ts";
import { readGrids } from "./grid.ts";
import type { Candidate, Operands } from "./problem.ts";

/** The plain contract that all shaders of a family keep, those of users too. */
export interface ShaderContract {
  /** Names of the tensors in the order of their bindings in group 0: read-only ones, then those written. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Fields of `struct Params`, group 1, binding 0. */
  readonly params: ParamLayout;
  /** Values of the fields; whole ones may be named by the grid. */
  readonly values: ParamValues;
  /** A binding behind the others where invocations leave partial results, of so many f32. */
  readonly scratch?: { readonly name: string; readonly length: number };
}

let made = 0;

/**
 * A shader as a way to compute a problem. It has an entry point `main` and the bindings of the contract, and it says on
 * lines `// grid:` how many workgroups each of its dispatches wants. A grid of one dimension may be folded over the limit
 * of 65,535; the workgroup's index is then `group.y * groups.x + group.x`. With several dispatches, the parameter `stage`
 * counts them.
 */
export function shaderCandidate(name: string, adds: string, source: string, contract: ShaderContract): Candidate {
  const { reads, writes, scratch } = contract;
  const written = [...writes, ...(scratch ? [scratch.name] : [])];
  const kernel = new Kernel({
    // Pipelines are kept by the kernel's name, and a user's shader may change under one name.
    name: `bench ${name} #${++made}`,
    source,
    bindings: Object.fromEntries([
      ...reads.map((binding) => [binding, "read" as const]),
      ...written.map((binding) => [binding, "read_write" as const]),
    ]),
    params: contract.params,
  });
  return {
    name,
    adds,
    unavailable: (gpu) => missingFeature(gpu, source),
    prepare: async (operands, results) => {
      const { gpu } = results[0];
      const whole = Object.entries(contract.values).filter((entry): entry is [string, number] =>
        Number.isInteger(entry[1]),
      );
      const most = gpu.limits.maxComputeWorkgroupsPerDimension;
      const grids = readGrids(source, Object.fromEntries(whole)).map((grid): [number, number, number] => {
        if (grid.length === 1) return linearGrid(grid[0]);
        if (Math.max(...grid) <= most) return [grid[0], grid[1], grid[2] ?? 1];
        const wanted = `${grid.join(" × ")} workgroups`;
        throw new Error(`the grid has ${wanted}, and there may be ${most} along an axis, unless it is a single number`);
      });
      gpu.compile(kernel.variant());
      await gpu.finish();
      const tensors = bindingsOf(operands, reads, results);
      return () => {
        grids.forEach((grid, stage) => {
          const params = "stage" in contract.params ? { ...contract.values, stage } : contract.values;
          launch(name, kernel.variant(), tensors, params, grid);
        });
        return results.slice(0, writes.length);
      };
    },
  };
}

const bindingsOf = (operands: Operands, reads: readonly string[], results: readonly Tensor[]): Tensor[] => [
  ...reads.map((name) => operands[name]),
  ...results,
];

/** A feature that the shader enables and the device lacks. */
function missingFeature(gpu: Gpu, source: string): string | undefined {
  const enabled = [...source.matchAll(/^\s*enable\s+([^;]+);/gm)].flatMap(([, names]) => names.split(/\s*,\s*/));
  const features: Record<string, string> = { f16: "shader-f16", subgroups: "subgroups" };
  const missing = enabled.map((name) => features[name.trim()]).find((feature) => feature && !gpu.features.has(feature));
  return missing && `this adapter lacks ${missing}`;
}
