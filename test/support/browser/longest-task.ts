import type { Browser, Page } from "playwright";

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds of the processor's time. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/**
 * Does something in a page and gives the longest task of its main thread meanwhile, in milliseconds. What counts is the
 * time in which the thread ran, as the browser's own trace has it: on a busy machine the clock also counts the time in
 * which it was others' turn, which is not the page's doing.
 */
export async function longestTask(browser: Browser, page: Page, work: () => Promise<unknown>): Promise<number> {
  await browser.startTracing(page, { categories: ["-*", "disabled-by-default-devtools.timeline"] });
  let trace: Buffer;
  try {
    await work();
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const thread = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const isMain = ({ name, args }: TraceEvent): boolean => name === "thread_name" && args.name === "CrRendererMain";
  const pages = new Set(traceEvents.filter(isMain).map(thread));
  const tasks = traceEvents.filter((event) => event.name === "RunTask" && pages.has(thread(event)));
  if (tasks.length === 0) throw new Error("the trace has no task of the page");
  return tasks.reduce((most, { tdur = 0 }) => Math.max(most, tdur / 1000), 0);
}
