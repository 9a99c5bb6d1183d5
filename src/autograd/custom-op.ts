import { Kernel, linearGrid, type ParamLayout, type ParamValues, type Specialization } from "../gpu/index.ts";
import { contiguous, copy } from "../kernels/copy.ts";
import { launch, output } from "../kernels/launch.ts";
import { requireBindable } from "../kernels/windows.ts";
import type { Tensor } from "../tensor/index.ts";
import { requireInputs } from "./backward.ts";
import { requireDefinition, requireLaunch, requireSpec, requireThunks } from "./custom-op-checks.ts";
import { defineOp, type Spec, type VjpContext } from "./define-op.ts";
import type { GradientThunk } from "./tape.ts";

/** How one call of a custom op is dispatched. */
export interface CustomOpLaunch {
  /** Values of the shader's `struct Params`, those named `…Offset` aside: they are filled in. */
  params?: ParamValues;
  /** Workgroups: a number is folded over WebGPU's limit of 65,535 a dimension (see {@link CustomOpDefinition.wgsl}). */
  workgroups: number | readonly [number, number, number];
  /** Right-hand sides of one-line declarations of the shader to replace: `{ LANES: "32u" }`, `{ T: "f16", enable: "f16" }`. */
  specialization?: Specialization;
}

/** An op of one's own: what it takes and gives, its shader, and its gradient. */
export interface CustomOpDefinition<A> {
  /** Shown in errors and in the graph. */
  name: string;
  /**
   * A compute shader with entry point `main`. Group 0 holds the inputs in order as read-only storage, and behind them
   * the output as read-write storage; group 1, binding 0 is `var<uniform> params: Params` when `params` are declared.
   * A grid given as one number may be folded: the workgroup's index is `group.y * groups.x + group.x` of
   * `workgroup_id` and `num_workgroups`, and must be checked against the element count.
   */
  wgsl: string;
  /**
   * Names of the inputs. The parameter `xOffset` of an input `x`, when it is declared, gets the place of its first
   * element; without it the input begins at the front of its binding, if need be in a copy.
   */
  inputs: readonly string[];
  /** Fields of `struct Params`, in order; `yOffset` is the place of the output's first element. */
  params?: ParamLayout;
  /** Shape and type of the output. Throw here, with the op's name, when the inputs do not fit. */
  infer(inputs: readonly Spec[], attributes: A): Spec;
  /** Grid and parameters for inputs of these shapes. Inputs arrive row-major. */
  launch(inputs: readonly Spec[], output: Spec, attributes: A): CustomOpLaunch;
  /** What the vjp needs of the inputs and the output; all inputs by default. */
  save?(inputs: readonly Tensor[], output: Tensor): readonly Tensor[];
  /**
   * Vector-Jacobian products: for the cotangent `gradient` of the output, a function for each input that gives its
   * gradient, or null for one without. In differentiable ops (custom ones too) they can be differentiated again.
   * Without a vjp the op's result carries no gradient.
   */
  vjp?(gradient: Tensor, saved: readonly Tensor[], context: VjpContext<A>): readonly GradientThunk[];
}

/** An op made by {@link customOp}. */
export type CustomOp<A> = (inputs: readonly Tensor[], attributes?: A) => Tensor;

let made = 0;

/**
 * An op of your own: WGSL for the forward pass and a vector-Jacobian product for the backward pass. It takes part in
 * recording, `tidy`, checkpoints and `gradcheck` like every other op.
 *
 * @example
 * const cube = customOp({
 *   name: "cube",
 *   wgsl: `
 *     struct Params { count: u32, xOffset: u32, yOffset: u32 }
 *     @group(0) @binding(0) var<storage, read> x: array<f32>;
 *     @group(0) @binding(1) var<storage, read_write> y: array<f32>;
 *     @group(1) @binding(0) var<uniform> params: Params;
 *     @compute @workgroup_size(64)
 *     fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
 *             @builtin(local_invocation_index) lane: u32) {
 *       let i = (group.y * groups.x + group.x) * 64 + lane;
 *       if (i < params.count) {
 *         let v = x[params.xOffset + i];
 *         y[params.yOffset + i] = v * v * v;
 *       }
 *     }`,
 *   inputs: ["x"],
 *   params: { count: "u32", xOffset: "u32", yOffset: "u32" },
 *   infer: ([x]) => x,
 *   launch: ([x]) => ({ params: { count: sizeOf(x.shape) }, workgroups: Math.ceil(sizeOf(x.shape) / 64) }),
 *   vjp: (gradient, [x]) => [() => mul(gradient, mul(square(x), 3))],
 * });
 * const y = cube([x]);
 *
 * @throws MemoryLimitError when a tensor exceeds what the device can bind: custom ops are not split.
 */
export function customOp<A = Record<string, never>>(definition: CustomOpDefinition<A>): CustomOp<A> {
  requireDefinition(definition);
  const { name, inputs: names, params: layout = {} } = definition;
  // A shader that is not told where an input begins reads from the front.
  const readable = (x: Tensor, i: number): Tensor =>
    x.offset === 0 || `${names[i]}Offset` in layout ? contiguous(x) : copy(x);
  const kernel = new Kernel({
    // Two ops may have one name, as when a cell of a notebook runs again; pipelines are kept by the kernel's name.
    name: `custom ${name} #${++made}`,
    source: definition.wgsl,
    bindings: Object.fromEntries([...names.map((input) => [input, "read"]), ["y", "read_write"]]),
    params: layout,
  });
  const op = defineOp<A>({
    name,
    infer: (inputs, attributes) => {
      if (inputs.length !== names.length) {
        throw new Error(`${name}: expected ${names.length} inputs (${names.join(", ")}), got ${inputs.length}`);
      }
      return requireSpec(name, definition.infer(inputs, attributes));
    },
    forward: (inputs, attributes) => {
      const spec = definition.infer(inputs, attributes);
      const y = output(name, inputs[0], spec.shape, spec.dtype);
      if (y.size === 0) return y;
      requireBindable(name, ...inputs, y);
      const {
        params = {},
        workgroups,
        specialization,
      } = requireLaunch(name, Object.keys(layout), definition.launch(inputs, spec, attributes));
      const grid = typeof workgroups === "number" ? linearGrid(workgroups) : workgroups;
      launch(name, kernel.variant(specialization), [...inputs.map(readable), y], params, grid);
      return y;
    },
    save: (inputs, [y]) => definition.save?.(inputs, y) ?? inputs,
    vjp:
      definition.vjp &&
      ((gradient, saved, context) =>
        requireThunks(name, names, context.inputs, definition.vjp!(gradient, saved, context))),
  });
  return (inputs, attributes) => {
    requireInputs(name, inputs);
    return op(inputs, attributes ?? ({} as A));
  };
}
