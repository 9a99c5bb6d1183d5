import {
  type BenchPlan,
  type BenchReport,
  type BenchRow,
  candidatesOf,
  digits,
  type Family,
  formatMilliseconds,
  formatQuartiles,
  formatShare,
  listOfNames,
  type Peaks,
  parseSizes,
  shaderHeader,
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

/** Peaks grow by that much before it is worth a word. */
const NOTICEABLE = 1.05;

/** The peaks as they were measured again behind all rows, where they are clearly more than those that were shown; else "". */
export function renderPeaksAgain(shown: Peaks, best: Peaks): string {
  const isMore = (["gigaflops", "gigabytes"] as const).some((key) => best[key] > NOTICEABLE * shown[key]);
  if (!isMore) return "";
  return (
    `\nMeasured again at the end, it can do ${digits(best.gigaflops)} GFLOP/s and copy ${digits(best.gigabytes)} GB/s:\n` +
    "shares of the peak above are of less, those in files are of this.\n"
  );
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
  const ladder = rows.filter(({ suite }) => suite === "ladder").map(({ name, adds }) => [name, adds] as const);
  lines.push(...twoColumns(ladder, columns, Math.max(0, ...ladder.map(([name]) => name.length))));
  return lines.join("\n");
}

/** `1 submit`, `2 submits` */
const many = (count: number, one: string, several = `${one}s`): string => `${count} ${count === 1 ? one : several}`;

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
    `  ${[...speed, many(dispatches, "dispatch", "dispatches"), many(submits, "submit"), `peak ${formatBytes(peakBytes)}`].join(", ")}`,
    `  made: ${many(buffersCreated, "buffer")}, ${many(bindGroupsCreated, "bind group")}, ${many(pipelinesCreated, "pipeline")}`,
    `  ${[...first, ...cold, ...encode].join(", ")}`,
  ];
}

/** Names and what they mean, in two columns. */
function twoColumns(
  entries: readonly (readonly [name: string, text: string])[],
  columns: number,
  width: number,
): string[] {
  return entries.flatMap(([name, text]) =>
    wrap(text, Math.max(20, columns - width - 4)).map((part, i) => `  ${(i === 0 ? name : "").padEnd(width)}  ${part}`),
  );
}

/** Everything that can be named, or what a plan runs: of one family, all about it. */
export function renderBenchNames(columns: number, plan?: BenchPlan): string {
  if (plan?.ladders.length === 1) return renderFamily(plan.ladders[0].family, columns);
  const sections = listOfNames(plan);
  const width = Math.max(...sections.flatMap(({ entries }) => entries.map(([name]) => name.length)));
  return sections
    .map(({ heading, entries }) => `${heading}\n${twoColumns(entries, columns, width).join("\n")}\n`)
    .join("\n");
}

/** All about one family: sizes, variants, and how a shader of it begins. */
function renderFamily(family: Family, columns: number): string {
  const variants = candidatesOf(family, parseSizes(family, family.tinySize));
  const entries = variants.map(({ name, adds }) => [name, adds] as const);
  const width = Math.max(...entries.map(([name]) => name.length));
  const { software, hardware } = family.defaultSize;
  return [
    ...wrap(`${family.name}: ${family.computes}`, columns),
    ...wrap(`Size: ${family.sizeForms}. Default ${software} on software adapters, ${hardware} on GPUs.`, columns),
    "",
    "Variants",
    ...twoColumns(entries, columns, width),
    "",
    "A shader of your own, for --wgsl, begins with",
    "",
    shaderHeader(family),
    "",
    'and says on a line such as "// grid: ceil(N / 64)" how many workgroups it wants (docs/bench.md).',
    "",
  ].join("\n");
}
