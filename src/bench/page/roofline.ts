import { html, type Markup } from "../../finetune/report/html.ts";
import { digits } from "../format.ts";
import type { Peaks } from "../peaks.ts";
import type { BenchRow } from "../report.ts";
import { type PlacedLabel, placeLabels } from "./labels.ts";

const [WIDTH, HEIGHT] = [860, 420];
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 20, 16, 44];

/** Powers of ten from below the least to above the most. */
function decades(values: readonly number[]): [number, number] {
  return [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

const power = (exponent: number): string =>
  exponent >= -3 && exponent <= 4 ? String(10 ** exponent) : `10${[...String(exponent)].map(raise).join("")}`;
const raise = (character: string): string => (character === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(character)]);

const nameOf = ({ suite, group, id }: BenchRow): string => (suite === "ladder" ? group.split("/")[0] : id);

/** A name, with a line to its point where it had to be moved. */
function drawLabel({ name, x, y, textX, textY, isLeft }: PlacedLabel): Markup {
  const line = textY !== y && html`<path class="leader" d="M${round(x)} ${round(y)}L${round(textX)} ${round(textY)}"/>`;
  const anchor = isLeft && html` text-anchor="end"`;
  return html`${line}<text class="name" x="${round(textX)}" y="${round(textY)}" dy="4"${anchor}>${name}</text>`;
}

const round = (value: number): string => value.toFixed(1);

/**
 * Rate over arithmetic intensity, both logarithmic, under the roof that the adapter's bandwidth and multiply-adds make.
 * Only rows that have operations and bytes are in it; nothing when there are none.
 */
export function drawRoofline(rows: readonly BenchRow[], peaks: Peaks, isBest: (row: BenchRow) => boolean): Markup {
  const points = rows.flatMap((row) =>
    row.gigaflops !== undefined && row.bytes > 0 ? [{ row, x: row.operations / row.bytes, y: row.gigaflops }] : [],
  );
  if (points.length === 0) return html``;
  // The best lie on top.
  points.sort((a, b) => Number(isBest(a.row)) - Number(isBest(b.row)));
  const ridge = peaks.gigaflops / peaks.gigabytes;
  const [left, right] = decades([ridge / 4, ridge * 4, ...points.map(({ x }) => x)]);
  const [low, high] = decades([peaks.gigaflops, ...points.map(({ y }) => y)]);
  const across = (x: number): number => LEFT + ((Math.log10(x) - left) / (right - left)) * (WIDTH - LEFT - RIGHT);
  const down = (y: number): number => TOP + ((high - Math.log10(y)) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const slopeStart = Math.max(10 ** left, 10 ** low / peaks.gigabytes);
  const roof = `M${round(across(slopeStart))} ${round(down(slopeStart * peaks.gigabytes))}L${round(across(ridge))} ${round(down(peaks.gigaflops))}H${WIDTH - RIGHT}`;
  const places = points.map(({ row, x, y }) => ({ row, name: nameOf(row), x: across(x), y: down(y) }));
  const labels = placeLabels(
    places.filter(({ row }) => isBest(row)),
    places.filter(({ row }) => !isBest(row)),
    { left: LEFT, right: WIDTH, top: TOP, bottom: HEIGHT - BOTTOM },
  );
  const description = `Roofline of ${points.length} kernels under ${digits(peaks.gigaflops)} GFLOP/s and ${digits(peaks.gigabytes)} GB/s`;
  return html`<figure>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${description}">
${range(left, right).map((exponent) => {
  const x = round(across(10 ** exponent));
  return html`<path class="grid" d="M${x} ${TOP}V${HEIGHT - BOTTOM}"/><text x="${x}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${power(exponent)}</text>`;
})}
${range(low, high).map((exponent) => {
  const y = round(down(10 ** exponent));
  return html`<path class="grid" d="M${LEFT} ${y}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${y}" dy="4" text-anchor="end">${power(exponent)}</text>`;
})}
<path class="roof" d="${roof}"/>
${labels.map(drawLabel)}
${points.map(({ row, x, y }) => {
  const name = row.suite === "ladder" ? `${row.group.split("/")[0]} ${row.name}` : row.id;
  const [cx, cy] = [round(across(x)), round(down(y))];
  return html`<circle class="point${isBest(row) ? " best" : ""}" cx="${cx}" cy="${cy}" r="5"><title>${name}: ${digits(y)} GFLOP/s at ${digits(x)} FLOP a byte</title></circle>`;
})}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">operations a byte (each operand read once)</text>
<text x="14" y="${HEIGHT / 2}" transform="rotate(-90 14 ${HEIGHT / 2})" text-anchor="middle">GFLOP/s</text>
</svg>
<figcaption>The roof is what the adapter did in this run: ${digits(peaks.gigabytes)} GB/s of a copy and ${digits(peaks.gigaflops)} GFLOP/s of multiply-adds.</figcaption>
</figure>`;
}
