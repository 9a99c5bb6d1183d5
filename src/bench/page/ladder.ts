import { html, type Markup } from "../../finetune/report/html.ts";
import { digits, formatMilliseconds, formatShare } from "../format.ts";
import type { Peaks } from "../peaks.ts";
import type { BenchRow } from "../report.ts";

/** The row of the least time; undefined when none was timed. */
export const fastestOf = (rows: readonly BenchRow[]): BenchRow | undefined =>
  rows.filter(({ timing }) => timing).sort((a, b) => a.timing!.median - b.timing!.median)[0];

/** Rows by their group, each in the order of the run. */
export function groupRows(rows: readonly BenchRow[]): Map<string, BenchRow[]> {
  const groups = new Map<string, BenchRow[]>();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return groups;
}

/** A bar of a share of the width, from 0 to 1. It has no style of its own, so that a page may forbid inline ones. */
export const drawBar = (share: number, isBest: boolean): Markup =>
  html`<svg class="track" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect class="bar${isBest && " best"}" width="${(100 * Math.min(1, Math.max(0.003, share))).toFixed(1)}" height="1"/></svg>`;

const CROSS = "m4 4 8 8M12 4l-8 8";
/** Drawn, as not every machine has the letters. */
const MARKS: Readonly<Record<BenchRow["status"], readonly [path: string, meaning: string]>> = {
  right: ["m3 8.5 3.5 3.5L13 4.5", "agrees with the double-precision reference"],
  wrong: [CROSS, "wrong"],
  failed: [CROSS, "failed"],
  unavailable: ["M4 8h8", "not available on this adapter"],
};

/** Whether a variant is right: a tick, a cross, or a dash where it cannot run. */
const drawMark = (status: BenchRow["status"]): Markup =>
  html`<svg class="mark ${status}" viewBox="0 0 16 16" role="img" aria-label="${MARKS[status][1]}"><title>${MARKS[status][1]}</title><path d="${MARKS[status][0]}"/></svg>`;

/** The variants of one group: bars as long as the rate, the fastest to the end, and what each adds. */
export function drawLadder(rows: readonly BenchRow[], peaks: Peaks): Markup {
  const best = fastestOf(rows);
  return html`<ol class="ladder">${rows.map((row) => {
    const { name, note, adds, timing, status } = row;
    const result = timing
      ? html`${drawBar(row === best ? 1 : best!.timing!.median / timing.median, row === best)}<span class="value">${ratesOf(row, peaks).join(" · ")}</span>`
      : html`<span class="reason ${status === "unavailable" ? "soft" : "bad"}">${reasonOf(row)}</span>`;
    return html`<li><span class="rung">${drawMark(status)} <b>${name}</b>${note && html` <span class="soft">(${note})</span>`}</span>${result}
<span class="adds">${adds}</span></li>`;
  })}</ol>`;
}

/** Why there is no time; of a shader that does not compile the compiler's words, without the source. */
function reasonOf({ status, reason, messages = [] }: BenchRow): string {
  const errors = messages.filter(({ type }) => type === "error");
  if (errors.length === 0) return reason ? `${status}: ${reason}` : status;
  return ["it does not compile", ...errors.map(({ line, text }) => `line ${line}: ${text}`)].join("\n");
}

/** Time; the rate that the roof bounds, operations where they are many for the bytes that move, else bytes; share. */
function ratesOf({ timing, operations, bytes, gigaflops, gigabytes, share }: BenchRow, peaks: Peaks): string[] {
  const isCompute = operations / peaks.gigaflops > bytes / peaks.gigabytes;
  const rate = isCompute ? `${digits(gigaflops!)} GFLOP/s` : gigabytes !== undefined && `${digits(gigabytes)} GB/s`;
  return [
    formatMilliseconds(timing!.median),
    ...(rate ? [rate] : []),
    ...(share === undefined ? [] : [formatShare(share)]),
  ];
}
