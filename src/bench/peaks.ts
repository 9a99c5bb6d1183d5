import copySource from "../../shaders/bench/peak-copy.wgsl";
import fmaSource from "../../shaders/bench/peak-fma.wgsl";
import { type Gpu, Kernel, linearGrid, type Specialization } from "../gpu/index.ts";
import { full } from "../kernels/copy.ts";
import { launch } from "../kernels/launch.ts";
import type { Tensor } from "../tensor/index.ts";
import { type TimingOptions, timeAlternating } from "./timing.ts";

/** What the adapter can do, as two kernels measured on it. */
export interface Peaks {
  /** 10⁹ floating-point operations a second of chains of multiply-adds in registers. */
  gigaflops: number;
  /** 10⁹ bytes a second, read and written, of a copy too large for caches. */
  gigabytes: number;
}

const fmaKernel = new Kernel({
  name: "bench peak-fma",
  source: fmaSource,
  bindings: { y: "read_write" },
  params: { rounds: "u32" },
});

const copyKernel = new Kernel({
  name: "bench peak-copy",
  source: copySource,
  bindings: { x: "read", y: "read_write" },
  params: { vectors: "u32" },
});

/** The kernels of this file with what they are specialised to, for the tests. */
export const PEAK_KERNELS: readonly (readonly [Kernel, readonly Specialization[]])[] = [
  [fmaKernel, [{}, { V: "vec4f", total: "return v.x + v.y + v.z + v.w;" }]],
  [copyKernel, [{}, { BESIDE: "true" }]],
];

const INVOCATIONS = 65_536;
/** Multiply-adds a round, by lane. */
const CHAINS = 16;
/** Bytes that a copy reads, and as many that it writes, where the limits allow it: 32 MiB on a processor, else 128. */
const COPY_BYTES = { software: 2 ** 25, hardware: 2 ** 27 };

/** Measures both, in about a second. The better of two forms of each counts, as adapters differ in which they like. */
export async function measurePeaks(gpu: Gpu, options: TimingOptions, copyBytes?: number): Promise<Peaks> {
  const kind = gpu.adapter.isSoftware ? "software" : "hardware";
  const bytes = Math.min(copyBytes ?? COPY_BYTES[kind], gpu.limits.maxStorageBufferBindingSize);
  const vectors = Math.floor(bytes / 16);
  const rounds = gpu.adapter.isSoftware ? 64 : 4096;
  const owned: Tensor[] = [];
  try {
    const make = (length: number): Tensor => {
      const x = full(gpu, [length], 1);
      owned.push(x);
      return x;
    };
    const [x, y] = [make(4 * vectors), make(4 * vectors)];
    const fma = (spec: Specialization) => () => {
      launch("fma", fmaKernel.variant(spec), [y], { rounds }, [INVOCATIONS / 64, 1, 1]);
      return [y];
    };
    const copy = (spec: Specialization) => () => {
      launch("copy", copyKernel.variant(spec), [x, y], { vectors }, linearGrid(Math.ceil(vectors / 256)));
      return [y];
    };
    const [[, chains], [, copies]] = PEAK_KERNELS;
    const timings = await timeAlternating(gpu, [...chains.map(fma), ...copies.map(copy)], options);
    // A peak is what the adapter does when nothing disturbs it.
    const flops = [1, 4].map((width, i) => (2 * INVOCATIONS * rounds * CHAINS * width) / timings[i].least / 1e6);
    const bytes = timings.slice(chains.length).map(({ least }) => (2 * 16 * vectors) / least / 1e6);
    return { gigaflops: Math.max(...flops), gigabytes: Math.max(...bytes) };
  } finally {
    for (const x of owned) x.dispose();
  }
}

/**
 * The time in milliseconds that a computation takes at least on an adapter of these peaks: that of its operations or of
 * its bytes, whichever is longer (Williams, Waterman and Patterson, "Roofline", 2009).
 */
export function leastMilliseconds(peaks: Peaks, work: { operations: number; bytes: number }): number {
  return Math.max(work.operations / peaks.gigaflops, work.bytes / peaks.gigabytes) / 1e6;
}
