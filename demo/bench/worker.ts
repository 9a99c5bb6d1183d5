import { version } from "../../package.json";
import {
  type BenchReport,
  type BenchRow,
  familyOf,
  makeReport,
  type ReportEnvironment,
  runBench,
  timingDefaults,
} from "../../src/bench/index.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { browserName } from "./browser-name.ts";
import type { BenchOrder, Message, Order } from "./protocol.ts";

const { post, listen } = {
  post: (message: Message): void => (postMessage as (message: Message) => void)(message),
  listen: (listener: (order: Order) => void): void =>
    addEventListener("message", ({ data }: MessageEvent<Order>) => listener(data)),
};

/** Browsers' clocks are coarse, up to a millisecond; what is timed takes many times that. */
const SAMPLE_MILLISECONDS = 20;

let opening: Promise<Gpu> | undefined;
let stop: AbortController | undefined;

/** The GPU; a new one where the last was lost. */
const open = async (): Promise<Gpu> => {
  const last = await opening?.catch(() => undefined);
  if (!last || last.isLost) opening = Gpu.open();
  return opening!;
};

listen((message) => {
  if (message.type === "stop") stop?.abort();
  else void run(message.order);
});

open().then(
  ({ adapter: { name, isSoftware }, limits: { maxBufferSize } }) => {
    post({ type: "open", adapter: { name, isSoftware, maxBufferSize, browser: browserName(navigator.userAgent) } });
  },
  (error: Error) => post({ type: "error", message: error.message }),
);

async function run(order: BenchOrder): Promise<void> {
  stop = new AbortController();
  const { signal } = stop;
  try {
    const gpu = await open();
    const ladders = order.ladders.map(({ family, ...choice }) => ({ ...choice, family: familyOf(family) }));
    const timing = { ...timingDefaults(gpu), sampleMilliseconds: SAMPLE_MILLISECONDS, samples: order.samples, signal };
    const plan = { ladders, ops: [], steps: [] };
    const rows: BenchRow[] = [];
    let report: BenchReport | undefined;
    const started = environment();
    for await (const event of runBench(gpu, plan, timing, {}, (progress) => post({ type: "progress", progress }))) {
      if (event.type === "peaks") {
        const isFirst = report === undefined;
        report = makeReport(gpu, event.peaks, rows, started);
        if (isFirst) post({ type: "report", report });
      } else if (event.type === "rows") {
        rows.push(...event.rows);
        gpu.trim();
        post(event);
      } else post(event);
    }
    post({ type: "end", report: report! });
  } catch (error) {
    if (signal.aborted) {
      post({ type: "stopped" });
      return;
    }
    post({ type: "error", message: (await isLost()) ? LOSS : (error as Error).message });
  }
}

const LOSS =
  "the GPU was taken away, as browsers do it when a kernel comes to no end, or its driver began anew. The next run takes a new one";

/** Whether the GPU is gone. Its loss may be told after what failed of it, so what waits now is let be told first. */
async function isLost(): Promise<boolean> {
  const gpu = await opening?.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve));
  return gpu?.isLost ?? false;
}

const environment = (): ReportEnvironment => ({
  date: new Date().toISOString(),
  versions: { graft: version, browser: browserName(navigator.userAgent) },
  machine: { cpu: null, cores: navigator.hardwareConcurrency ?? null },
});
