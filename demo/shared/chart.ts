import uPlot from "uplot";
import { h } from "./dom.ts";
import { colourOf, onThemeChange } from "./theme.ts";

export interface ChartSeries {
  readonly name: string;
  /** `accent` is what the reader should look at; there is one of it. */
  readonly tone: "accent" | "plain";
  /** A line through the points, or the points alone. */
  readonly kind: "line" | "dots";
}

export interface ChartOptions {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  /** What x counts: "step". */
  readonly x: string;
  format(value: number): string;
  /** Ends of the y axis; by the data where absent. */
  readonly range?: readonly [number, number];
}

export interface Chart {
  readonly element: HTMLElement;
  /** The points: x ascending, then each series with null where it has none. Drawn at the next frame. */
  setData(x: readonly number[], ...series: readonly (readonly (number | null)[])[]): void;
  /** Ends of the x axis, so that a run fills it from the left; by the data where null. */
  setEnd(end: number | null): void;
  destroy(): void;
}

/** Points that a line is marked with, at most; of more the marks would hide it. */
const MOST_MARKS = 30;
const isSparse = ({ data }: uPlot, column: number): boolean =>
  Array.from(data[column] as ArrayLike<number | null>).filter((value) => value !== null).length <= MOST_MARKS;

/**
 * A line chart by uPlot in the page's colours, as wide as its place. It is drawn at most once a frame. Those who hear the
 * page get the latest value of each series in words.
 */
export function lineChart({ title, series, x, format, range }: ChartOptions): Chart {
  const plot = h("div", { class: "plot", role: "img", "aria-label": `${title}: no points yet` });
  const legend = h(
    "ul",
    { class: "legend" },
    series.map(({ name, tone, kind }) =>
      h("li", {}, h("span", { class: `key ${tone} ${kind}`, "aria-hidden": "true" }), name),
    ),
  );
  const element = h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, h("span", {}, title, h("span", { class: "by" }, ` by ${x}`)), legend),
    plot,
  );
  let data: uPlot.AlignedData = [[], ...series.map(() => [])] as unknown as uPlot.AlignedData;
  let end: number | null = null;
  let chart: uPlot | undefined;
  let frame = 0;

  const make = (): void => {
    chart?.destroy();
    const { clientWidth: width, clientHeight: height } = plot;
    if (width === 0) return;
    const [soft, line, accent, plain] = ["--soft", "--line", "--accent", "--edge"].map(colourOf);
    const axis = {
      stroke: soft,
      font: "12px system-ui, sans-serif",
      ticks: { show: false },
      grid: { stroke: line, width: 1 },
    };
    chart = new uPlot(
      {
        width,
        height,
        cursor: { show: false },
        legend: { show: false },
        padding: [8, 12, 0, 0],
        scales: {
          x: { time: false, range: (_chart, low, high) => [Math.min(low ?? 0, 0), Math.max(end ?? high ?? 1, 1)] },
          y: range
            ? { range: () => range as [number, number] }
            : { range: (_chart, _low, high) => [0, (high ?? 1) * 1.06 || 1] },
        },
        axes: [
          {
            ...axis,
            size: 28,
            gap: 6,
            space: 60,
            grid: { show: false },
            values: (_chart, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? String(tick) : "")),
          },
          { ...axis, size: 52, gap: 8, space: 36, values: (_chart, ticks) => ticks.map(format) },
        ],
        series: [
          {},
          ...series.map(({ tone, kind }): uPlot.Series => {
            const stroke = tone === "accent" ? accent : plain;
            return kind === "dots"
              ? { stroke, paths: () => null, points: { show: true, size: 4, fill: stroke, width: 0 } }
              : {
                  stroke,
                  width: 2.25,
                  spanGaps: true,
                  points: { show: isSparse, size: 6, fill: stroke, width: 0 },
                };
          }),
        ],
      },
      data,
      plot,
    );
  };
  const draw = (): void => {
    frame = 0;
    if (!plot.isConnected) return;
    if (chart) chart.setData(data);
    else make();
  };
  const schedule = (): void => {
    frame ||= requestAnimationFrame(draw);
  };
  const resize = new ResizeObserver(() => {
    const { clientWidth: width, clientHeight: height } = plot;
    if (width === 0) return;
    if (!chart) make();
    else if (chart.width !== width || chart.height !== height) chart.setSize({ width, height });
  });
  resize.observe(plot);
  onThemeChange(() => {
    if (chart) make();
  });
  return {
    element,
    setData(xs, ...ys) {
      data = [xs, ...ys] as unknown as uPlot.AlignedData;
      const latest = series.flatMap(({ name }, i) => {
        const at = ys[i].findLastIndex((value) => value !== null);
        return at < 0 ? [] : [`${name} ${format(ys[i][at]!)} at ${x} ${xs[at]}`];
      });
      plot.setAttribute("aria-label", `${title}: ${latest.join(", ") || "no points yet"}`);
      plot.dataset.points = String(xs.length);
      schedule();
    },
    setEnd(newEnd) {
      end = newEnd;
    },
    destroy() {
      cancelAnimationFrame(frame);
      resize.disconnect();
      chart?.destroy();
    },
  };
}
