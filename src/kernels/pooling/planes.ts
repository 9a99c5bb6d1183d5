import type { Kernel } from "../../gpu/index.ts";
import { reshapeView, type Tensor } from "../../tensor/index.ts";
import { contiguous } from "../copy.ts";
import { gridOf, launch } from "../launch.ts";
import { forRowWindows } from "../windows.ts";

/**
 * Runs a kernel over the planes of tensors [.., height, width], as many in each: one invocation an element of the last
 * of them, in windows of planes that can be bound. Its parameter `count` is the number of invocations.
 */
export function overPlanes(
  op: string,
  kernel: Kernel,
  params: Readonly<Record<string, number | readonly number[]>>,
  tensors: readonly Tensor[],
): void {
  const written = tensors[tensors.length - 1];
  if (written.size === 0) return;
  const plane = written.shape[written.rank - 2] * written.shape[written.rank - 1];
  const planes = written.size / plane;
  const matrices = tensors.map((x) => reshapeView(contiguous(x), [planes, x.size / planes])!);
  forRowWindows(op, matrices, (windows, rows) => {
    const count = rows * plane;
    launch(op, kernel.variant(), windows, { ...params, count }, gridOf(count));
  });
}
