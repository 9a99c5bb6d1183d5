import type { Gpu, VariantTable } from "../gpu/index.ts";
import { effectiveVariants } from "../kernels/variants/variants.ts";
import type { Measured } from "./measure.ts";
import { leastMilliseconds, type Peaks } from "./peaks.ts";
import type { StepCounts } from "./step-counts.ts";

/** One line of a run. */
export interface BenchRow extends Measured {
  /** Stable from run to run: `matmul/512x512x512/naive`, `softmax-3072x256/backward`, `transformer-block/forward`. */
  id: string;
  /** Rows of one group were timed alternating, and stand in one chart: `matmul/512x512x512`. */
  group: string;
  suite: "ladder" | "table" | "end-to-end";
  /** What it computes, for people. */
  title: string;
  operations: number;
  bytes: number;
  /** 10⁹ operations a second. */
  gigaflops?: number;
  /** 10⁹ bytes a second. */
  gigabytes?: number;
  /** Of what the adapter can do: the least time by the peaks over the time taken. Above 1 where caches hold the data. */
  share?: number;
  /** Items a second and what they are, of end-to-end rows. */
  throughput?: { value: number; unit: "tokens/s" | "images/s" };
  counts?: StepCounts;
  /**
   * The first run, with every pipeline to make, in milliseconds: in this process, or with `--cold` in one of its own. The
   * driver may have the shaders in a cache.
   */
  firstMilliseconds?: number;
  /** The first run in a process of its own with the driver's cache of compiled shaders switched off. */
  coldMilliseconds?: number;
  /** Host time to record one dispatch, in microseconds. */
  encodeMicroseconds?: number;
}

/** One run, as it is written to JSON. */
export interface BenchReport {
  format: "graft-bench";
  formatVersion: 1;
  date: string;
  adapter: {
    name: string;
    class: string;
    isSoftware: boolean;
    vendor: string;
    architecture: string;
    device: string;
    /** On Vulkan it ends with the driver and its version. */
    description: string;
    features: string[];
  };
  versions: { graft: string; [name: string]: string | null };
  /** The kernel candidate that each family of the engine used, unless a row names another. */
  variants: VariantTable;
  /** Processor and number of its cores where they are known: a software adapter runs on them. */
  machine: { cpu: string | null; cores: number | null };
  peaks: Peaks;
  rows: BenchRow[];
}

/** When, by what and on which machine a run was made. */
export interface ReportEnvironment {
  date: string;
  versions: BenchReport["versions"];
  machine: BenchReport["machine"];
}

/** The report of a run; `rows` may still be added to. Shares are by these peaks. */
export function makeReport(gpu: Gpu, peaks: Peaks, rows: BenchRow[], environment: ReportEnvironment): BenchReport {
  rows.splice(0, rows.length, ...rows.map((row) => withRates(row, peaks)));
  const { name, class: adapterClass, isSoftware, vendor, architecture, device, description } = gpu.adapter;
  return {
    format: "graft-bench",
    formatVersion: 1,
    date: environment.date,
    adapter: {
      name,
      class: adapterClass,
      isSoftware,
      vendor,
      architecture,
      device,
      description,
      features: [...gpu.features].sort(),
    },
    versions: environment.versions,
    variants: effectiveVariants(gpu),
    machine: environment.machine,
    peaks,
    rows,
  };
}

/** Rates and the share of the adapter's peaks, where there is a time. */
export function withRates(row: BenchRow, peaks: Peaks): BenchRow {
  const { timing, operations, bytes } = row;
  // What is only another view of its operands takes no time.
  if (!timing || timing.median === 0) return row;
  const rate = (amount: number): number => amount / timing.median / 1e6;
  return {
    ...row,
    ...(operations > 0 ? { gigaflops: rate(operations) } : {}),
    ...(bytes > 0 ? { gigabytes: rate(bytes) } : {}),
    ...(operations > 0 || bytes > 0 ? { share: leastMilliseconds(peaks, row) / timing.median } : {}),
  };
}
