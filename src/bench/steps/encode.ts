import shader from "../../../shaders/bench/elementwise-naive.wgsl";
import { Kernel } from "../../gpu/index.ts";
import { launch } from "../../kernels/launch.ts";
import { type Tensor, tensor } from "../../tensor/index.ts";
import type { StepRow } from "./step.ts";

const DISPATCHES = 500;
const LENGTH = 16;

const kernel = new Kernel({
  name: "bench encode",
  source: shader,
  bindings: { a: "read", b: "read", y: "read_write" },
  params: { N: "u32" },
});

/** Dispatches that depend on each other and compute next to nothing: what is left is the host and the driver. */
export const ENCODE_ROW: StepRow = {
  id: "encode-500-dispatches",
  title: `${DISPATCHES} small dependent dispatches in one submit: what the host takes to record each`,
  operations: 0,
  prepare: async (gpu) => {
    const make = (value: number): Tensor => tensor(new Float32Array(LENGTH).fill(value), [LENGTH], { gpu });
    const [one, x, y] = [1, 0, 0].map(make);
    const variant = kernel.variant();
    return {
      run: () => {
        for (let i = 0; i < DISPATCHES; i++) {
          // Each with parameters other than those of the one before, which it would share.
          const params = { N: LENGTH - (i % 2) };
          launch("encode", variant, i % 2 === 0 ? [x, one, y] : [y, one, x], params, [1, 1, 1]);
        }
      },
      // x has been added to as often as there were dispatches.
      check: async () => {
        const [value] = (await x.data()) as Float32Array;
        return value === DISPATCHES ? undefined : `x is ${value} after ${DISPATCHES} additions of 1`;
      },
      [Symbol.dispose]: () => {
        for (const each of [one, x, y]) each.dispose();
      },
    };
  },
};
