import { describe, expect, it } from "vitest";
import { drawChart, niceTicks, smooth } from "../../src/finetune/report/chart.ts";

describe("niceTicks", () => {
  it.each([
    [0, 0.78, [0, 0.2, 0.4, 0.6, 0.8]],
    [0.86, 1, [0.85, 0.9, 0.95, 1]],
    [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [24.5, 60.3, [20, 30, 40, 50, 60, 70]],
    [3, 3, [2.6, 2.8, 3, 3.2, 3.4]],
  ])("encloses %d to %d in round steps", (low, high, ticks) => {
    expect(niceTicks(low, high, 5)).toEqual(ticks);
  });

  it("encloses every range in a handful of steps", () => {
    for (let i = 0; i < 200; i++) {
      const low = Math.sin(i) * 10 ** ((i % 9) - 4);
      const high = low + Math.abs(Math.cos(i * 7)) * 10 ** ((i % 7) - 4) + 1e-9;
      const ticks = niceTicks(low, high, 5);
      expect(ticks[0]).toBeLessThanOrEqual(low + (high - low) * 1e-6);
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(high - (high - low) * 1e-6);
      expect(ticks.length).toBeLessThanOrEqual(8);
    }
  });
});

describe("smooth", () => {
  const points = (...ys: number[]) => ys.map((y, x) => ({ x, y }));

  it("keeps a constant as it is from the first value on", () => {
    for (const { y } of smooth(points(2, 2, 2, 2), 10)) expect(y).toBeCloseTo(2, 12);
  });

  it("weighs the newest value by 1 / window, corrected for the start", () => {
    const [a, b] = smooth(points(1, 4), 2);
    expect(a.y).toBe(1);
    // (0.25 · 1 + 0.5 · 4) / (1 - 0.25)
    expect(b.y).toBeCloseTo(3, 12);
  });

  it("passes over what is not finite", () => {
    expect(smooth(points(1, Number.NaN, Number.POSITIVE_INFINITY, 1), 5)).toEqual([
      { x: 0, y: 1 },
      { x: 3, y: 1 },
    ]);
  });
});

describe("drawChart", () => {
  const chart = { title: "t", description: "d", xLabel: "x", stages: [], format: String };
  const line = (points: { x: number; y: number }[]) =>
    drawChart({ ...chart, series: [{ name: "s", form: "line", color: "train", points }] }).text;
  const pathOf = (svg: string) => svg.match(/class="line train" d="([^"]*)"/)?.[1];

  it("lays points out from the left bottom to the right top", () => {
    expect(pathOf(line([{ x: 0, y: 0 }, { x: 5, y: 0.5 }, { x: 10, y: 1 }]))).toBe("M0 300L500 150L1000 0"); // biome-ignore format: short
  });

  it("has a gap where a value is not finite", () => {
    const points = [0, 0.2, Number.NaN, 0.6, 1].map((y, x) => ({ x, y }));
    expect(pathOf(line(points))).toBe("M0 300L250 240M750 120L1000 0");
  });

  it("draws one point alone, and nothing of nothing", () => {
    expect(pathOf(line([{ x: 3, y: 7 }]))).toMatch(/^M500 \d+(\.\d)?$/);
    expect(line([])).toBe("");
    expect(line([{ x: 0, y: Number.NaN }])).toBe("");
  });

  it("thins many dots", () => {
    const points = Array.from({ length: 4000 }, (_, x) => ({ x, y: x }));
    const { text } = drawChart({ ...chart, series: [{ name: "s", form: "dots", color: "train", points }] });
    expect(text.match(/h0/g)!.length).toBeLessThanOrEqual(1500);
  });
});
