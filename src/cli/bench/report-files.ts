import { type BenchReport, renderBenchPage } from "../../bench/index.ts";
import type { ByteSink } from "../../io/index.ts";
import { createFileSink } from "../../io/node/index.ts";

/** The files that a run is to be written to. What was not written when it is disposed leaves no trace. */
export class ReportFiles {
  private constructor(private readonly sinks: readonly { sink: ByteSink; render: (report: BenchReport) => string }[]) {}

  /** Opened ahead of the run: a place that cannot be written shows before the work, not after it. */
  static async open({ json, html }: { json?: string; html?: string }): Promise<ReportFiles> {
    const forms = [
      { path: json, render: (report: BenchReport) => `${JSON.stringify(report, null, 2)}\n` },
      { path: html, render: renderBenchPage },
    ];
    const sinks: { sink: ByteSink; render: (report: BenchReport) => string }[] = [];
    const files = new ReportFiles(sinks);
    try {
      for (const { path, render } of forms) {
        if (path !== undefined) sinks.push({ sink: await createFileSink(path), render });
      }
      return files;
    } catch (error) {
      await files[Symbol.asyncDispose]();
      throw error;
    }
  }

  async write(report: BenchReport): Promise<void> {
    for (const { sink, render } of this.sinks) {
      await sink.write(new TextEncoder().encode(render(report)));
      await sink.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { sink } of this.sinks) await sink.abort();
  }
}
