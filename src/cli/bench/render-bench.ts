import {
  type BenchReport,
  type BenchRow,
  digits,
  formatMilliseconds,
  formatQuartiles,
  formatShare,
} from "../../bench/index.ts";
import { formatBytes } from "../../finetune/format.ts";
import { wrap } from "../text.ts";

/** The head of a run: where it ran and what that can do. */
export function renderBenchHead({ adapter, machine, peaks, versions }: Omit<BenchReport, "rows">): string {
  const cpu = machine.cpu ? `; ${machine.cores} × ${machine.cpu}` : "";
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version ?? "?"}`);
  return [
    `${adapter.name}${cpu}; ${packages.join(", ")}`,
    `It can do ${digits(peaks.gigaflops)} GFLOP/s of multiply-adds and copy ${digits(peaks.gigabytes)} GB/s (read and written).`,
  ].join("\n");
}

const HEADINGS = ["time", "quartiles", "GFLOP/s", "GB/s", "of peak"] as const;

/** Widths of the name and of the columns of {@link HEADINGS}, so that rows that come one by one stand below each other. */
const NAME_WIDTH = 36;
const WIDTHS = [10, 15, 9, 8, 9] as const;

const line = (name: string, cells: readonly string[]): string =>
  `${name.padEnd(NAME_WIDTH)}${cells.map((cell, i) => cell.padStart(WIDTHS[i])).join("")}`.trimEnd();

/** The head of the columns, once for each ladder and once for all other rows. */
export const renderBenchHeadings = (title: string): string =>
  title === "" ? `\n${line("", HEADINGS)}` : `\n${title}\n${line("", HEADINGS)}`;

const nameOf = (row: BenchRow): string => (row.suite === "ladder" ? `  ${row.name}` : row.id);

/** Rows that were timed together; under those of a ladder the sentence of each variant. */
export function renderBenchRows(rows: readonly BenchRow[], columns = 80): string {
  const lines: string[] = [];
  for (const row of rows) {
    const { timing, gigaflops, gigabytes, share, status, reason, note } = row;
    const cells = timing
      ? [
          formatMilliseconds(timing.median),
          formatQuartiles(timing),
          gigaflops === undefined ? "" : digits(gigaflops),
          gigabytes === undefined ? "" : digits(gigabytes),
          share === undefined ? "" : formatShare(share),
        ]
      : [status];
    lines.push(line(note ? `${nameOf(row)} (${note})` : nameOf(row), cells));
    if (reason)
      lines.push(
        ...reason
          .split("\n")
          .filter((text) => text.trim())
          .map((text) => `    ${text}`),
      );
    lines.push(...stepLines(row));
  }
  const ladder = rows.filter(({ suite }) => suite === "ladder");
  const width = Math.max(0, ...ladder.map(({ name }) => name.length));
  for (const { name, adds } of ladder) {
    const own = wrap(adds, Math.max(20, columns - width - 4));
    lines.push(...own.map((text, i) => `  ${(i === 0 ? name : "").padEnd(width)}  ${text}`));
  }
  return lines.join("\n");
}

/** What a step asks of the device. */
function stepLines({
  counts,
  throughput,
  firstMilliseconds,
  coldMilliseconds,
  encodeMicroseconds,
}: BenchRow): string[] {
  if (!counts) return [];
  const { dispatches, submits, buffersCreated, bindGroupsCreated, pipelinesCreated, peakBytes } = counts;
  const speed = throughput ? [`${digits(throughput.value)} ${throughput.unit}`] : [];
  const first = firstMilliseconds === undefined ? [] : [`first run ${formatMilliseconds(firstMilliseconds)}`];
  const cold = coldMilliseconds === undefined ? [] : [`${formatMilliseconds(coldMilliseconds)} with cold caches`];
  const encode = encodeMicroseconds === undefined ? [] : [`${digits(encodeMicroseconds)} µs of host time a dispatch`];
  return [
    `  ${[...speed, `${dispatches} dispatches`, `${submits} submits`, `peak ${formatBytes(peakBytes)}`].join(", ")}`,
    `  made: ${buffersCreated} buffers, ${bindGroupsCreated} bind groups, ${pipelinesCreated} pipelines`,
    `  ${[...first, ...cold, ...encode].join(", ")}`,
  ];
}
