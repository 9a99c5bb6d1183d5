import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { type BenchReport, renderBenchPage } from "../../src/bench/index.ts";
import { useChromium } from "../support/chromium.ts";

const FOLDER = "bench/results";
/** The runs that are kept as JSON of the bench itself. */
const RUNS = (await readdir(FOLDER)).filter((name) => /^(ladders|table|end-to-end)-.*\.json$/.test(name));

const chromium = useChromium();

it("there are runs to show", () => {
  expect(RUNS).toEqual(expect.arrayContaining(["ladders-lavapipe.json", "table-lavapipe.json"]));
});

it.each(RUNS)("the page of %s fits a screen, and the names in its charts are apart", async (name) => {
  const report = JSON.parse(await readFile(`${FOLDER}/${name}`, "utf8")) as BenchReport;
  for (const [kind, context] of [
    ["light", { viewport: { width: 1100, height: 900 }, colorScheme: "light" }],
    ["dark", { viewport: { width: 1100, height: 900 }, colorScheme: "dark" }],
    ["phone", { viewport: { width: 390, height: 844 }, colorScheme: "light" }],
  ] as const) {
    const { page, screenshot } = await chromium.open(undefined, context);
    await page.setContent(renderBenchPage(report));
    // The first screen: Chromium cannot be relied on for pictures as long as all ladders.
    await screenshot(`bench-${name.replace(".json", "")}-${kind}`, { fullPage: false });
    const seen = await page.evaluate(() => {
      const boxesOf = (selector: string) =>
        [...document.querySelectorAll(selector)].map((x) => x.getBoundingClientRect());
      return {
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        names: boxesOf("svg text.name").map(({ left, right, top, bottom }) => ({ left, right, top, bottom })),
        bars: boxesOf("svg.track").map(({ width, left, right }) => ({ width, left, right })),
        background: getComputedStyle(document.body).backgroundColor,
      };
    });
    expect(seen.overflow).toBe(0);
    expect(seen.background).toBe(kind === "dark" ? "rgb(21, 24, 28)" : "rgb(255, 255, 255)");
    // Bars are in sight, not beside the screen.
    expect(seen.bars.length).toBeGreaterThan(0);
    for (const { width, left, right } of seen.bars) {
      expect(width).toBeGreaterThan(100);
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThanOrEqual(context.viewport.width);
    }
    const overlaps = seen.names.flatMap((a, i) =>
      seen.names.slice(i + 1).filter((b) => {
        // Boxes of letters are higher than the letters.
        const [across, down] = [
          Math.min(a.right, b.right) - Math.max(a.left, b.left),
          Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top),
        ];
        return across > 0 && down > (a.bottom - a.top) / 4;
      }),
    );
    expect(overlaps).toEqual([]);
  }
});
