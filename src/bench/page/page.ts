import { formatBytes } from "../../finetune/format.ts";
import { html, Markup } from "../../finetune/report/html.ts";
import { digits, formatMilliseconds, formatQuartiles, formatShare } from "../format.ts";
import type { Peaks } from "../peaks.ts";
import type { BenchReport, BenchRow } from "../report.ts";
import { drawBar, drawLadder, fastestOf, groupRows } from "./ladder.ts";
import { drawRoofline } from "./roofline.ts";
import { STYLE } from "./style.ts";

/** A run as a page that needs nothing else: charts in HTML and inline SVG, light and dark. */
export function renderBenchPage(report: BenchReport): string {
  const { adapter, rows, peaks } = report;
  const groups = groupRows(rows.filter(({ suite }) => suite === "ladder"));
  const fastest = new Set([...groups.values()].map((own) => fastestOf(own)));
  const others = rows.filter(({ suite }) => suite !== "ladder");
  const isBest = (row: BenchRow): boolean => row.suite !== "ladder" || fastest.has(row);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Graft bench: ${adapter.name}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<h1>Graft bench</h1>
${head(report)}
${drawRoofline(rows, peaks, isBest)}
${[...groups.values()].map((own) => ladder(own, peaks))}
${others.length > 0 && table(others)}
${steps(others)}
</body>
</html>
`;
  return page.text;
}

function head({ adapter, versions, variants, machine, date, peaks, rows }: BenchReport): Markup {
  const entries: [string, string][] = [
    [
      "Adapter",
      `${adapter.name}${adapter.isSoftware ? ": this machine's processor, so only ratios mean something" : ""}`,
    ],
    ["Driver", adapter.description || "unknown"],
    ["Features", adapter.features.join(", ") || "none"],
    ["Processor", machine.cpu ? `${machine.cores} × ${machine.cpu}` : "unknown"],
    [
      "Versions",
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version ?? "?"}`)
        .join(", "),
    ],
    [
      "Kernels",
      Object.entries(variants)
        .map((pair) => pair.join(" "))
        .join(", ") || "unknown",
    ],
    ["Date", date],
    ["It can do", `${digits(peaks.gigaflops)} GFLOP/s of multiply-adds, ${digits(peaks.gigabytes)} GB/s of a copy`],
  ];
  return html`<dl>${entries.map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`)}</dl>
<p class="soft">${howChecked(rows)} Times are medians, with
quartiles; variants of one family are timed in turn. The share is the least time that the adapter's peaks allow over the
time taken: above 100 % the data lay in caches.</p>`;
}

/** Kernels and ops have a reference for every number; of a step there is none. */
function howChecked(rows: readonly BenchRow[]): string {
  const isStep = ({ suite }: BenchRow): boolean => suite === "end-to-end";
  return [
    rows.every(isStep) ? "" : "Every variant is compared with a double-precision reference before it is timed.",
    rows.some(isStep) ? "Of a step it is checked that what it gives are numbers." : "",
  ]
    .filter(Boolean)
    .join(" ");
}

const ladder = (rows: readonly BenchRow[], peaks: Peaks): Markup => html`<h2>${rows[0].group}</h2>
<p>${rows[0].title}</p>
<figure>${drawLadder(rows, peaks)}</figure>`;

/** An id that may go on in the next line after a slash. */
const breakable = (id: string): Markup =>
  html`${id.split("/").map((part, i) => html`${i > 0 && html`/<wbr>`}${part}`)}`;

function table(rows: readonly BenchRow[]): Markup {
  const cell = (value: number | undefined, format: (value: number) => string): string =>
    value === undefined ? "" : format(value);
  return html`<h2>Ops and steps</h2>
${shares(rows)}
<div class="scroll"><table>
<tr>${["", "time", "quartiles", "GFLOP/s", "GB/s", "of peak"].map((heading) => html`<th>${heading}</th>`)}</tr>
${rows.map((row) => {
  const { id, title, timing, status, reason, gigaflops, gigabytes, share } = row;
  if (!timing)
    return html`<tr><td title="${title}">${breakable(id)}</td><td colspan="5" class="bad">${status}${reason && `: ${reason}`}</td></tr>`;
  return html`<tr><td title="${title}">${breakable(id)}</td><td>${formatMilliseconds(timing.median)}</td><td>${formatQuartiles(timing)}</td><td>${cell(gigaflops, digits)}</td><td>${cell(gigabytes, digits)}</td><td>${cell(share, formatShare)}</td></tr>`;
})}
</table></div>`;
}

/** Bars as long as the share of what the adapter can do, at most all of it. */
function shares(rows: readonly BenchRow[]): Markup | false {
  const known = rows.filter(({ share }) => share !== undefined);
  if (known.length === 0) return false;
  const bars = known.map(({ id, share, timing }) => {
    return html`<li><span>${breakable(id)}</span>${drawBar(share!, true)}
<span class="value">${formatMilliseconds(timing!.median)} · ${formatShare(share!)}</span></li>`;
  });
  return html`<figure><ul class="bars">${bars}</ul>
<figcaption>Share of what the adapter did in this run, by its operations or its bytes.</figcaption></figure>`;
}

/** What the steps asked of the device. */
function steps(rows: readonly BenchRow[]): Markup | false {
  const counted = rows.filter(({ counts }) => counts);
  if (counted.length === 0) return false;
  const hasCold = counted.some(({ coldMilliseconds }) => coldMilliseconds !== undefined);
  const headings = [
    "a run, after two",
    "a second",
    "dispatches",
    "submits",
    "buffers",
    "bind groups",
    "pipelines",
    "peak",
    "first run",
    ...(hasCold ? ["first run, nothing compiled"] : []),
  ];
  return html`<h2>What a step asks of the device</h2>
<div class="scroll"><table>
<tr>${headings.map((heading) => html`<th>${heading}</th>`)}</tr>
${counted.map(({ id, throughput, counts, firstMilliseconds, coldMilliseconds }) => {
  const c = counts!;
  const cells = [
    throughput ? `${digits(throughput.value)} ${throughput.unit.replace("/s", "")}` : "",
    ...[c.dispatches, c.submits, c.buffersCreated, c.bindGroupsCreated, c.pipelinesCreated],
    formatBytes(c.peakBytes),
    firstMilliseconds === undefined ? "" : formatMilliseconds(firstMilliseconds),
    ...(hasCold ? [coldMilliseconds === undefined ? "" : formatMilliseconds(coldMilliseconds)] : []),
  ];
  return html`<tr><td>${breakable(id)}</td>${cells.map((text) => html`<td>${text}</td>`)}</tr>`;
})}
</table></div>`;
}
