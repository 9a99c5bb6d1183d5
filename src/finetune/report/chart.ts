import { html, type Markup } from "./html.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Faint dots, a line, or a line with a mark at every point. */
  readonly form: "dots" | "line" | "marks";
  /** Which of the style's colours: `train`, `valid`, `rate`. */
  readonly color: string;
  /** From 0 (faint) to 1; for several series of one colour. */
  readonly strength?: number;
}

export interface Chart {
  readonly title: string;
  /** What the chart says, for those who do not see it. */
  readonly description: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
  readonly stages: readonly { readonly name: string; readonly from: number; readonly to: number }[];
  readonly format: (value: number) => string;
  /** Bounds of the vertical axis; by default those of the values. */
  readonly low?: number;
  readonly high?: number;
}

/** Inner size of the drawing. It is stretched to the page; the words around it are HTML and keep their size. */
const WIDTH = 1000;
const HEIGHT = 300;
/** More dots than this are not told apart; they are drawn evenly thinned. */
const MOST_DOTS = 1500;

/** A line chart as a figure of inline SVG. Where a value is not finite its line has a gap. */
export function drawChart(chart: Chart): Markup {
  const series = chart.series.filter(({ points }) => points.some(isFinitePoint));
  const all = series.flatMap(({ points }) => points.filter(isFinitePoint));
  if (all.length === 0) return html``;
  const [left, right] = widen(
    extent([...all.map(({ x }) => x), ...chart.stages.flatMap(({ from, to }) => [from, to])]),
  );
  const [low, high] = extent(all.map(({ y }) => y));
  const ticks = niceTicks(chart.low ?? low, chart.high ?? high, 5);
  const [bottom, top] = [ticks[0], ticks[ticks.length - 1]];

  const across = (x: number) => ((x - left) / (right - left)) * 100;
  const down = (y: number) => ((top - Math.min(top, Math.max(bottom, y))) / (top - bottom)) * 100;
  const place = ({ x, y }: Point) => `${round(across(x) * (WIDTH / 100))} ${round(down(y) * (HEIGHT / 100))}`;
  const xTicks = niceTicks(left, right, 6).filter((x) => x >= left && x <= right && Number.isInteger(x));

  return html`<figure class="chart">
<figcaption>${chart.title}${legend(series)}</figcaption>
<div class="plot">
${ticks.map((y) => html`<span class="y-tick" style="top:${round(down(y))}%">${chart.format(y)}</span>`)}
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${chart.description}">
${chart.stages.map(({ from, to }, i) => {
  if (i % 2 === 0) return null;
  const [start, end] = [across(from) * (WIDTH / 100), across(to) * (WIDTH / 100)];
  return html`<rect class="band" x="${round(start)}" y="0" width="${round(end - start)}" height="${HEIGHT}"/>`;
})}
${ticks.map((y) => html`<path class="grid" d="M0 ${round(down(y) * (HEIGHT / 100))}H${WIDTH}"/>`)}
${series.map((one) => drawSeries(one, place))}
</svg>
${chart.stages.length > 1 && chart.stages.map(({ name, from }) => html`<span class="stage" style="left:${round(across(from))}%">${name}</span>`)}
${xTicks.map((x) => html`<span class="x-tick" style="left:${round(across(x))}%">${x}</span>`)}
</div>
<p class="x-label">${chart.xLabel}</p>
</figure>`;
}

function drawSeries({ points, form, color, strength = 1 }: Series, place: (point: Point) => string): Markup {
  const opacity = strength < 1 ? html` style="opacity:${round(strength)}"` : null;
  // A line of no length with a round cap is a dot, and stays round when the drawing is stretched.
  const dots = (some: readonly Point[]) => some.map((point) => `M${place(point)}h0`).join("");
  const path = (kind: string, d: string) => html`<path class="${kind} ${color}"${opacity} d="${d}"/>`;
  const finite = points.filter(isFinitePoint);
  if (form === "dots") {
    const step = Math.ceil(finite.length / MOST_DOTS);
    return path("dots", dots(finite.filter((_, i) => i % step === 0)));
  }
  let line = "";
  let pen = "M";
  for (const point of points) {
    if (isFinitePoint(point)) line += pen + place(point);
    pen = isFinitePoint(point) ? "L" : "M";
  }
  return html`${path("line", line)}${form === "marks" && path("marks", dots(finite))}`;
}

function isFinitePoint({ x, y }: Point): boolean {
  return Number.isFinite(x) && Number.isFinite(y);
}

function legend(series: readonly Series[]): Markup {
  return html`<ul class="legend">${series.map(
    ({ name, form, color, strength = 1 }) =>
      html`<li><span class="key ${form} ${color}"${strength < 1 && html` style="opacity:${round(strength)}"`}></span>${name}</li>`,
  )}</ul>`;
}

/**
 * Exponential mean over about `window` values: m(i) = a·m(i-1) + (1-a)·y(i) with a = 1 - 1/window, divided by
 * 1 - a^(i+1) so that the first values are not drawn towards 0.
 */
export function smooth(points: readonly Point[], window: number): Point[] {
  const decay = 1 - 1 / Math.max(1, window);
  let mean = 0;
  let weight = 0;
  return points
    .filter(({ y }) => Number.isFinite(y))
    .map(({ x, y }) => {
      mean = decay * mean + (1 - decay) * y;
      weight = decay * weight + (1 - decay);
      return { x, y: mean / weight };
    });
}

/** Round values, evenly spaced, that enclose the range: steps of 1, 2 or 5 times a power of ten. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const [from, to] = widen([low, high]);
  const raw = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw * 0.999) ?? raw;
  const first = Math.floor(from / step + 1e-9);
  const last = Math.ceil(to / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** A range that has a length. */
function widen([low, high]: readonly [number, number]): [number, number] {
  if (high > low) return [low, high];
  const margin = Math.abs(low) * 0.1 || 1;
  return [low - margin, low + margin];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
