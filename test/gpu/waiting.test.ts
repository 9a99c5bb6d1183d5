import { expect, it } from "vitest";
import { Gpu } from "../../src/gpu/index.ts";
import { add } from "../../src/index.ts";
import { full } from "../../src/kernels/copy.ts";
import { useGpu } from "../support/gpu.ts";

/** What each wait was told of the work it waits for. */
const waits: boolean[] = [];
const gpu = useGpu({}, (device, info) => {
  const wait = <T>(promise: Promise<T>, isNarrow: boolean): Promise<T> => {
    waits.push(isNarrow);
    return promise;
  };
  return new Gpu(device, info, { wait });
});

async function waitFor(work: () => void): Promise<boolean> {
  await gpu().finish();
  waits.length = 0;
  work();
  await gpu().finish();
  return waits[0];
}

it("a wait knows whether its work keeps one core busy at most", async () => {
  const [small, large] = [full(gpu(), [16], 1, "f32"), full(gpu(), [1 << 16], 1, "f32")];
  const narrow = (): void => add(small, small).dispose();
  expect(await waitFor(narrow)).toBe(true);
  expect(await waitFor(() => add(large, large).dispose())).toBe(false);
  const both = (): void => {
    add(large, large).dispose();
    narrow();
  };
  expect(await waitFor(both)).toBe(false);
  // Nothing recorded here: it may be others' work, or compiling, that is waited for.
  expect(await waitFor(() => {})).toBe(false);
  small.dispose();
  large.dispose();
});
