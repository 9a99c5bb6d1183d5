import type { BenchReport, BenchRow, LadderProgress } from "../../src/bench/index.ts";

/** What is to be measured of one family; what is left out is as the bench has it by default. */
export interface LadderOrder {
  readonly family: string;
  readonly size?: string;
  readonly variants?: readonly string[];
  readonly shader?: { readonly name: string; readonly wgsl: string };
}

export interface BenchOrder {
  readonly ladders: readonly LadderOrder[];
  /** Samples of each time. */
  readonly samples: number;
}

/** The adapter as the worker found it. */
export interface BenchAdapter {
  readonly name: string;
  readonly isSoftware: boolean;
  /** Bytes of its largest buffer. */
  readonly maxBufferSize: number;
  /** What the browser calls itself: "Chrome 147". */
  readonly browser: string;
}

/** From the page to the worker. */
export type Order = { readonly type: "run"; readonly order: BenchOrder } | { readonly type: "stop" };

/** From the worker to the page. */
export type Message =
  | { readonly type: "open"; readonly adapter: BenchAdapter }
  /** What the adapter can do is known; rows follow. */
  | { readonly type: "report"; readonly report: BenchReport }
  | { readonly type: "begin"; readonly title: string; readonly done: number; readonly total: number }
  | { readonly type: "progress"; readonly progress: LadderProgress }
  | { readonly type: "rows"; readonly rows: readonly BenchRow[] }
  /** All rows, their shares by the better of the peaks before and after. */
  | { readonly type: "end"; readonly report: BenchReport }
  | { readonly type: "stopped" }
  | { readonly type: "error"; readonly message: string };
